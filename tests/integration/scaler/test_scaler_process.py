"""The process itself, in real time: signals, exit codes, what it says when something is wrong."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from kube.vocab.times import SystemClock
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import fetch
from tests.integration.scaler.process import scaler_process
from tests.integration.scaler.world import SYSTEM, World, world

FAST = "--evaluation-period=1s"
STUCK = (("/scale", "/pods", "/external.metrics.k8s.io/", "/status"), ("/events",), ("/leases/",))
"""Parts of paths, any one of each: an evaluation, an event and a renewal are under way."""


def token_kubeconfig(w: World) -> Path:
    return w.kubeconfig(token=w.cluster.service_account_token(SYSTEM, "wpa-scaler"))


async def scaled_once(w: World) -> None:
    """An object that the scaler has moved from 2 to 4."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 4000)
    await w.apply(autoscaler())
    await w.eventually(lambda: w.replicas("web") == 4)


@pytest.mark.asyncio
async def test_sigterm_ends_it_soon_with_code_0_and_a_free_lease(tmp_path):
    async with world(tmp_path, SystemClock()) as w, scaler_process(token_kubeconfig(w), FAST) as p:
        await scaled_once(w)
        assert w.lease()["holderIdentity"]
        assert (await fetch(p.health + "/readyz"))[0] == 200
        assert await p.terminate() == 0, p.text
        assert w.lease().get("holderIdentity", "") == ""
        assert w.status("web")["lastScaleTime"]
        messages = [line["msg"] for line in p.lines()]
        assert messages[0] == "Started"
        assert messages[-1] == "Stopped"
        assert "Successful rescale" in messages
        assert not p.said("Traceback")
        assert not p.said("Task was destroyed")


@pytest.mark.asyncio
async def test_sigterm_ends_it_in_time_when_the_api_server_hangs(tmp_path):
    async with world(tmp_path, SystemClock()) as w, scaler_process(token_kubeconfig(w), FAST) as p:
        await scaled_once(w)
        gate, held = asyncio.Event(), []

        async def hang(request: web.Request) -> web.Response | None:
            if request.headers.get("User-Agent") == "wpa-controller":
                held.append(request.path)
                await gate.wait()
            return None

        # An event is on its way and an evaluation under way when everything comes to a stop.
        w.faults.append(hang)
        w.put(autoscaler("bad", minReplicas=9, maxReplicas=3))
        await w.eventually(
            lambda: all(any(one in path for path in held for one in parts) for parts in STUCK)
        )
        # Code 0: it came to its end by itself, before it would have been cancelled.
        code = await p.terminate()
        gate.set()
        assert code == 0, p.text
        assert not p.said("Traceback")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("flag", "which"), [("--metrics-addr", "metrics"), ("--health-port", "health")]
)
async def test_a_port_in_use_is_one_line_and_code_2(tmp_path, flag, which):
    async with world(tmp_path, SystemClock()) as w:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            async with scaler_process(token_kubeconfig(w), **{which: port}) as p:
                assert await p.end() == 2
        (line,) = p.text.splitlines()
        assert line.startswith("wpa-scaler: ")
        assert str(port) in line
        assert "in use" in line
        assert flag in line


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("# nothing yet", "is empty"),
        ("clusters: [", "cannot be read"),
        ("{apiVersion: v1, kind: Config, contexts: []}", "no current-context"),
    ],
)
async def test_a_kubeconfig_that_is_no_use_is_one_line_and_code_2(tmp_path, content, words):
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    async with scaler_process(path) as p:
        assert await p.end() == 2
    (line,) = p.text.splitlines()
    assert line.startswith("wpa-scaler: ")
    assert str(path) in line
    assert words in line


@pytest.mark.asyncio
async def test_an_expired_token_is_said_and_a_renewed_one_taken(tmp_path):
    async with world(tmp_path, SystemClock()) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.apply(autoscaler())
        token = tmp_path / "token"
        token.write_text(w.cluster.service_account_token(SYSTEM, "wpa-scaler", seconds=1) + "\n")
        await asyncio.sleep(1.1)
        async with scaler_process(w.kubeconfig(tokenFile=str(token)), FAST) as p:
            await w.eventually(lambda: p.said("the token was refused") and p.said("Cannot list"))
            assert (await fetch(p.health + "/readyz"))[0] == 500
            (said,) = {line["msg"] for line in p.lines() if "Cannot list" in line["msg"]}
            assert said == "Cannot list or watch autoscalers"
            assert w.replicas("web") == 2
            token.write_text(w.cluster.service_account_token(SYSTEM, "wpa-scaler"))
            await w.eventually(lambda: w.replicas("web") == 4)
            assert not p.said("Traceback")
            troubles = [line["msg"] for line in p.lines() if line["level"] == "error"]
            assert len(troubles) == len(set(troubles)) == 2, "each trouble once"
            assert await p.terminate() == 0
