"""The command line: Go's forms, prometheus-adapter's flags, what each comes to."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from adapter import flags, flags_without_effect
from adapter.core.tls_policy import NamedFiles, TlsPolicy
from adapter.flag_forms import GroupedCommand, go_arguments
from adapter.settings import Settings, settings_of
from kube.service.runtime import UsageError

ADAPTER_MD = Path(__file__).parents[3] / "docs" / "adapter.md"

UPSTREAM_FLAGS = """
add_dir_header alsologtostderr audit-log-batch-buffer-size audit-log-batch-max-size
audit-log-batch-max-wait audit-log-batch-throttle-burst audit-log-batch-throttle-enable
audit-log-batch-throttle-qps audit-log-compress audit-log-format audit-log-maxage
audit-log-maxbackup audit-log-maxsize audit-log-mode audit-log-path audit-log-truncate-enabled
audit-log-truncate-max-batch-size audit-log-truncate-max-event-size audit-log-version
audit-policy-file audit-webhook-batch-buffer-size audit-webhook-batch-initial-backoff
audit-webhook-batch-max-size audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst
audit-webhook-batch-throttle-enable audit-webhook-batch-throttle-qps audit-webhook-config-file
audit-webhook-initial-backoff audit-webhook-mode audit-webhook-truncate-enabled
audit-webhook-truncate-max-batch-size audit-webhook-truncate-max-event-size
audit-webhook-version authentication-kubeconfig authentication-skip-lookup
authentication-token-webhook-cache-ttl authentication-tolerate-lookup-failure
authorization-always-allow-paths authorization-kubeconfig
authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
bind-address cert-dir client-burst client-ca-file client-qps config contention-profiling
debug-socket-path disable-http2 disable-http2-serving discovery-interval
enable-priority-and-fairness feature-gates http2-max-streams-per-connection lister-kubeconfig
log-flush-frequency log_backtrace_at log_dir log_file log_file_max_size logging-format
logtostderr metrics-max-age metrics-relist-interval one_output permit-address-sharing
permit-port-sharing profiling prometheus-auth-config prometheus-auth-incluster
prometheus-ca-file prometheus-client-tls-cert-file prometheus-client-tls-key-file
prometheus-header prometheus-token-file prometheus-url prometheus-verb
requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix
requestheader-group-headers requestheader-uid-headers requestheader-username-headers
secure-port skip_headers skip_log_headers stderrthreshold tls-cert-file tls-cipher-suites
tls-curve-preferences tls-min-version tls-private-key-file tls-sni-cert-key v vmodule
"""
"""What prometheus-adapter and the Kubernetes libraries in it have had, 0.9 to 0.12 and later."""

SWITCHES = {"profiling", "one-output", "skip-lookup"}


def read(*arguments: str) -> tuple[Settings, str | None]:
    """The settings and the warning that `arguments` come to. Raises ClickException, UsageError."""
    found: list[Any] = []

    @click.command(cls=GroupedCommand)
    @flags.options
    @click.pass_context
    def command(context: click.Context, /, **given: Any) -> None:
        found.extend((settings_of(given), flags_without_effect.warning_of(context)))

    command.main(list(arguments), prog_name="it", standalone_mode=False)
    return found[0], found[1]


def known() -> dict[str, click.Option]:
    @click.command()
    @flags.options
    def command(**_: Any) -> None:
        """Has the flags."""

    return {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--a=b"], ["--a=b"]),
        (["-secure-port=6443"], ["--secure-port=6443"]),
        (["-secure-port", "6443"], ["--secure-port", "6443"]),
        (["--profiling"], ["--profiling=true"]),
        (["-profiling"], ["--profiling=true"]),
        (["--profiling=false"], ["--profiling=false"]),
        (["--profiling", "false"], ["--profiling=true", "false"]),
        (["--one_output", "--log_dir=/a_b"], ["--one-output=true", "--log-dir=/a_b"]),
        (["-v4"], ["--v=4"]),
        (["-v=4"], ["--v=4"]),
        (["-v", "4"], ["-v", "4"]),
        (["--", "--one_output"], ["--", "--one_output"]),
        (["--prometheus-header", "X_A=b_c"], ["--prometheus-header", "X_A=b_c"]),
    ],
)
def test_gos_forms_are_read(given, meant):
    assert go_arguments(given, SWITCHES) == meant


def test_every_flag_of_prometheus_adapter_is_known():
    missing = {name.replace("_", "-") for name in UPSTREAM_FLAGS.split()} - known().keys()
    assert missing == set()


def test_every_flag_of_prometheus_adapter_is_taken_at_once():
    options = known()
    arguments = []
    for name in sorted(flags_without_effect.REASONS):
        switch = options[name].flag_value is True
        arguments.append(f"--{name}" if switch else f"--{name}=1")
    _, warning = read(*arguments)
    assert warning is not None
    assert set(re.findall(r"--([a-z0-9-]+)", warning)) == flags_without_effect.REASONS.keys()


def test_nothing_is_said_where_every_flag_has_a_meaning():
    assert read("--secure-port=6443", "-v=4", "--metrics-relist-interval=1m")[1] is None


def test_the_page_names_every_flag_without_effect():
    page = ADAPTER_MD.read_text(encoding="utf-8")
    named = set(re.findall(r"`--([a-z0-9-]+)`", page))
    prefixes = tuple(re.findall(r"`--([a-z0-9-]+)\*`", page))
    missing = [
        name
        for name in flags_without_effect.REASONS
        if name not in named and not name.startswith(prefixes)
    ]
    assert missing == []


def test_without_flags_prometheus_is_where_prometheus_adapter_expects_it():
    assert read()[0].upstream.url == "https://localhost"


def test_flags_come_to_settings():
    settings, _ = read(
        *("--authentication-token-webhook-cache-ttl=3s", "--permit-port-sharing"),
        *("--authorization-webhook-cache-authorized-ttl=5m", "--lister-kubeconfig=/k"),
        *("--authorization-webhook-cache-unauthorized-ttl=0", "--stale-for=1m", "--refresh-for=0"),
        *("--tls-sni-cert-key=a.crt,a.key", "--tls-sni-cert-key=b.crt,b.key:*.B.com,c"),
        *("--requestheader-allowed-names=a,b", "--requestheader-allowed-names=c"),
        *("--authentication-tolerate-lookup-failure", "--authorization-kubeconfig=/z"),
        *("--prometheus-auth-config=/p",),
    )
    remembered = settings.remembered
    assert (remembered.token, remembered.allowed, remembered.denied) == (3.0, 300.0, 0.0)
    assert settings.share_port
    assert settings.tolerate_lookup_failure
    assert (settings.stale_for, settings.refresh_for) == (60.0, 0.0)
    assert settings.serving.named == (
        NamedFiles("a.crt", "a.key"),
        NamedFiles("b.crt", "b.key", ("*.b.com", "c")),
    )
    assert settings.trust.allowed_names == ("a", "b", "c")
    servers = settings.api_servers
    assert (servers.authentication, servers.authorization) == ("/k", "/z")
    assert settings.upstream_auth.kubeconfig == "/p"


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ([], TlsPolicy()),
        (["--tls-min-version=VersionTLS10"], TlsPolicy()),
        (["--tls-min-version=VersionTLS13"], TlsPolicy("1.3")),
        (
            [
                "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,"
                "TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"
            ],
            TlsPolicy("1.2", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"),
        ),
        (["--tls-cipher-suites=TLS_AES_256_GCM_SHA384"], TlsPolicy("1.3")),
    ],
)
def test_gos_names_say_what_tls_is_spoken(arguments, policy):
    assert read(*arguments)[0].tls == policy


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--tls-min-version=1.2", "VersionTLS12"),
        ("--tls-cipher-suites=AES128-SHA", "Go's names"),
        ("--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA", "broken"),
        ("--tls-sni-cert-key=a.crt", "foo.crt,foo.key"),
        ("--tls-sni-cert-key=a.crt,a.key,b", "foo.crt,foo.key"),
        ("--tls-sni-cert-key=a.crt,a.key:", "foo.crt,foo.key"),
        ("--prometheus-auth-incluster --prometheus-auth-config=/p", "not both"),
        ("--metrics-relist-interval=10ms", "at least 1s"),
        ("--authorization-webhook-cache-authorized-ttl=soon", "not a duration"),
        ("--permit-port-sharing=maybe", "boolean"),
        ("--profiling false", "unexpected extra argument"),
        ("--logging-format=xml", "json"),
        ("--no-such-flag", "No such option"),
    ],
)
def test_a_bad_value_says_what_to_write(argument, says):
    with pytest.raises((UsageError, click.ClickException)) as caught:
        read(*argument.split())
    error = caught.value
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    assert says in text
