"""Credentials from a kubeconfig or from a pod's service account, read by kubernetes-asyncio.

Only this half of that library is used (D30): its calls are not. Order as controller-runtime's:
an explicit path, `$KUBECONFIG`, the pod's service account, `~/.kube/config`.
"""

import os
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml
from kubernetes_asyncio.client.configuration import Configuration
from kubernetes_asyncio.config import ConfigException, load_incluster_config
from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from kube.client.credentials import Credentials, Identity, load_client_certificate
from kube.client.errors import ConfigError
from kube.vocab.times import Clock

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")

# What the library lets escape when a kubeconfig or an exec plugin is malformed.
_MALFORMED: Final = (
    ConfigException,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    yaml.YAMLError,
)


async def load_credentials(
    kubeconfig: str | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    service_account: Path = SERVICE_ACCOUNT,
    clock: Clock | None = None,
) -> Credentials:
    """Credentials from the first source there is. Raises ConfigError naming file and fix."""
    env = os.environ if environ is None else environ
    paths = kubeconfig or env.get("KUBECONFIG") or ""
    if not paths and env.get("KUBERNETES_SERVICE_HOST") and context is None:
        return await _from_service_account(env, service_account, clock)
    if not paths:
        home = Path(env.get("HOME") or Path.home()) / ".kube" / "config"
        if not home.exists():
            raise ConfigError(
                f"no way to a cluster: no --kubeconfig, no KUBECONFIG, not in a pod and "
                f"{home} does not exist; name a file with --kubeconfig"
            )
        paths = str(home)
    return await _from_kubeconfig(paths, context, env, clock)


async def _from_service_account(
    env: Mapping[str, str], folder: Path, clock: Clock | None
) -> Credentials:
    def read() -> tuple[Configuration, Identity]:
        configuration = Configuration()
        try:
            load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration,
                token_filename=str(folder / "token"),
                cert_filename=str(folder / "ca.crt"),
                environ=env,
            )
        except (ConfigException, OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"service account in {folder}: {error} "
                "(is automountServiceAccountToken off, or the token volume missing?)"
            ) from error
        return configuration, _identity(configuration)

    async def reread() -> Identity:
        return read()[1]

    configuration, identity = read()
    return _credentials(
        f"service account in {folder}",
        configuration,
        identity,
        env,
        clock,
        reread,
        namespace=pods_namespace(folder),
    )


async def _from_kubeconfig(
    paths: str, context: str | None, env: Mapping[str, str], clock: Clock | None
) -> Credentials:
    source = f"kubeconfig {paths}"
    loader = _loader(paths, context)
    configuration = Configuration()

    async def read() -> Identity:
        try:
            await loader.load_and_set(configuration)
        except _MALFORMED as error:
            raise ConfigError(f"{source}: {_one_line(error)}") from error
        return _identity(configuration)

    identity = await read()
    chosen = loader.current_context or {"context": {}}
    return _credentials(
        source,
        configuration,
        identity,
        env,
        clock,
        read,
        namespace=chosen["context"].get("namespace") or "",
    )


def pods_namespace(folder: Path = SERVICE_ACCOUNT) -> str:
    """The namespace that our pod runs in, "" where its file cannot be read."""
    try:
        return (folder / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _loader(paths: str, context: str | None) -> KubeConfigLoader:
    """The library's loader on the merged files. Raises ConfigError."""
    files = [Path(p).expanduser() for p in paths.split(os.pathsep) if p]
    present = [file for file in files if file.exists()]
    if not present:
        raise ConfigError(f"kubeconfig {paths} does not exist; name a file with --kubeconfig")
    source = f"kubeconfig {paths}"
    try:
        # The library stumbles over files without content.
        filled = [file for file in present if yaml.safe_load(file.read_text()) is not None]
        if not filled:
            raise ConfigError(f"{source} is empty")
        merger = KubeConfigMerger(os.pathsep.join(str(file) for file in filled))
    except _MALFORMED as error:
        raise ConfigError(f"{source} cannot be read: {_one_line(error)}") from error
    merged = merger.config
    assert merged is not None, "there is content"
    contexts = [entry["name"] for entry in merged.value.get("contexts", []) if "name" in entry]
    chosen = context or merged.value.get("current-context")
    if not chosen:
        raise ConfigError(
            f"{source} has no current-context; set one with `kubectl config use-context NAME` "
            f"or name it with --context (there are: {', '.join(contexts) or 'none'})"
        )
    if chosen not in contexts:
        raise ConfigError(
            f"{source} has no context {chosen!r} (there are: {', '.join(contexts) or 'none'})"
        )
    try:
        # A base path of None lets relative certificate paths start at their own file.
        return KubeConfigLoader(
            merged,
            active_context=chosen,
            config_base_path=None,
            config_persister=lambda _config: merger.save_changes(),
        )
    except _MALFORMED as error:
        raise ConfigError(f"{source}, context {chosen!r}: {_one_line(error)}") from error


def _credentials(
    source: str,
    configuration: Configuration,
    identity: Identity,
    env: Mapping[str, str],
    clock: Clock | None,
    reread: Callable[[], Awaitable[Identity]],
    *,
    namespace: str,
) -> Credentials:
    host = str(configuration.host)
    parts = urlsplit(host)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{source}: server {host!r} is not an address like https://host:6443")
    tls = _tls(source, configuration, identity) if parts.scheme == "https" else None
    return Credentials(
        host,
        tls=tls,
        server_name=configuration.tls_server_name,
        proxy=_proxy(source, configuration.proxy, parts.scheme, parts.hostname, env),
        namespace=namespace,
        identity=identity,
        reread=reread,
        clock=clock,
    )


def _identity(configuration: Configuration) -> Identity:
    scheme, _, token = str(configuration.api_key.get("BearerToken", "")).partition(" ")
    # Token files often end in a newline, which no header may carry.
    header = f"{scheme} {token.strip()}" if token.strip() else ""
    return Identity(header, configuration.cert_file or "", configuration.key_file or "")


def _tls(source: str, configuration: Configuration, identity: Identity) -> ssl.SSLContext:
    authority = configuration.ssl_ca_cert
    try:
        tls = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"{source}: certificate authority {authority} cannot be used: {error}; "
            "it must be a readable PEM file"
        ) from error
    # Authorities made by older cluster installers lack extensions that newer Pythons demand.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if identity.certificate:
        load_client_certificate(tls, identity.certificate, identity.key)
    return tls


def _proxy(
    source: str, configured: str | None, scheme: str, hostname: str, env: Mapping[str, str]
) -> str | None:
    """`proxy-url` of the cluster, else the environment's; looked up once (python-stack §3.4)."""
    proxy = configured
    if proxy is None:
        lowered = {name.lower(): value for name, value in env.items()}
        proxies = {"no": lowered.get("no_proxy", "")}
        bypass = urllib.request.proxy_bypass_environment(hostname, proxies)  # type: ignore[attr-defined]
        proxy = None if bypass else lowered.get(f"{scheme}_proxy") or None
    if proxy and urlsplit(proxy).scheme not in {"http", "https"}:
        raise ConfigError(f"{source}: proxy {proxy!r} is not supported; use an http:// proxy")
    return proxy


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
