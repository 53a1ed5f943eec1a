"""The shape of the repository, where a slip would only show on another machine."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 300


def test_a_test_package_never_takes_the_name_of_a_package_of_ours():
    """Without `__init__.py` above it, `tests/e2e/scaler` would be imported as `scaler`."""
    orphans = [
        str(found.parent.relative_to(ROOT))
        for found in (ROOT / "tests").rglob("__init__.py")
        if found.parent != ROOT / "tests" and not (found.parent.parent / "__init__.py").exists()
    ]
    assert orphans == []


def test_files_keep_to_one_subject():
    packages = ("adapter", "scaler", "kube", "kubectl_wpa", "sandbox", "observability", "bench")
    long = {
        str(path.relative_to(ROOT)): lines
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert long == {}
