"""Scraping one target: fetch, parse, label, store, and say so when it is gone."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from kube.vocab.times import Millis
from sandbox.prometheus.configuration import ConfigurationError, PrometheusConfig, ScrapeConfig
from sandbox.prometheus.samples import Labels, Samples, labels_of
from sandbox.prometheus.values import NAME

MAX_BYTES: Final = 16 * 1024 * 1024


class ScrapeError(Exception):
    """A target that gave no usable samples this time."""


class Target(Struct, frozen=True, kw_only=True):
    """Where to scrape, how, and the labels its series get."""

    url: str
    labels: dict[str, str]
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    token_file: Path | None = None


def targets_of(config: PrometheusConfig, folder: Path) -> list[Target]:
    """All targets of a configuration. Raises ConfigurationError where a CA file is unusable."""
    targets: list[Target] = []
    for job in config.scrape_configs:
        tls = _trust(job, folder)
        for static in job.static_configs:
            labels = {k: v for k, v in static.labels.items() if not k.startswith("__")}
            path = static.labels.get("__metrics_path__", job.metrics_path)
            token = job.authorization.credentials_file if job.authorization else ""
            targets.extend(
                Target(
                    url=f"{job.scheme}://{address}{path}",
                    labels={"job": job.job_name, "instance": address, **labels},
                    tls=tls,
                    server_name=(job.tls_config.server_name or None) if job.tls_config else None,
                    token_file=folder / token if token else None,
                )
                for address in static.targets
            )
    return targets


def _trust(job: ScrapeConfig, folder: Path) -> ssl.SSLContext | None:
    if job.scheme != "https":
        return None
    ca_file = job.tls_config.ca_file if job.tls_config else ""
    try:
        return ssl.create_default_context(cafile=folder / ca_file if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"job {job.job_name!r}: tls_config.ca_file {ca_file!r}: {error}"
        ) from error


class Scraper:
    """Scrapes one target again and again into `samples`, as Prometheus does.

    Each scrape also writes `up`. Series that a scrape no longer has, or all when it fails, end
    with a stale marker.
    """

    def __init__(
        self, target: Target, samples: Samples, session: aiohttp.ClientSession, timeout: float
    ) -> None:
        self.target = target
        self.last_error = ""
        self._samples = samples
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._seen: frozenset[Labels] = frozenset()

    async def scrape(self, now: Millis) -> None:
        """Scrape once; the samples are of `now`. Errors end up in `up` and `last_error`."""
        found: Mapping[Labels, float] = {}
        try:
            found = read_exposition(await self._fetch(), self.target.labels)
            self.last_error = ""
        except (ScrapeError, aiohttp.ClientError, TimeoutError, OSError) as error:
            self.last_error = f"{type(error).__name__}: {error}"
        self._seen = self._samples.replace(self._seen, found, now)
        up = labels_of({NAME: "up", **self.target.labels})
        self._samples.append(up, now, 0.0 if self.last_error else 1.0)

    async def _fetch(self) -> str:
        headers = {"Accept": "text/plain;version=0.0.4"}
        if self.target.token_file is not None:
            token = await asyncio.to_thread(self.target.token_file.read_text, "ascii")
            headers["Authorization"] = f"Bearer {token.strip()}"
        async with self._session.get(
            self.target.url,
            headers=headers,
            ssl=self.target.tls or True,
            server_hostname=self.target.server_name,
            timeout=self._timeout,
        ) as response:
            if response.status != 200:
                raise ScrapeError(f"server returned HTTP status {response.status}")
            body = await response.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES)):
                body += more
        if len(body) > MAX_BYTES:
            raise ScrapeError(f"more than {MAX_BYTES} bytes")
        return body.decode("utf-8", errors="replace")


def read_exposition(text: str, target_labels: Mapping[str, str]) -> dict[Labels, float]:
    """The samples of one exposition under the target's labels. Raises ScrapeError.

    A label of the text that the target has too becomes `exported_<name>`. Of two samples with the
    same labels the first counts.
    """
    found: dict[Labels, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.timestamp is not None:
                    raise ScrapeError(f"{sample.name}: samples with own times are not supported")
                own = {
                    f"exported_{name}" if name in target_labels else name: value
                    for name, value in sample.labels.items()
                }
                labels = labels_of({NAME: sample.name, **own, **target_labels})
                found.setdefault(labels, float(sample.value))
    except (ValueError, KeyError, IndexError) as error:
        raise ScrapeError(f"not Prometheus text format: {error}") from error
    return found
