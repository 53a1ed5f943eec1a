"""The command as people run it: its own process, signals, exit codes, messages."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.adapter.kit.apiserver import fake_apiserver, kubeconfig
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus, vector
from tests.integration.adapter.kit.server import METRIC, PATIENCE, RULES, Certificates, until

pytestmark = pytest.mark.asyncio


async def run(*arguments: str) -> tuple[int | None, str]:
    """Run to the end; exit code and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapter",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


@contextlib.asynccontextmanager
async def started(
    folder: Path, *extra: str
) -> AsyncIterator[tuple[Process, str, FakePrometheus, list[Any]]]:
    """A running process with its surroundings; yields process, address, fakes, log lines."""
    async with fake_prometheus() as prometheus, fake_apiserver() as cluster:
        cluster.trust = Certificates().trust()
        cluster.allowed = lambda _: True
        (folder / "kubeconfig").write_text(kubeconfig(cluster.url))
        (folder / "rules.yaml").write_text(RULES)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adapter", "--prometheus-url", prometheus.url),
            *("--config", f"{folder}/rules.yaml", "--kubeconfig", f"{folder}/kubeconfig"),
            *("--secure-port", "0", "--bind-address", "127.0.0.1", *extra),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        lines: list[Any] = []
        stderr = process.stderr

        async def collect() -> None:
            async for line in stderr:
                if line.startswith(b"{"):
                    lines.append(json.loads(line))

        reading = asyncio.create_task(collect())
        try:
            await until(lambda: any(line["msg"] == "serving" for line in lines))
            (address,) = (line["address"] for line in lines if line["msg"] == "serving")
            yield process, f"https://{address}", prometheus, lines
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


async def test_it_serves_reloads_and_stops_in_order(tmp_path):
    async with started(tmp_path, "--shutdown-delay-duration=3s") as (process, base, fake, lines):
        async with aiohttp.ClientSession() as session:
            async with session.get(base + METRIC, ssl=False) as got:
                assert got.status == 200
            (tmp_path / "rules.yaml").write_text(RULES.replace("queue_depth", "other"))
            process.send_signal(signal.SIGHUP)
            await until(lambda: any(line["msg"] == "configuration read" for line in lines))

            released = fake.holds(vector(({}, "4")))
            slow = asyncio.create_task(
                _body(session, base + METRIC.replace("queue_depth", "other"))
            )
            await until(lambda: len(fake.queries) == 2)
            process.send_signal(signal.SIGTERM)

            async def unready():
                async with session.get(f"{base}/readyz", ssl=False) as got:
                    return got.status == 500

            await until(unready)
            released.set()
            assert (await slow)["items"][0]["value"] == "4"
            async with asyncio.timeout(PATIENCE):
                assert await process.wait() == 0
        assert not any(line["level"] == "error" for line in lines)


async def test_a_prometheus_that_hangs_does_not_keep_it(tmp_path):
    flags = ("--shutdown-delay-duration=0s", "--shutdown-drain=1s", "--query-timeout=300s")
    async with started(tmp_path, *flags) as (process, base, fake, lines):
        async with aiohttp.ClientSession() as session:
            fake.stalls()
            asked = asyncio.create_task(_body(session, base + METRIC))
            await until(lambda: fake.queries)
            process.send_signal(signal.SIGTERM)
            # The query would take five minutes more.
            async with asyncio.timeout(PATIENCE):
                await process.wait()
            with pytest.raises(aiohttp.ClientError):
                await asked
        assert not any(line["level"] == "error" for line in lines)


async def test_a_second_signal_ends_it_at_once(tmp_path):
    async with started(tmp_path, "--shutdown-delay-duration=300s") as (process, _, _, lines):
        process.send_signal(signal.SIGTERM)
        await until(lambda: any(line["msg"] == "stopping" for line in lines))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 1


async def _body(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url, ssl=False) as got:
        return await got.json()


async def test_prometheus_adapters_arguments_are_taken(tmp_path):
    flags = ("--logtostderr=true", "--v=6", "--metrics-relist-interval=1m", "--metrics-max-age=2m")
    async with started(tmp_path, *flags, f"--cert-dir={tmp_path}/certs") as (_, base, _, lines):
        warned = [line["msg"] for line in lines if line["level"] == "warning"]
        assert warned == ["without effect here: --logtostderr; see docs/adapter.md"]
        assert (tmp_path / "certs" / "apiserver.crt").exists()
        async with aiohttp.ClientSession() as session, session.get(base, ssl=False) as got:
            assert got.status == 200


async def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with fake_apiserver() as cluster:
            cluster.trust = Certificates().trust()
            (tmp_path / "kubeconfig").write_text(kubeconfig(cluster.url))
            code, text = await run(
                *("--prometheus-url", "http://x", "--kubeconfig", f"{tmp_path}/kubeconfig"),
                *("--bind-address", "127.0.0.1", "--secure-port", str(port)),
            )
    said = [line for line in text.splitlines() if not line.startswith("{")]
    assert (code, len(said)) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in said[0]
    assert "--secure-port" in said[0]


BAD_START = [
    (("--prometheus-url", "prometheus:9090"), "write one like http://prometheus:9090"),
    (("--prometheus-url", "http://x", "--secure-port", "70000"), "--secure-port"),
    (("--prometheus-url", "http://x", "--cache-ttl", "soon"), "not a duration such as 15s"),
    (("--prometheus-url", "http://x", "--prometheus-header", "bad"), "X-Scope-OrgID=team"),
    (("--prometheus-url", "http://x", "--config", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
    (("--prometheus-url", "http://x", "--tls-cert-file", "/x.crt"), "--tls-private-key-file"),
    (
        ("--prometheus-url", "https://x", "--prometheus-ca-file", "/x.crt", "--kubeconfig", "KUBE"),
        "--prometheus-ca-file: /x.crt does not exist",
    ),
    (("--prometheus-url", "http://x", "--client-ca-file", "/x.crt"), "/x.crt cannot be read"),
    (("--prometheus-url", "http://x", "--kubeconfig", "/nowhere"), "/nowhere does not exist"),
    (
        ("--kubeconfig", "BARE"),
        "ConfigMap kube-system/extension-apiserver-authentication: ",
    ),
    (("--tls-cipher-suites", "AES"), "--tls-cipher-suites: 'AES' is unknown"),
    (("--tls-min-version=3",), "--tls-min-version: '3' is none of VersionTLS10"),
    (("--tls-sni-cert-key=/x.crt,/x.key",), "--tls-sni-cert-key: /x.crt cannot be read"),
    (("--prometheus-auth-incluster", "--kubeconfig", "KUBE"), "not in a pod"),
    (("--prometheus-url", "http://x", "--promethus-url", "y"), "No such option"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_START, ids=lambda value: str(value)[:40])
async def test_what_cannot_work_is_said_at_the_start(tmp_path, arguments, message):
    async with fake_apiserver() as cluster, fake_apiserver() as bare:
        cluster.trust = Certificates().trust()
        (tmp_path / "kube").write_text(kubeconfig(cluster.url))
        (tmp_path / "bare").write_text(kubeconfig(bare.url))
        files = {"BARE": f"{tmp_path}/bare", "KUBE": f"{tmp_path}/kube"}
        code, text = await run(*(files.get(argument, argument) for argument in arguments))
    said = [line for line in text.splitlines() if not line.startswith("{")]
    assert (code, len(said)) == (2, 1), text
    assert message in said[0]


async def test_a_bad_rule_file_names_file_rule_key_and_remedy(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("externalRules:\n- seriesQuery: m\n  metricQuery: 'sum(m)'\n")
    code, text = await run("--prometheus-url", "http://x", "--config", str(rules))
    assert code == 2
    assert text.splitlines() == [
        f'wpa-adapter: {rules}:3: externalRules[0]: unknown key "metricQuery" '
        '(did you mean "metricsQuery"?); remove or correct it'
    ]


async def test_help_teaches():
    code, text = await run("--help")
    assert code == 0
    for part in ("Rules and Prometheus:", "Serving:", "Callers and permissions:", "Example"):
        assert part in text


async def test_check_config_is_a_command_of_its_own(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    code, text = await run("check-config", f"{tmp_path}/rules.yaml")
    assert code == 0
    assert 'asks         sum(queue_depth{label="sample",namespace="default"}) by (queue)' in text
    code, text = await run("check-config", "--help")
    assert code == 0
    assert "Usage: wpa-adapter check-config [OPTIONS] FILE" in text
