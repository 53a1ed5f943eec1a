"""prometheus-adapter's flags that have no meaning here: accepted, so that its Deployments start.

What each would do there is named by the reason it does nothing here; docs/adapter.md lists them
for people (external-metrics-api §12.4).
"""

from collections.abc import Callable
from typing import Any, Final

import click

from adapter.flag_forms import F, option, switch

GROUP: Final = "Accepted for prometheus-adapter's sake, without effect (docs/adapter.md says why)"

_AUDIT: Final = "no audit log is written; --loglevel=debug logs each request"
_HTTP2: Final = "HTTP/1.1 is served, HTTP/2 never"
_GO: Final = "there is no profiler of Go programs in here"
_KLOG: Final = "logs go to stderr, each line at once and complete"
_PACE: Final = "they pace the listing of objects, of which there is none; reviews are never paced"
_BACKENDS: Final = (
    "batch-buffer-size", "batch-max-size", "batch-max-wait", "batch-throttle-burst",
    "batch-throttle-qps", "mode", "truncate-max-batch-size", "truncate-max-event-size", "version",
)  # fmt: skip

VALUES: Final[dict[str, str]] = {
    **dict.fromkeys(("client-burst", "client-qps"), _PACE),
    "audit-policy-file": _AUDIT,
    **{f"audit-{backend}-{part}": _AUDIT for backend in ("log", "webhook") for part in _BACKENDS},
    **{
        f"audit-log-{part}": _AUDIT for part in ("format", "maxage", "maxbackup", "maxsize", "path")
    },
    "audit-webhook-batch-initial-backoff": _AUDIT,
    "audit-webhook-config-file": _AUDIT,
    "audit-webhook-initial-backoff": _AUDIT,
    "debug-socket-path": _GO,
    "discovery-interval": "no kinds of objects are discovered: external metrics have none",
    "feature-gates": "the features of Go's API server library are not in here",
    "http2-max-streams-per-connection": _HTTP2,
    "log-backtrace-at": _KLOG,
    "log-dir": _KLOG,
    "log-file": _KLOG,
    "log-file-max-size": _KLOG,
    "log-flush-frequency": _KLOG,
    "stderrthreshold": _KLOG,
    "tls-curve-preferences": "the TLS library's own order of key exchanges is kept",
    "vmodule": "there are no Go source files to match; use -v or --loglevel",
}
"""Flags that take a value, without dashes, and why they do nothing."""

SWITCHES: Final[dict[str, str]] = {
    **{
        f"audit-{backend}-{part}": _AUDIT
        for backend in ("log", "webhook")
        for part in ("batch-throttle-enable", "truncate-enabled")
    },
    "audit-log-compress": _AUDIT,
    "contention-profiling": _GO,
    "disable-http2": _HTTP2,
    "disable-http2-serving": _HTTP2,
    "enable-priority-and-fairness": "requests are answered from memory, in the order they come",
    "permit-address-sharing": "SO_REUSEADDR is always set",
    "profiling": _GO,
    **dict.fromkeys(
        (
            "add-dir-header", "alsologtostderr", "legacy-stderr-threshold-behavior", "logtostderr",
            "one-output", "skip-headers", "skip-log-headers",
        ),
        _KLOG,
    ),
}  # fmt: skip
"""Boolean flags, likewise."""

REASONS: Final = {**VALUES, **SWITCHES}


def options() -> list[Callable[[F], F]]:
    """An option for each of them; none reaches the command."""
    return [
        *(_value(name) for name in sorted(VALUES)),
        *(switch(GROUP, f"--{name}", "", expose_value=False) for name in sorted(SWITCHES)),
    ]


def _value(name: str) -> Callable[[F], F]:
    return option(GROUP, f"--{name}", expose_value=False, default="", metavar="VALUE", help="")


def warning_of(context: click.Context) -> str | None:
    """One line about all of them that were given; None if none was."""
    given: list[Any] = [
        name
        for name in sorted(REASONS)
        if context.get_parameter_source(name.replace("-", "_"))
        is click.core.ParameterSource.COMMANDLINE
    ]
    if not given:
        return None
    return f"without effect here: {', '.join(f'--{name}' for name in given)}; see docs/adapter.md"
