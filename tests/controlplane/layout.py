"""Where a cluster keeps its files and on which ports it listens."""

from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from tests.controlplane import kubeconfigs
from tests.controlplane.audit import POLICY
from tests.controlplane.pki import Pki
from tests.ports import free_ports

_USERS: Final = {
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kwok": ("test-kubelets", "system:masters"),
}
"""User and group of each program that calls the API server."""


class Ports(Struct, frozen=True):
    """Where everybody listens, on 127.0.0.1."""

    etcd: int
    etcd_peers: int
    apiserver: int
    controller_manager: int
    scheduler: int

    @classmethod
    def choose(cls) -> Self:
        """Ports that are free now. Nothing keeps them so until the programs listen."""
        return cls(*free_ports(5))


class Files(Struct, frozen=True):
    """What the programs read and write."""

    folder: Path
    pki: Pki

    @classmethod
    def create(cls, folder: Path) -> Self:
        """A folder with certificates and the audit policy in it."""
        folder.mkdir(parents=True, exist_ok=True)
        files = cls(folder, Pki(folder / "pki"))
        files.audit_policy.write_text(POLICY)
        return files

    @property
    def data(self) -> Path:
        """etcd's."""
        return self.folder / "etcd"

    @property
    def pods_data(self) -> Path:
        """That of the etcd that pods are moved to."""
        return self.folder / "etcd-pods"

    @property
    def audit_policy(self) -> Path:
        """What the API server audits."""
        return self.folder / "audit-policy.yaml"

    @property
    def audit_log(self) -> Path:
        """Where it does."""
        return self.folder / "audit.log"

    def log(self, program: str) -> Path:
        """What a program prints."""
        return self.folder / f"{program}.log"

    def kubeconfig(self, name: str) -> Path:
        """Kubeconfig of one of the programs, of "admin" or of a ServiceAccount."""
        return self.folder / f"{name}.kubeconfig"

    def write_kubeconfigs(self, server: str) -> None:
        """Kubeconfigs of the administrator and of the programs."""
        pairs = {name: self.pki.client(user, group) for name, (user, group) in _USERS.items()}
        for name, pair in (pairs | {"admin": self.pki.admin}).items():
            kubeconfigs.with_certificate(self.kubeconfig(name), server, self.pki.cluster.file, pair)
