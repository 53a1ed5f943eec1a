"""The manifests that the project ships: the demo applies them, it has no copies."""

from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]


def manifests_folder() -> Path:
    """`manifests/` of a checkout, or the copy inside an installed package.

    Raises FileNotFoundError.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = (package / "_manifests", package.parent / "manifests")
    for folder in candidates:
        if folder.is_dir():
            return folder
    looked = " and ".join(str(folder) for folder in candidates)
    raise FileNotFoundError(f"the manifests are neither in {looked}; install the package again")


def read_manifests(path: str) -> list[Manifest]:
    """All objects of one file, `path` relative to the folder. Raises OSError."""
    text = (manifests_folder() / path).read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document]
