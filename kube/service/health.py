"""`/healthz`, `/livez`, `/readyz`: named checks, answered as Kubernetes components answer.

`ok` and 200, or 500 with the checks listed; `?verbose` lists them always, `?exclude=name` skips
one, `/readyz/<name>` asks one (external-metrics-api §8.5). Reasons go to the log, not to the
caller.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal

from aiohttp import web
from msgspec import Struct

Probe = Literal["healthz", "livez", "readyz"]
Check = Callable[[], str | None]
"""None when all is well, else what is wrong, in words. Must answer at once."""

PROBES: Final[tuple[Probe, ...]] = ("healthz", "livez", "readyz")


class _Named(Struct, frozen=True):
    name: str
    check: Check
    probes: frozenset[Probe]
    informational: bool


class Result(Struct, frozen=True):
    """What one check said; `reason` None is well."""

    name: str
    reason: str | None
    informational: bool


class HealthChecks:
    """The checks of one process."""

    def __init__(self, on_failure: Callable[[Probe, Result], None] | None = None) -> None:
        """`on_failure` hears each failed check of each probe that was asked."""
        self._checks: list[_Named] = [
            _Named("ping", lambda: None, frozenset(PROBES), informational=False)
        ]
        self._on_failure = on_failure

    def add(
        self,
        name: str,
        check: Check,
        *,
        probes: Iterable[Probe] = ("healthz", "readyz"),
        informational: bool = False,
    ) -> None:
        """Register a check. An informational one is shown and never fails the probe (E-17)."""
        if any(known.name == name for known in self._checks):
            raise ValueError(f"the health check {name!r} exists already")
        self._checks.append(_Named(name, check, frozenset(probes), informational))

    def results(self, probe: Probe) -> list[Result]:
        """What all checks of `probe` say now."""
        return [
            Result(named.name, named.check(), named.informational)
            for named in self._checks
            if probe in named.probes
        ]

    def healthy(self, probe: Probe) -> bool:
        """Whether `probe` would be answered with 200."""
        return not any(_fails(result) for result in self.results(probe))

    def routes(self) -> list[web.RouteDef]:
        """Routes of all probes, for any method, with and without a trailing slash."""
        return [
            web.route("*", f"/{probe}{tail}", self._handler(probe))
            for probe in PROBES
            for tail in ("", "/", "/{check}")
        ]

    def _handler(self, probe: Probe) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return self._answer(
                probe,
                only=request.match_info.get("check"),
                excluded=frozenset(request.query.getall("exclude", [])),
                verbose="verbose" in request.query,
            )

        return handle

    def _answer(
        self, probe: Probe, *, only: str | None, excluded: frozenset[str], verbose: bool
    ) -> web.Response:
        results = [result for result in self.results(probe) if only in (None, result.name)]
        if only is not None and not results:
            return _text(404, f"{probe} has no check {only!r}\n")
        failed = False
        lines = []
        for result in results:
            if result.reason is not None and self._on_failure is not None:
                self._on_failure(probe, result)
            failed = failed or (_fails(result) and result.name not in excluded)
            lines.append(_line(result, excluded))
        if failed:
            return _text(500, "".join(lines) + f"{probe} check failed\n")
        if verbose:
            return _text(200, "".join(lines) + f"{probe} check passed\n")
        return _text(200, "ok")


def _fails(result: Result) -> bool:
    return result.reason is not None and not result.informational


def _line(result: Result, excluded: frozenset[str]) -> str:
    if result.name in excluded:
        return f"[+]{result.name} excluded: ok\n"
    if result.reason is None:
        return f"[+]{result.name} ok\n"
    sign = "+" if result.informational else "-"
    return f"[{sign}]{result.name} failed: reason withheld\n"


def _text(status: int, body: str) -> web.Response:
    return web.Response(status=status, text=body, headers={"X-Content-Type-Options": "nosniff"})
