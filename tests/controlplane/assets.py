"""Which programs a control plane needs, and where built ones are kept."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

MODULE: Final = Path(__file__).parent / "go"
"""The Go module they are built from."""

CONTROL_PLANE: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
)
"""Names of one binary that looks at the name it is called by."""

PROGRAMS: Final = (*CONTROL_PLANE, "kwok")


class Assets(Struct, frozen=True):
    """A folder that holds every one of PROGRAMS."""

    folder: Path

    def program(self, name: str) -> Path:
        """Path of one program."""
        return self.folder / name


class Missing(Struct, frozen=True):
    """There is nothing to run; `reason` says why and what to do, in one line."""

    reason: str


def absent(folder: Path) -> tuple[str, ...]:
    """Those of PROGRAMS that `folder` lacks or that cannot be executed."""
    return tuple(name for name in PROGRAMS if not os.access(folder / name, os.X_OK))


def provided(environ: Mapping[str, str]) -> Assets | Missing | None:
    """What `KUBEBUILDER_ASSETS` names; None when it is not set."""
    value = environ.get("KUBEBUILDER_ASSETS")
    if not value:
        return None
    folder = Path(value)
    if missing := absent(folder):
        return Missing(
            f"KUBEBUILDER_ASSETS={value} lacks {', '.join(missing)}; "
            "add them there, or unset it and run `make controlplane`"
        )
    return Assets(folder)


def cache_root(environ: Mapping[str, str]) -> Path:
    """Where builds are kept, one folder each."""
    caches = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(caches) / "watermark-autoscaler" / "controlplane"


def sources_hash(module: Path = MODULE) -> str:
    """Changes when a build of `module` could come out different."""
    digest = hashlib.sha256()
    for file in sorted((module / "go.mod", module / "go.sum", *module.rglob("*.go"))):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(module).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def build_folder(root: Path, sources: str, go_version: str) -> Path:
    """Folder of one build; `go_version` as in "go1.26.1"."""
    return root / f"{sources}-{go_version}"


def any_build(root: Path, sources: str) -> Path | None:
    """The newest complete build of these sources whatever Go made it, for machines without Go."""
    folders = [folder for folder in root.glob(f"{sources}-*") if not absent(folder)]
    return max(folders, key=lambda folder: folder.stat().st_mtime, default=None)
