"""The flags: how they are written, grouped and shown. `settings_of` gives them their meaning."""

from collections.abc import Callable
from typing import Any, Final

import click

from adapter import flags_without_effect
from adapter.flag_forms import F, duration_of, file, header, interval, list_of, option, port, switch
from kube.service import logs

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

_RULES: Final = "Rules and Prometheus"
_SERVING: Final = "Serving"
_CALLERS: Final = "Callers and permissions"
_LOGGING: Final = "Logging"

_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    file(_RULES, "--config", "Rule file; read again on change and on SIGHUP. [default: no rules]"),
    option(
        _RULES,
        "--prometheus-url",
        default="https://localhost",
        show_default=True,
        metavar="URL",
        help="Prometheus, for example http://prometheus.monitoring:9090.",
    ),
    option(
        _RULES,
        "--prometheus-verb",
        type=click.Choice(["POST", "GET"], case_sensitive=False),
        default="POST",
        show_default=True,
        help="HTTP method of queries.",
    ),
    file(_RULES, "--prometheus-ca-file", "Authority of Prometheus. [default: system roots]"),
    file(_RULES, "--prometheus-client-tls-cert-file", "Client certificate for Prometheus."),
    file(_RULES, "--prometheus-client-tls-key-file", "Key of that certificate."),
    file(_RULES, "--prometheus-token-file", "Bearer token for Prometheus; read again on change."),
    switch(
        _RULES,
        "--prometheus-auth-incluster",
        "Show Prometheus the pod's service account, and trust its authority.",
    ),
    file(_RULES, "--prometheus-auth-config", "Kubeconfig whose credentials Prometheus is shown."),
    option(
        _RULES,
        "--prometheus-header",
        type=header,
        multiple=True,
        metavar="NAME=VALUE",
        help="Header on every query; may be repeated.",
    ),
    duration_of(_RULES, "--cache-ttl", "5s", "How long an answer of Prometheus is handed out."),
    duration_of(
        _RULES,
        "--stale-for",
        "30s",
        "Age up to which the last good answer stands in for a failing query.",
    ),
    duration_of(
        _RULES,
        "--refresh-for",
        "60s",
        "What was read within this is refreshed in the background; 0 is off.",
    ),
    duration_of(
        _RULES, "--query-timeout", "10s", "How long a query may take; callers may ask less."
    ),
    option(
        _RULES,
        "--max-series",
        type=click.IntRange(1),
        default=5000,
        show_default=True,
        help="Answers with more series are refused.",
    ),
    option(
        _RULES,
        "--metrics-relist-interval",
        type=interval,
        default="10m",
        show_default=True,
        metavar="DURATION",
        help="How often the metrics are looked for that only series can name.",
    ),
    option(
        _RULES,
        "--metrics-max-age",
        type=interval,
        default=None,
        metavar="DURATION",
        help="Series without a sample for longer name none. [default: the relist interval]",
    ),
    port(_SERVING, "--secure-port", 443, "HTTPS port; 0 takes a free one and logs it."),
    option(
        _SERVING,
        "--bind-address",
        default="0.0.0.0",
        show_default=True,
        metavar="ADDRESS",
        help="Address to listen on.",
    ),
    file(_SERVING, "--tls-cert-file", "Serving certificate; read again on change."),
    file(_SERVING, "--tls-private-key-file", "Key of the serving certificate."),
    option(
        _SERVING,
        "--cert-dir",
        default="",
        metavar="DIRECTORY",
        help="Keep a self-signed certificate here. [default: one in memory]",
    ),
    option(
        _SERVING,
        "--tls-managed-secret",
        default="",
        metavar="NAMESPACE/NAME",
        help="Make authority and certificate, share them in this Secret, tell the APIService.",
    ),
    option(
        _SERVING,
        "--tls-sni-cert-key",
        multiple=True,
        metavar="CRT,KEY[:NAMES]",
        help="Another pair for clients that ask for NAMES [default: the certificate's].",
    ),
    list_of(
        _SERVING,
        "--tls-cipher-suites",
        "Suites of TLS 1.2, as Go names them. [default: the TLS library's]",
    ),
    option(
        _SERVING,
        "--tls-min-version",
        default="",
        metavar="VersionTLS12|VersionTLS13",
        help="Oldest TLS version served. [default: VersionTLS12]",
    ),
    switch(_SERVING, "--permit-port-sharing", "Let other processes serve the same port too."),
    port(_SERVING, "--metrics-port", 0, "Plain HTTP port for /metrics alone; 0 is off."),
    duration_of(
        _SERVING,
        "--shutdown-delay-duration",
        "1s",
        "How long to serve on, not ready, when stopped.",
    ),
    duration_of(
        _SERVING, "--shutdown-drain", "3s", "How long running requests then get to finish."
    ),
    file(_CALLERS, "--kubeconfig", "The cluster. [default: $KUBECONFIG, service account, ~/.kube]"),
    file(_CALLERS, "--lister-kubeconfig", "The same, for who calls it so."),
    file(_CALLERS, "--authentication-kubeconfig", "Another file for token reviews and trust."),
    file(_CALLERS, "--authorization-kubeconfig", "Another file for access reviews."),
    switch(
        _CALLERS,
        "--authentication-skip-lookup",
        "Do not read the cluster's extension-apiserver-authentication; trust the files below.",
    ),
    switch(
        _CALLERS,
        "--authentication-tolerate-lookup-failure",
        "Start, and be ready, even where that cannot be read.",
    ),
    duration_of(
        _CALLERS,
        "--authentication-token-webhook-cache-ttl",
        "10s",
        "How long the review of a token holds.",
    ),
    duration_of(
        _CALLERS,
        "--authorization-webhook-cache-authorized-ttl",
        "10s",
        "How long a permission holds.",
    ),
    duration_of(
        _CALLERS,
        "--authorization-webhook-cache-unauthorized-ttl",
        "10s",
        "How long a refusal holds.",
    ),
    file(_CALLERS, "--client-ca-file", "Authority of ordinary client certificates."),
    file(_CALLERS, "--requestheader-client-ca-file", "Authority of the front proxy."),
    list_of(_CALLERS, "--requestheader-allowed-names", "Its common names. [default: any]"),
    list_of(_CALLERS, "--requestheader-username-headers", "[default: X-Remote-User]"),
    list_of(_CALLERS, "--requestheader-group-headers", "[default: X-Remote-Group]"),
    list_of(_CALLERS, "--requestheader-extra-headers-prefix", "[default: X-Remote-Extra-]"),
    list_of(_CALLERS, "--requestheader-uid-headers", "[default: none]"),
    list_of(
        _CALLERS,
        "--authorization-always-allow-paths",
        'Open to everybody; a final "*" is a prefix. [default: /healthz,/livez,/readyz]',
    ),
    option(
        _LOGGING, "-v", "--v", "verbosity", type=int, default=0, help="4 and more: log at debug."
    ),
    option(
        _LOGGING,
        "--loglevel",
        type=click.Choice(sorted(logs.LEVELS), case_sensitive=False),
        default="info",
        show_default=True,
        help="Least severe level that is logged.",
    ),
    option(
        _LOGGING,
        "--logencoder",
        type=click.Choice(logs.ENCODERS),
        default="json",
        show_default=True,
        help="Form of log lines.",
    ),
    option(
        _LOGGING,
        "--logging-format",
        type=click.Choice(["json", "text"]),
        default=None,
        help="The same, as Kubernetes' components name it.",
    ),
)


def options(command: F) -> F:
    """Decorate `command` with every flag, in the order in which help shows them."""
    for one in reversed((*_OPTIONS, *flags_without_effect.options())):
        command = one(command)
    return command
