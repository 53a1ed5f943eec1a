"""The flags: how they are written, grouped and shown. `settings_of` gives them their meaning."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from kube.service import logs
from kube.service.settings import duration
from kube.vocab.times import SECOND

F = TypeVar("F", bound=Callable[..., Any])

EPILOG: Final = """\b
Example, against a local Prometheus and the cluster of your kubeconfig:
  wpa-adapter --config rules.yaml --prometheus-url http://localhost:9090 \\
      --kubeconfig ~/.kube/config --secure-port 6443
  kubectl get --raw \\
      "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue_depth"
Before it serves a rule file, see what that comes to:
  wpa-adapter check-config rules.yaml
Signals: SIGHUP reads the rule file again, SIGTERM stops in order.
"""

WITHOUT_EFFECT: Final = {
    "lister_kubeconfig": "no objects are listed; use --kubeconfig",
    "logtostderr": "logs always go to stderr",
}


class GroupedOption(click.Option):
    """An option that knows under which heading help shows it."""

    def __init__(self, *args: Any, group: str = "Other", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help has a heading for each group of options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, in the order in which groups first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Other"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def items(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """`a,b`, as Go's string slices are written; blank parts are dropped."""
    if isinstance(value, tuple):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def header(value: str | tuple[str, str]) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`."""
    if isinstance(value, tuple):
        return value
    name, separator, content = value.partition("=")
    if not separator or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a header such as X-Scope-OrgID=team")
    if not content.isprintable():
        raise click.BadParameter(f"the value of header {name} has control characters")
    return name, content


def interval(value: str | int) -> int:
    """Milliseconds of a duration of at least a second."""
    found = duration(value)
    if found < SECOND:
        raise click.BadParameter(f"{value!r} is too short; at least 1s")
    return found


def _joined(
    _ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    return tuple(part for parts in value for part in parts)


def _option(group: str, *names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, cls=GroupedOption, group=group, **attributes)


def _file(group: str, name: str, text: str) -> Callable[[F], F]:
    return _option(group, name, default="", metavar="FILE", help=text)


def _list(group: str, name: str, text: str) -> Callable[[F], F]:
    return _option(
        group, name, type=items, multiple=True, callback=_joined, metavar="A,B", help=text
    )


def _duration(group: str, name: str, default: str, text: str) -> Callable[[F], F]:
    return _option(
        group,
        name,
        type=duration,
        default=default,
        show_default=True,
        metavar="DURATION",
        help=text,
    )


def _port(group: str, name: str, default: int, text: str) -> Callable[[F], F]:
    return _option(
        group,
        name,
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        metavar="PORT",
        help=text,
    )


def _switch(group: str, name: str, text: str) -> Callable[[F], F]:
    """A Go boolean: `--name` or `--name=false`."""
    return _option(
        group, name, type=bool, is_flag=False, flag_value=True, default=False, metavar="", help=text
    )


_RULES: Final = "Rules and Prometheus"
_SERVING: Final = "Serving"
_CALLERS: Final = "Callers and permissions"
_LOGGING: Final = "Logging"
_ACCEPTED: Final = "Accepted for prometheus-adapter's sake, without effect"

_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    _file(_RULES, "--config", "Rule file; read again on change and on SIGHUP. [default: no rules]"),
    _option(
        _RULES,
        "--prometheus-url",
        required=True,
        metavar="URL",
        help="Prometheus, for example http://prometheus.monitoring:9090.",
    ),
    _option(
        _RULES,
        "--prometheus-verb",
        type=click.Choice(["POST", "GET"], case_sensitive=False),
        default="POST",
        show_default=True,
        help="HTTP method of queries.",
    ),
    _file(_RULES, "--prometheus-ca-file", "Authority of Prometheus. [default: system roots]"),
    _file(_RULES, "--prometheus-client-tls-cert-file", "Client certificate for Prometheus."),
    _file(_RULES, "--prometheus-client-tls-key-file", "Key of that certificate."),
    _file(_RULES, "--prometheus-token-file", "Bearer token for Prometheus; read again on change."),
    _option(
        _RULES,
        "--prometheus-header",
        type=header,
        multiple=True,
        metavar="NAME=VALUE",
        help="Header on every query; may be repeated.",
    ),
    _duration(_RULES, "--cache-ttl", "5s", "How long an answer of Prometheus is handed out."),
    _duration(_RULES, "--query-timeout", "10s", "How long a query may take; callers may ask less."),
    _option(
        _RULES,
        "--max-series",
        type=click.IntRange(1),
        default=5000,
        show_default=True,
        help="Answers with more series are refused.",
    ),
    _option(
        _RULES,
        "--metrics-relist-interval",
        type=interval,
        default="10m",
        show_default=True,
        metavar="DURATION",
        help="How often the metrics are looked for that only series can name.",
    ),
    _option(
        _RULES,
        "--metrics-max-age",
        type=interval,
        default=None,
        metavar="DURATION",
        help="Series without a sample for longer name none. [default: the relist interval]",
    ),
    _port(_SERVING, "--secure-port", 443, "HTTPS port; 0 takes a free one and logs it."),
    _option(
        _SERVING,
        "--bind-address",
        default="0.0.0.0",
        show_default=True,
        metavar="ADDRESS",
        help="Address to listen on.",
    ),
    _file(_SERVING, "--tls-cert-file", "Serving certificate; read again on change."),
    _file(_SERVING, "--tls-private-key-file", "Key of the serving certificate."),
    _option(
        _SERVING,
        "--cert-dir",
        default="",
        metavar="DIRECTORY",
        help="Keep a self-signed certificate here. [default: one in memory]",
    ),
    _port(_SERVING, "--metrics-port", 0, "Plain HTTP port for /metrics alone; 0 is off."),
    _duration(
        _SERVING,
        "--shutdown-delay-duration",
        "1s",
        "How long to serve on, not ready, when stopped.",
    ),
    _duration(_SERVING, "--shutdown-drain", "3s", "How long running requests then get to finish."),
    _file(
        _CALLERS, "--kubeconfig", "The cluster. [default: $KUBECONFIG, service account, ~/.kube]"
    ),
    _file(_CALLERS, "--authentication-kubeconfig", "Another file for token reviews and trust."),
    _file(_CALLERS, "--authorization-kubeconfig", "Another file for access reviews."),
    _switch(
        _CALLERS,
        "--authentication-skip-lookup",
        "Do not read the cluster's extension-apiserver-authentication; trust the files below.",
    ),
    _file(_CALLERS, "--client-ca-file", "Authority of ordinary client certificates."),
    _file(_CALLERS, "--requestheader-client-ca-file", "Authority of the front proxy."),
    _list(_CALLERS, "--requestheader-allowed-names", "Its common names. [default: any]"),
    _list(_CALLERS, "--requestheader-username-headers", "[default: X-Remote-User]"),
    _list(_CALLERS, "--requestheader-group-headers", "[default: X-Remote-Group]"),
    _list(_CALLERS, "--requestheader-extra-headers-prefix", "[default: X-Remote-Extra-]"),
    _list(_CALLERS, "--requestheader-uid-headers", "[default: none]"),
    _list(
        _CALLERS,
        "--authorization-always-allow-paths",
        'Open to everybody; a final "*" is a prefix. [default: /healthz,/livez,/readyz]',
    ),
    _option(
        _LOGGING, "-v", "--v", "verbosity", type=int, default=0, help="4 and more: log at debug."
    ),
    _option(
        _LOGGING,
        "--loglevel",
        type=click.Choice(sorted(logs.LEVELS), case_sensitive=False),
        default="info",
        show_default=True,
        help="Least severe level that is logged.",
    ),
    _option(
        _LOGGING,
        "--logencoder",
        type=click.Choice(logs.ENCODERS),
        default="json",
        show_default=True,
        help="Form of log lines.",
    ),
    _file(_ACCEPTED, "--lister-kubeconfig", ""),
    _switch(_ACCEPTED, "--logtostderr", ""),
)


def options(command: F) -> F:
    """Decorate `command` with every flag, in the order in which help shows them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def warnings_of(context: click.Context) -> list[str]:
    """What to say about flags that were given and have no effect."""
    return [
        f"--{name.replace('_', '-')} has no effect: {reason}"
        for name, reason in WITHOUT_EFFECT.items()
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    ]
