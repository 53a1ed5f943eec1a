"""Builds the control plane's programs once and keeps them in the user's cache folder.

`python -m tests.controlplane.build` builds with progress and prints the folder.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.controlplane import assets
from tests.controlplane.assets import MODULE, Assets, Missing
from tests.controlplane.go_progress import Progress

Say = Callable[[str], None]

WANTED_GO: Final = (1, 26)
INSTALL: Final = "install Go 1.26 or newer and put `go` on PATH"
PLACES: Final = ("/usr/local/go/bin", "/usr/lib/go/bin")
"""Where Go's own installers leave it, often outside PATH."""
PAUSES: Final = (10.0, 60.0)
"""Seconds before modules that could not be fetched are asked for again."""


class BuildFailed(Exception):
    """The programs could not be built; the message says why and what to do."""


def find_assets(
    build: bool, *, environ: Mapping[str, str] = os.environ, say: Say | None = None
) -> Assets | Missing:
    """The programs: from KUBEBUILDER_ASSETS, else built before, else (with `build`) built now."""
    given = assets.provided(environ)
    if given is not None:
        return given
    root, sources = assets.cache_root(environ), assets.sources_hash()
    try:
        go = _go(environ)
    except BuildFailed as error:
        ready = assets.any_build(root, sources)
        return Assets(ready) if ready else Missing(str(error))
    folder = assets.build_folder(root, sources, go.version)
    if not assets.absent(folder):
        return Assets(folder)
    if not build:
        return Missing("the control plane is not built yet; run `make controlplane` once")
    try:
        _build_once(go, folder, say or _to_stderr)
    except BuildFailed as error:
        return Missing(str(error))
    return Assets(folder)


class _Go:
    """A Go that can build the module."""

    def __init__(self, program: str, version: str, environ: Mapping[str, str]) -> None:
        self.version = version
        self._program = program
        # Without cgo no C compiler is needed and none can change the result. A user's GOFLAGS or
        # workspace must not rewrite go.mod.
        self._environ = dict(environ) | {
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly",
            "GOWORK": "off",
        }

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Run `go`; errors and output come on one pipe."""
        return subprocess.Popen(
            [self._program, *args],
            cwd=MODULE,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _go(environ: Mapping[str, str]) -> _Go:
    """The machine's Go. Raises BuildFailed where there is none or it is too old."""
    path = os.pathsep.join((environ.get("PATH", ""), *PLACES))
    program = shutil.which("go", path=path)
    if program is None:
        raise BuildFailed(f"no Go on this machine; {INSTALL}, or set KUBEBUILDER_ASSETS")
    answer = subprocess.run(
        [program, "version"],
        cwd=MODULE,
        env=dict(environ),
        check=False,
        capture_output=True,
        text=True,
    )
    found = re.search(r"\b(go(\d+)\.(\d+)\S*)", answer.stdout)
    if answer.returncode or found is None:
        problem = (answer.stderr or answer.stdout).strip() or f"exit code {answer.returncode}"
        raise BuildFailed(f"{program} version: {problem}; {INSTALL}")
    if (int(found[2]), int(found[3])) < WANTED_GO:
        raise BuildFailed(f"{program} is {found[1]}, too old; {INSTALL}")
    return _Go(program, found[1], environ)


def _build_once(go: _Go, folder: Path, say: Say) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent / "build.lock", say):
        if not assets.absent(folder):
            return  # somebody else built it while we waited
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
        try:
            _build_into(go, unfinished, say)
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _lock(file: Path, say: Say) -> Iterator[None]:
    """One build at a time; the system frees the lock when its holder dies."""
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of the control plane is under way; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build_into(go: _Go, folder: Path, say: Say) -> None:
    version = kubernetes_version((MODULE / "go.mod").read_text())
    major, minor, _ = version.removeprefix("v").split(".", 2)
    package = "k8s.io/component-base/version"
    # Without them the server calls itself v0.0.0-master, which clients stumble over.
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    linker = " ".join(["-s -w", *(f"-X {package}.{key}={value}" for key, value in stamps.items())])
    say(f"building Kubernetes {version} and kwok with {go.version}, once: 5 to 15 minutes")
    progress = Progress(say, time.monotonic, _packages(go, say))
    with go.start(
        *("build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", linker),
        *("-o", f"{folder}/", "./cmd/controlplane", "./cmd/kwok"),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            progress.line(line)
    if process.returncode:
        raise BuildFailed("go build failed:\n" + progress.complaints())
    for name in assets.CONTROL_PLANE:
        (folder / name).symlink_to("controlplane")
    if missing := assets.absent(folder):
        raise BuildFailed(f"go build left no {', '.join(missing)} in {folder}")
    progress.done()


def _packages(go: _Go, say: Say) -> int:
    """How many packages the build consists of, for the progress lines. Downloads the modules."""
    for pause in PAUSES:
        try:
            return _count_packages(go)
        except BuildFailed as error:
            say(f"{error}\nagain in {pause:g} s")
            time.sleep(pause)
    return _count_packages(go)


def _count_packages(go: _Go) -> int:
    with go.start("list", "-deps", "./...") as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    if process.returncode:
        raise BuildFailed("go list failed:\n" + "\n".join(lines[-10:]))
    return sum(not line.startswith("go: ") for line in lines)


def kubernetes_version(go_mod: str) -> str:
    """The version of Kubernetes that a go.mod requires, like "v1.36.3"."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\d+\.\d+\.\S+)$", go_mod, re.MULTILINE)
    if found is None:
        raise BuildFailed(f"{MODULE / 'go.mod'} does not require k8s.io/kubernetes")
    return found[1]


def _to_stderr(line: str) -> None:
    print(f"controlplane: {line}", file=sys.__stderr__, flush=True)


def main() -> int:
    """Build and print the folder; 1 when that cannot be."""
    found = find_assets(build=True)
    if isinstance(found, Missing):
        _to_stderr(found.reason)
        return 1
    print(found.folder)  # noqa: T201 - a program's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
