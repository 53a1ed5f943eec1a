"""What the command line decides, as one immutable value."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from adapter.authn_config import TrustFiles
from adapter.core.tls_policy import NamedFiles, TlsPolicy, named_files, policy_of
from adapter.core.trust import Headers
from adapter.core.upstream import Upstream
from kube.service.runtime import UsageError
from kube.service.settings import Address

ALWAYS_ALLOWED: Final = ("/healthz", "/livez", "/readyz")


class ApiServers(Struct, frozen=True):
    """Kubeconfig files by purpose; "" means the pod's service account or the usual files."""

    authentication: str = ""
    authorization: str = ""
    objects: str = ""
    """For the Secret and the APIService of self-managed certificates."""


class UpstreamAuth(Struct, frozen=True):
    """Where the default upstream's credentials come from beside its own files, if anywhere."""

    in_cluster: bool = False
    """The pod's service account."""
    kubeconfig: str = ""


class ServingFiles(Struct, frozen=True):
    """Where the serving certificate is; all "" for a self-signed one in memory."""

    certificate: str = ""
    key: str = ""
    folder: str = ""
    managed: str = ""
    """`NAMESPACE/NAME` of the Secret of self-managed certificates."""
    named: tuple[NamedFiles, ...] = ()
    """Further pairs, for clients that ask for their names; the first of equal names counts."""


class Remembered(Struct, frozen=True):
    """How long reviews hold, in seconds (external-metrics-api §9.3, §9.4)."""

    token: float = 10.0
    allowed: float = 10.0
    denied: float = 10.0


class Settings(Struct, frozen=True):
    """Everything `app.serve` needs. Durations are seconds."""

    upstream: Upstream
    upstream_auth: UpstreamAuth = UpstreamAuth()
    config_file: str = ""
    address: Address = Address("", 443)
    metrics_address: Address | None = None
    serving: ServingFiles = ServingFiles()
    tls: TlsPolicy = TlsPolicy()
    share_port: bool = False
    api_servers: ApiServers = ApiServers()
    trust: TrustFiles = TrustFiles()
    skip_lookup: bool = False
    tolerate_lookup_failure: bool = False
    remembered: Remembered = Remembered()
    always_allow: tuple[str, ...] = ALWAYS_ALLOWED
    cache_ttl: float = 5.0
    query_timeout: float = 10.0
    stale_for: float = 30.0
    refresh_for: float = 60.0
    relist_interval: float = 600.0
    series_max_age: float = 600.0
    """Series without a sample for longer are not discovered."""
    shutdown_delay: float = 1.0
    drain: float = 3.0


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The settings that flags spell out, each under its name with underscores.

    Raises UsageError.
    """
    host = given["bind_address"]
    kubeconfig = given["kubeconfig"] or given["lister_kubeconfig"]
    metrics_port = given["metrics_port"]
    return Settings(
        upstream=_upstream(given),
        upstream_auth=_upstream_auth(given),
        config_file=given["config"],
        address=Address(_host(host), given["secure_port"]),
        metrics_address=Address(_host(host), metrics_port) if metrics_port else None,
        serving=_serving(given),
        tls=_tls(given),
        share_port=given["permit_port_sharing"],
        api_servers=ApiServers(
            authentication=given["authentication_kubeconfig"] or kubeconfig,
            authorization=given["authorization_kubeconfig"] or kubeconfig,
            objects=kubeconfig,
        ),
        trust=_trust(given),
        skip_lookup=given["authentication_skip_lookup"],
        tolerate_lookup_failure=given["authentication_tolerate_lookup_failure"],
        remembered=Remembered(
            token=given["authentication_token_webhook_cache_ttl"] / 1000,
            allowed=given["authorization_webhook_cache_authorized_ttl"] / 1000,
            denied=given["authorization_webhook_cache_unauthorized_ttl"] / 1000,
        ),
        always_allow=given["authorization_always_allow_paths"] or ALWAYS_ALLOWED,
        cache_ttl=given["cache_ttl"] / 1000,
        query_timeout=given["query_timeout"] / 1000,
        stale_for=given["stale_for"] / 1000,
        refresh_for=given["refresh_for"] / 1000,
        relist_interval=given["metrics_relist_interval"] / 1000,
        series_max_age=(given["metrics_max_age"] or given["metrics_relist_interval"]) / 1000,
        shutdown_delay=given["shutdown_delay_duration"] / 1000,
        drain=given["shutdown_drain"] / 1000,
    )


def _host(address: str) -> str:
    """All addresses of both families are written as nothing."""
    return "" if address in ("0.0.0.0", "::") else address


def _serving(given: Mapping[str, Any]) -> ServingFiles:
    try:
        named = tuple(named_files(text) for text in given["tls_sni_cert_key"])
    except ValueError as error:
        raise UsageError(str(error)) from error
    return ServingFiles(
        given["tls_cert_file"],
        given["tls_private_key_file"],
        given["cert_dir"],
        given["tls_managed_secret"],
        named,
    )


def _tls(given: Mapping[str, Any]) -> TlsPolicy:
    try:
        return policy_of(given["tls_min_version"], given["tls_cipher_suites"])
    except ValueError as error:
        raise UsageError(str(error)) from error


def _upstream(given: Mapping[str, Any]) -> Upstream:
    return Upstream(
        url=given["prometheus_url"],
        verb=given["prometheus_verb"],
        ca_file=given["prometheus_ca_file"],
        certificate_file=given["prometheus_client_tls_cert_file"],
        key_file=given["prometheus_client_tls_key_file"],
        token_file=given["prometheus_token_file"],
        headers=dict(given["prometheus_header"]),
        max_series=given["max_series"],
    )


def _upstream_auth(given: Mapping[str, Any]) -> UpstreamAuth:
    in_cluster, kubeconfig = given["prometheus_auth_incluster"], given["prometheus_auth_config"]
    if in_cluster and kubeconfig:
        raise UsageError("give --prometheus-auth-incluster or --prometheus-auth-config, not both")
    return UpstreamAuth(in_cluster, kubeconfig)


def _trust(given: Mapping[str, Any]) -> TrustFiles:
    default = Headers()
    return TrustFiles(
        client_ca_file=given["client_ca_file"],
        proxy_ca_file=given["requestheader_client_ca_file"],
        allowed_names=given["requestheader_allowed_names"],
        headers=Headers(
            username=given["requestheader_username_headers"] or default.username,
            group=given["requestheader_group_headers"] or default.group,
            extra_prefixes=given["requestheader_extra_headers_prefix"] or default.extra_prefixes,
            uid=given["requestheader_uid_headers"] or default.uid,
        ),
    )
