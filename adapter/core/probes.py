"""Health documents in the form of Kubernetes' servers (external-metrics-api §8.5, E-17)."""

from collections.abc import Collection

from msgspec import Struct


class Check(Struct, frozen=True):
    """One named check. An informational one is shown but never fails the endpoint."""

    name: str
    ok: bool
    informational: bool = False


class Probe(Struct, frozen=True):
    """The answer of a health endpoint."""

    code: int
    text: str


def probe(
    endpoint: str, checks: list[Check], *, verbose: bool = False, exclude: Collection[str] = ()
) -> Probe:
    """Answer `/endpoint`: "ok", or one line per check if it fails or `verbose` is asked for."""
    counted = [check for check in checks if check.name not in exclude]
    healthy = all(check.ok or check.informational for check in counted)
    if healthy and not verbose:
        return Probe(200, "ok")
    lines = [_line(check) for check in counted]
    lines += [f"[+]{name} excluded: ok" for name in sorted(exclude) if name in _names(checks)]
    lines.append(f"{endpoint} check {'passed' if healthy else 'failed'}\n")
    return Probe(200 if healthy else 500, "\n".join(lines))


def single_probe(checks: list[Check], name: str) -> Probe | None:
    """Answer `/endpoint/name`; None for a check that does not exist."""
    for check in checks:
        if check.name == name:
            passed = check.ok or check.informational
            return Probe(200 if passed else 500, "ok" if passed else f"{name} check failed\n")
    return None


def _line(check: Check) -> str:
    if check.ok:
        return f"[+]{check.name} ok"
    note = "informational" if check.informational else "reason withheld"
    return f"[-]{check.name} failed: {note}"


def _names(checks: list[Check]) -> set[str]:
    return {check.name for check in checks}
