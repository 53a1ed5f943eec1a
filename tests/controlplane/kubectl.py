"""Runs kubectl against one cluster."""

import os
import subprocess
from pathlib import Path

from msgspec import Struct


class KubectlFailed(Exception):
    """kubectl ended with `code`, which for `kubectl diff` is also how it reports differences."""

    def __init__(self, arguments: tuple[str, ...], code: int, stdout: str, stderr: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: code {code}\n{stderr}{stdout}")
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


class Kubectl(Struct, frozen=True):
    """kubectl with the identity of a kubeconfig. Blocks: call it through `asyncio.to_thread`
    where a server of the test's own loop has to answer meanwhile.
    """

    program: Path
    kubeconfig: Path
    home: Path
    namespace: str = ""

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 180) -> str:
        """What it prints. Raises KubectlFailed."""
        command: list[str | Path] = [self.program, f"--kubeconfig={self.kubeconfig}"]
        if self.namespace:
            command.append(f"--namespace={self.namespace}")
        done = subprocess.run(
            [*command, *arguments],
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self._environ(),
        )
        if done.returncode:
            raise KubectlFailed(arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def within(self, namespace: str) -> "Kubectl":
        """The same with another default namespace."""
        return Kubectl(self.program, self.kubeconfig, self.home, namespace)

    def as_user(self, kubeconfig: Path) -> "Kubectl":
        """The same with another identity."""
        return Kubectl(self.program, kubeconfig, self.home, self.namespace)

    def _environ(self) -> dict[str, str]:
        # A home of its own: caches of discovery, kuberc and plugins of the user stay out of it.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
        return kept | {"HOME": str(self.home)}
