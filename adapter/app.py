"""Composition root: settings in, a running server out, an orderly end when asked to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version as distribution_version
from random import random as uniform
from typing import Any, Final

from aiohttp import web

from adapter import answers
from adapter.authn import Authenticator
from adapter.authn_config import TrustSource
from adapter.catalogue import Configured
from adapter.clusters import Clusters, upstream_credentials
from adapter.debug import Debug
from adapter.discovery import Discovery
from adapter.http import Server
from adapter.managed_certificates import ManagedCertificates, SecretName
from adapter.metric_reads import MetricReads
from adapter.metrics import PROGRAM, AdapterMetrics
from adapter.pages import Pages
from adapter.planner import Planner
from adapter.refresher import Refresher
from adapter.reviews import Authorizer, TokenReviewer
from adapter.settings import Settings
from adapter.tls import ServingTls
from adapter.upstreams import Upstreams
from adapter.values import Values
from kube.service.health import HealthChecks
from kube.service.listeners import listening
from kube.service.logs import get_logger
from kube.service.metrics import LoopLag, exposition
from kube.service.settings import Address
from kube.vocab.times import Clock, SystemClock

_log = get_logger("adapter")

VERSION: Final = distribution_version("watermark-autoscaler")
START_SPREAD: Final = 1.0
"""Seconds within which those who start together ask a server first."""
_KEEP_ALIVE: Final = 180.0
"""Longer than the front proxy keeps idle connections (90 s): it should be the one to close them."""


class Running:
    """A server that answers. `address` and `metrics_address` are the ones really bound."""

    def __init__(self, address: Address, reload: asyncio.Event) -> None:
        """`reload`, once set, has the configuration file read again."""
        self.address = address
        self.metrics_address: Address | None = None
        self.reload = reload
        self.draining = False


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then fail readiness, finish running requests and return.

    Raises UsageError and ConfigError for settings that cannot work.
    """
    async with running(settings, SystemClock()) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reload.set)
        _log.info(
            "serving",
            address=f"{server.address.host or '*'}:{server.address.port}",
            prometheus=settings.upstream.url,
        )
        await stop.wait()
        server.draining = True
        _log.info("stopping", delay=settings.shutdown_delay, drain=settings.drain)
        await asyncio.sleep(settings.shutdown_delay)


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock, random: Callable[[], float] = uniform
) -> AsyncIterator[Running]:
    """The whole server, while the context is open. `random` yields numbers from 0 to 1, for what
    the replicas of a fleet must not do at the same instant.
    """
    metrics = AdapterMetrics(VERSION)
    tls = ServingTls(settings.serving, settings.tls, clock, metrics)
    trust = TrustSource(settings.trust, metrics, tls.trust)
    async with AsyncExitStack() as stack:
        credentials = await upstream_credentials(settings.upstream_auth)
        upstreams = await stack.enter_async_context(
            Upstreams(settings.upstream, clock, metrics, credentials)
        )
        configured = Configured(settings.config_file, clock, metrics, upstreams.adopt)
        clusters = Clusters(f"wpa-adapter/{VERSION}", stack)
        authentication = await clusters.client(settings.api_servers.authentication)
        authorization = await clusters.client(settings.api_servers.authorization)
        managed = await _managed(settings, clusters, tls, clock)
        await asyncio.sleep(START_SPREAD * random())
        if not settings.skip_lookup:
            await trust.read_cluster(authentication, tolerant=settings.tolerate_lookup_failure)
        planner = Planner(upstreams, clock, metrics, max_series=settings.upstream.max_series)
        values = Values(
            planner,
            clock,
            metrics,
            ttl=settings.cache_ttl,
            query_timeout=settings.query_timeout,
            stale_for=settings.stale_for,
            refresh_for=settings.refresh_for,
        )
        stack.push_async_callback(values.close)
        server = Running(settings.address, configured.reload)
        health = _health(server, tls, upstreams)
        if settings.trust.proxy_ca_file or not settings.skip_lookup:
            health.add(
                "front-proxy-authority",
                lambda: _no_proxy(trust),
                probes=["readyz"],
                informational=settings.tolerate_lookup_failure,
            )
        reads = MetricReads(configured, values, budget=settings.query_timeout)
        debug = Debug(configured, reads, values, clock)
        app = Server(
            Authenticator(
                trust,
                TokenReviewer(authentication, clock, metrics, ttl=settings.remembered.token),
                clock,
            ),
            Authorizer(
                authorization,
                clock,
                metrics,
                always_allow=settings.always_allow,
                allowed_ttl=settings.remembered.allowed,
                denied_ttl=settings.remembered.denied,
            ),
            reads,
            Pages(configured, debug, metrics, VERSION),
            health,
            metrics,
            clock,
        ).application()
        discovery = Discovery(
            configured,
            upstreams,
            clock,
            metrics,
            interval=settings.relist_interval,
            max_age=settings.series_max_age,
            random=random,
        )
        background = [
            configured.follow_file(),
            discovery.run(),
            Refresher(values, upstreams.admission, clock).run(),
            tls.follow_files(),
            tls.keep_fresh(),
            trust.follow_files(),
            LoopLag(PROGRAM, metrics.registry).run(),
        ]
        if not settings.skip_lookup:
            background.append(trust.follow_cluster(authentication))
        if managed is not None:
            background.append(managed.run())
        await stack.enter_async_context(_in_background(background))
        if settings.metrics_address is not None:
            server.metrics_address = await stack.enter_async_context(
                listening(_metrics_app(metrics), settings.metrics_address, flag="--metrics-port")
            )
        server.address = await stack.enter_async_context(
            listening(
                app,
                settings.address,
                flag="--secure-port",
                share_port=settings.share_port,
                tls=tls.context,
                drain=settings.drain,
                keep_alive=_KEEP_ALIVE,
                refusal=answers.malformed,
            )
        )
        yield server


async def _managed(
    settings: Settings, clusters: Clusters, tls: ServingTls, clock: Clock
) -> ManagedCertificates | None:
    """What makes the serving certificates, if the adapter does that itself."""
    if not settings.serving.managed:
        return None
    secret = SecretName.parse(settings.serving.managed)
    client = await clusters.client(settings.api_servers.objects)
    return ManagedCertificates(secret, client, tls, clock)


def _health(server: Running, tls: ServingTls, upstreams: Upstreams) -> HealthChecks:
    """E-17: nothing here depends on Prometheus, which is shown and never counts."""

    def failed(probe: str, result: Any) -> None:
        _log.debug("health check failed", probe=probe, check=result.name, reason=result.reason)

    checks = HealthChecks(failed)
    checks.add("shutdown", lambda: "stopping" if server.draining else None, probes=["readyz"])
    checks.add(
        "serving-certificate",
        lambda: tls.unready,
        probes=["readyz"],
    )
    checks.add(
        "prometheus",
        lambda: None if upstreams.answering else "the last query had no answer",
        probes=["readyz"],
        informational=True,
    )
    return checks


def _no_proxy(trust: TrustSource) -> str | None:
    return None if trust.verifier.trust.proxy_bundle else "no authority of a front proxy"


def _metrics_app(metrics: AdapterMetrics) -> web.Application:
    app = web.Application()
    app.router.add_get("/metrics", exposition(metrics.registry))
    return app


@asynccontextmanager
async def _in_background(work: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run endless coroutines while the context is open; one that ends is a defect, and logged."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error("background work failed", exc_info=task.exception(), work=str(task))

    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
