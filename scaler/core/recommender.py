"""The recommender of a specification, validated, and what an answer says (wpa-behaviour §18).

A recommender takes the place of the metrics: a service that is asked for the count itself.
"""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct, structs

from scaler.core.metric_spec import InvalidSpec, quantity_field
from scaler.core.wire import QuantityText, RecommenderSource, TlsConfig

TlsVersion = Literal["", "TLS10", "TLS11", "TLS12", "TLS13"]
"""A version as the CRD names it; "" leaves the choice to the TLS library."""

_VERSIONS: Final[Mapping[str, TlsVersion]] = {
    version: version for version in ("", "TLS10", "TLS11", "TLS12", "TLS13")
}


class Tls(Struct, frozen=True, gc=False):
    """How to speak TLS to a recommender; files are paths where the scaler runs, "" is none."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure: bool = False
    min_version: TlsVersion = ""
    max_version: TlsVersion = ""


class Recommender(Struct, frozen=True, gc=False):
    """Whom to ask, and what to pass on; marks in thousandths, None where absent.

    `name` is upstream's name of it in labels, status and messages; `settings` are sorted by key.
    """

    url: str
    name: str
    target_type: str = ""
    high: int | None = None
    low: int | None = None
    settings: tuple[tuple[str, str], ...] = ()
    tls: Tls | None = None

    @property
    def display(self) -> str:
        """Name as in upstream's messages."""
        return self.name

    @property
    def public_url(self) -> str:
        """The address without the user and password that it may hold."""
        return without_credentials(self.url)


class Advice(Struct, frozen=True, array_like=True, gc=False):
    """A recommended count and the bounds between which the current one may stay."""

    replicas: int
    lower: int
    upper: int
    reason: str = ""


def read_recommender(source: RecommenderSource | None) -> Recommender | None:
    """The recommender of a specification, None without one. Raises InvalidSpec."""
    if source is None:
        return None
    settings = tuple(sorted((source.settings or {}).items()))
    parts = [f"targetType:{source.target_type}", *(f"{key}:{value}" for key, value in settings)]
    return Recommender(
        url=source.url,
        name=f"recommender{{{','.join(parts)}}}",
        target_type=source.target_type,
        high=_mark("highWatermark", source.high_watermark),
        low=_mark("lowWatermark", source.low_watermark),
        settings=settings,
        tls=_tls(source.tls_config),
    )


def merged(own: Tls | None, defaults: Tls | None) -> Tls:
    """The settings in force: the object's own, its files filled in from the flags' (§18).

    Name, versions and the lack of verification come from one place only, so that an object that
    sets anything is not weakened by a flag.
    """
    if own is None or defaults is None:
        return own or defaults or Tls()
    return structs.replace(
        own,
        ca_file=own.ca_file or defaults.ca_file,
        cert_file=own.cert_file or defaults.cert_file,
        key_file=own.key_file or defaults.key_file,
    )


def without_credentials(url: str) -> str:
    """`url` as it may be shown: `https://user:word@host/x` becomes `https://***@host/x`."""
    try:
        authority = urlsplit(url).netloc
    except ValueError:
        authority = url.partition("://")[2]
    user, at, _ = authority.rpartition("@")
    return url.replace(f"{user}@", "***@", 1) if at else url


def _mark(field: str, value: QuantityText | None) -> int | None:
    mark = quantity_field(f"spec.recommender.{field}", value)
    return None if mark is None else mark.milli


def _tls(config: TlsConfig | None) -> Tls | None:
    if config is None:
        return None
    tls = Tls(
        config.ca_file,
        config.cert_file,
        config.key_file,
        config.server_name,
        config.insecure_skip_verify,
        _version("minVersion", config.min_version),
        _version("maxVersion", config.max_version),
    )
    if tls.min_version and tls.max_version and tls.min_version > tls.max_version:
        raise InvalidSpec(
            f"spec.recommender.tlsConfig: minVersion {tls.min_version} is above maxVersion "
            f"{tls.max_version}"
        )
    return tls


def _version(field: str, text: str) -> TlsVersion:
    version = _VERSIONS.get(text)
    if version is None:
        raise InvalidSpec(
            f"spec.recommender.tlsConfig.{field}: {text!r} is not one of TLS10, TLS11, TLS12, TLS13"
        )
    return version
