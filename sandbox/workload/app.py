"""The workload as a process: simulation in real time, Ready pods from the cluster, `/metrics`.

`/metrics` has everything for eyes, `/nsqd/<name>/metrics` is the exporter of one nsqd,
`/pods/metrics` what cAdvisor and kube-state-metrics show; `/script` tells the phase, and a POST to
it starts the script over.
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from kube.client.configuration import load_credentials
from kube.client.errors import KubeError
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from kube.service.listeners import listening
from kube.service.logs import get_logger
from kube.service.settings import Address
from kube.vocab.times import SECOND, Clock
from sandbox.workload.consumers import read_ready_pods
from sandbox.workload.exposition import CONTENT_TYPE, nsqd_text, pods_text, whole_text
from sandbox.workload.script import Script
from sandbox.workload.simulation import STEP_MS, Simulation

POLL_SECONDS: Final = 1.0

_log = get_logger("workload")


async def serve(
    script: Script, kubeconfig: str, address: Address, clock: Clock, stop: asyncio.Event
) -> None:
    """Run until `stop`. Raises UsageError, ConfigError."""
    simulation = Simulation(script)
    credentials = await load_credentials(kubeconfig)
    async with (
        ApiClient(credentials, user_agent="wpa-sandbox-workload") as client,
        listening(make_app(simulation), address, flag="--port") as bound,
        asyncio.TaskGroup() as group,
    ):
        _log.info("serving", port=bound.port, phases=[phase.name for phase in script.phases])
        tasks = [
            group.create_task(_follow_time(simulation, clock)),
            group.create_task(_follow_pods(simulation, client)),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _follow_time(simulation: Simulation, clock: Clock) -> None:
    last = clock.monotonic()
    while True:
        await asyncio.sleep(STEP_MS / SECOND)
        millis = int((clock.monotonic() - last) * SECOND)
        last += millis / SECOND
        simulation.advance(millis)


async def _follow_pods(simulation: Simulation, client: ApiClient) -> None:
    """While the cluster cannot be read, the pods last seen go on consuming."""
    namespaces = {consumer.namespace for consumer in simulation.script.consumers}
    failing = False
    while True:
        try:
            simulation.set_ready(
                await read_ready_pods(lambda path: client.send(raw_get(path)), namespaces)
            )
            failing = False
        except (KubeError, msgspec.DecodeError) as error:
            if not failing:
                _log.warning("cannot read pods", error=str(error))
            failing = True
        await asyncio.sleep(POLL_SECONDS)


def make_app(simulation: Simulation) -> web.Application:
    """The HTTP side."""

    async def everything(_: web.Request) -> web.Response:
        return _metrics(whole_text(simulation))

    async def pods(_: web.Request) -> web.Response:
        return _metrics(pods_text(simulation))

    async def nsqd(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in simulation.script.nsqd:
            names = ", ".join(simulation.script.nsqd)
            raise web.HTTPNotFound(text=f"no nsqd {name!r}; there are {names}\n")
        return _metrics(nsqd_text(simulation, name))

    async def script(request: web.Request) -> web.Response:
        if request.method == "POST":
            simulation.restart_script()
        moment = simulation.moment
        return web.json_response(
            {
                "phase": moment.phase.name,
                "left": moment.left_ms / SECOND,
                "elapsed": simulation.script_ms / SECOND,
            }
        )

    app = web.Application()
    app.router.add_get("/metrics", everything)
    app.router.add_get("/pods/metrics", pods)
    app.router.add_get("/nsqd/{name}/metrics", nsqd)
    app.router.add_get("/script", script)
    app.router.add_post("/script", script)
    return app


def _metrics(text: bytes) -> web.Response:
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
