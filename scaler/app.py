"""The composition root of the scaler: makes the parts, joins them, runs and ends them."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from importlib.metadata import version
from random import Random
from typing import Final

import msgspec
from aiohttp import web

from kube.client.configuration import load_credentials
from kube.client.discovery import Discovery
from kube.client.errors import NotFound
from kube.client.events import EventRecorder
from kube.client.items import Key
from kube.client.reflector import Reflector
from kube.client.requests import list_of
from kube.client.transport import ApiClient
from kube.service import logs
from kube.service.complaints import Complaints
from kube.service.health import HealthChecks
from kube.service.listeners import listening
from kube.service.metrics import LoopLag, exposition, new_registry
from kube.service.settings import Address
from kube.vocab.times import SECOND, Clock, SystemClock
from scaler.core.fleet import CALM, FleetBreaker
from scaler.core.own_gauges import PROGRAM
from scaler.core.wire import Autoscaler
from scaler.settings import Settings
from scaler.shell.autoscaler_series import AutoscalerSeries
from scaler.shell.evaluate import Evaluator
from scaler.shell.externals import ExternalMetrics
from scaler.shell.fleet import FleetWatch
from scaler.shell.leadership import Concerned, Leadership, Shards, Single, Sole, identity
from scaler.shell.monitors import Monitors
from scaler.shell.observe import Observer
from scaler.shell.pages import autoscalers_page
from scaler.shell.podlist import PodCounter
from scaler.shell.recommender import Recommenders, recommending
from scaler.shell.records_page import records_page
from scaler.shell.reporter import AUTOSCALERS, Reporter
from scaler.shell.resources import ResourceMetrics
from scaler.shell.rivals import Rivals
from scaler.shell.scales import Scales
from scaler.shell.series import ApiCalls, Daemon
from scaler.shell.ticker import Ticker
from scaler.state.catalogue import Catalogue
from scaler.state.feed import Feed

COMPONENT: Final = "wpa_controller"
"""Source of our events, as upstream's (wpa-behaviour §17)."""
DRAIN: Final = 2.0
"""Seconds that running evaluations get to finish when the daemon stops."""
LAST_WORDS: Final = 1.0
"""Seconds that recorded events get to be written after that; letting go of the lease gets another.
All of it fits into 5 s."""
PATIENCE: Final = 10.0
"""Seconds after which the process is ended all the same: a node without time to spare must not cost
the next leader the wait for a Lease that was not released."""

_AUTOSCALER: Final = msgspec.json.Decoder(Autoscaler)
_log = logs.get_logger("scaler")


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    clock: Clock | None = None,
    random: Random | None = None,
) -> None:
    """Run the scaler until `stop` is set. Raises UsageError and ConfigError at the start."""
    logs.configure(
        level=settings.log_level,
        encoder=settings.log_encoder,
        timestamps=settings.log_timestamps,
        nanoseconds=time.time_ns,
    )
    clock, random = clock or SystemClock(), random or Random()
    registry = new_registry(PROGRAM, version("watermark-autoscaler"))
    credentials = await load_credentials(settings.kubeconfig, settings.context, clock=clock)
    client = ApiClient(
        credentials,
        user_agent="wpa-controller",
        qps=settings.client_qps,
        burst=round(settings.client_qps * 1.5),
        timeout=settings.client_timeout / SECOND,
        on_request=ApiCalls(registry).observe,
        clock=clock,
        random=random,
    )
    async with client, AsyncExitStack() as stack:
        asking = recommending(registry, clock, settings.cluster_name, settings.recommender_tls)
        recommenders = await stack.enter_async_context(asking)
        scaler = Scaler(settings, client, clock, random, recommenders)
        series = AutoscalerSeries(scaler.catalogue, settings.label_tags)
        registry.register(scaler.own_series())
        lag = LoopLag(PROGRAM, registry)
        pages = web.Application()
        pages.router.add_get("/metrics", exposition(registry, series.text))
        pages.router.add_get("/autoscalers", autoscalers_page(scaler.catalogue))
        pages.router.add_get("/records", records_page(scaler.catalogue))
        health = web.Application()
        health.add_routes(scaler.health(stop).routes())
        probes = Address(settings.metrics_address.host, settings.health_port)
        await stack.enter_async_context(
            listening(pages, settings.metrics_address, flag="--metrics-addr", drain=0.5)
        )
        await stack.enter_async_context(listening(health, probes, flag="--health-port", drain=0.5))
        _log.info("Started", server=credentials.host, period=settings.period / SECOND)
        await scaler.run(stop, lag)
        _log.info("Stopped")


class Scaler:
    """The parts that list, watch, evaluate and report."""

    def __init__(
        self,
        settings: Settings,
        client: ApiClient,
        clock: Clock,
        random: Random,
        recommenders: Recommenders,
    ) -> None:
        discovery = Discovery(client, clock=clock)
        scales = Scales(client, discovery)
        pods = PodCounter(client, discovery, clock)
        observer = Observer(
            scales,
            pods,
            ExternalMetrics(client),
            ResourceMetrics(client),
            recommenders,
            Monitors(client),
            period=settings.period,
            max_sample_age=settings.max_sample_age,
        )
        self.recorder = EventRecorder(client, COMPONENT, clock=clock, random=random)
        self.leadership = self._leadership(settings, client, clock, random)
        self.reporter = Reporter(client, self.recorder)
        namespaces = tuple(dict.fromkeys(settings.namespaces)) or ("",)
        self.catalogue = Catalogue(self._due, on_gone=self._gone, lists=len(namespaces))
        breaker = FleetBreaker(
            settings.fleet_breaker_share,
            settings.fleet_thaw_percent,
            quiet=max(CALM, 2 * settings.period),
        )
        self.fleet = FleetWatch(breaker, self.catalogue, self.leadership, self.recorder, clock)
        self.evaluator = Evaluator(
            observer,
            scales,
            self.reporter,
            Rivals(client, self.catalogue, clock),
            clock,
            leadership=self.leadership,
            fleet=self.fleet,
            quiet=settings.skip_not_scaling_events,
        )
        self.ticker = Ticker(
            self.evaluator.evaluate,
            period=settings.period,
            workers=settings.workers,
            clock=clock,
            active=self.leadership.held,
        )
        self.reflectors = {
            namespace: Reflector(
                client,
                list_of(AUTOSCALERS, namespace),
                _AUTOSCALER,
                Feed(self.catalogue),
                clock=clock,
                random=random,
                on_error=Complaints(partial(_cannot_list, namespace), clock.monotonic),
            )
            for namespace in namespaces
        }

    def own_series(self) -> Daemon:
        """The daemon's own series."""
        return Daemon(
            self.catalogue,
            self.evaluator,
            self.reporter,
            self.ticker.stats,
            {namespace: reflector.stats for namespace, reflector in self.reflectors.items()},
            self.recorder.stats,
            self.leadership,
            self.fleet.breaker,
        )

    def health(self, stop: asyncio.Event) -> HealthChecks:
        """Ready once the autoscalers are listed, until the daemon is told to stop."""
        checks = HealthChecks()
        checks.add(
            "autoscalers-listed",
            lambda: None if self.catalogue.synced else "the autoscalers were not listed yet",
            probes=("readyz",),
        )
        checks.add(
            "shutdown",
            lambda: "the daemon is stopping" if stop.is_set() else None,
            probes=("readyz",),
        )
        return checks

    async def run(self, stop: asyncio.Event, lag: LoopLag) -> None:
        """Work until `stop` is set; then let running evaluations and events finish."""
        services = [reflector.run() for reflector in self.reflectors.values()]
        services.append(self.leadership.run())
        services += [self.ticker.run(self.catalogue), self.recorder.run(), lag.run()]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(service) for service in services]
                await stop.wait()
                await self.ticker.drain(DRAIN)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORDS):
                        await self.recorder.drained()
                for task in tasks:
                    task.cancel()
                await self.leadership.release()
        finally:
            # Whatever else ends the daemon, no evaluation goes on without it.
            await self.ticker.drain(0)

    def _leadership(
        self, settings: Settings, client: ApiClient, clock: Clock, random: Random
    ) -> Leadership:
        if not settings.leader_election:
            return Sole()
        namespace = settings.leader_election_namespace
        complaints = Complaints(_cannot_lead, clock.monotonic)
        if settings.shards == 1:
            return Single(
                client,
                namespace,
                identity(),
                clock,
                period=settings.period,
                on_change=self._leads,
                on_error=complaints,
                random=random,
            )
        return Shards(
            client,
            namespace,
            identity(),
            clock,
            count=settings.shards,
            period=settings.period,
            on_change=self._leads,
            on_error=complaints,
            random=random,
        )

    def _leads(self, lease: str, leading: bool, concerned: Concerned) -> None:
        _log.info("Leading" if leading else "Not leading any more", lease=lease)
        # Who leads from now on begins with what the objects say; who does not has nothing to show.
        self.catalogue.forget(concerned)
        self.fleet.forget(concerned)

    def _gone(self, uid: str) -> None:
        self.fleet.leave(uid)

    def _due(self, key: Key, at_once: bool) -> None:
        entry = self.catalogue.get(key)
        if entry is not None:
            self.ticker.schedule(entry, at_once=at_once)


def _cannot_list(namespace: str, error: Exception) -> None:
    text = str(error)
    if isinstance(error, NotFound):
        text += " (is the CRD installed? kubectl apply -k manifests/crd)"
    _log.error("Cannot list or watch autoscalers", error=text, namespace=namespace)


def _cannot_lead(error: Exception) -> None:
    _log.error("Cannot hold the lease", error=str(error))
