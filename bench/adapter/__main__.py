"""Reads of one external metric over TLS with a front-proxy certificate.

Run: `python -m bench.adapter`. Prints JSON. The server is its own process on core 0; the load
generator, the fake Prometheus and the fake API server share core 1 with this process.
"""

import asyncio
import contextlib
import json
import os
import platform
import ssl
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from bench.adapter.load import Load, generate
from bench.processes import cpu_seconds, resident_mib
from kube.service.runtime import new_loop
from tests.integration.adapter.kit.apiserver import fake_apiserver, kubeconfig
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus, vector
from tests.integration.adapter.kit.server import METRIC, RULES, Certificates, client_certificate

_PACKAGES = ("aiohttp", "uvloop", "msgspec", "cryptography", "cachetools", "watermark-autoscaler")

_LARGE = 15
"""Answers of 10,000 series that are timed."""


@contextlib.asynccontextmanager
async def _server(
    folder: Path, certificates: Certificates, core: int
) -> AsyncIterator[tuple[int, int, FakePrometheus]]:
    """The running adapter: port, process id, and the Prometheus it asks."""
    leaf = certificates.serving.issue_cert("localhost")
    leaf.private_key_pem.write_to_path(folder / "tls.key")
    (folder / "tls.crt").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "rules.yaml").write_text(RULES)
    async with fake_prometheus() as prometheus, fake_apiserver() as cluster:
        cluster.trust = certificates.trust()
        labels = {"__name__": "queue_depth", "queue": "a"}
        prometheus.says(vector((labels, "1234.5")))
        (folder / "kubeconfig").write_text(kubeconfig(cluster.url))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adapter", "--prometheus-url", prometheus.url),
            *("--config", f"{folder}/rules.yaml", "--kubeconfig", f"{folder}/kubeconfig"),
            *(
                "--tls-cert-file",
                f"{folder}/tls.crt",
                "--tls-private-key-file",
                f"{folder}/tls.key",
            ),
            *("--secure-port", "0", "--bind-address", "127.0.0.1"),
            *("--max-series", "20000"),
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        assert process.stderr is not None
        try:
            async for line in process.stderr:
                said = json.loads(line)
                if said["msg"] == "serving":
                    yield int(said["address"].rpartition(":")[2]), process.pid, prometheus
                    return
            raise SystemExit("the adapter did not start")
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _summary(load: Load, server_cpu: float) -> dict[str, Any]:
    values, count = load.latencies_ns, len(load.latencies_ns)

    def at(share: float) -> float:
        return round(values[min(count - 1, int(count * share))] / 1e6, 3)

    return {
        "requests": count,
        "failures": load.failures,
        "requests_per_second": round(count / load.seconds, 1),
        "p50_ms": at(0.5),
        "p90_ms": at(0.9),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
        "server_cpu_us_per_request": round(server_cpu / count * 1e6, 1),
        "server_cpu_share": round(server_cpu / load.seconds, 2),
        "generator_cpu_share": round(load.cpu_seconds / load.seconds, 2),
    }


async def _measure(seconds: float, cores: tuple[int, int]) -> dict[str, Any]:
    certificates = Certificates()
    tls = ssl.create_default_context(cadata=certificates.serving.cert_pem.bytes().decode())
    client_certificate(certificates.proxies, "front-proxy-client").configure_cert(tls)
    request = (
        f"GET {METRIC}?labelSelector=queue%3Da HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: application/json, */*\r\nUser-Agent: bench\r\nX-Remote-User: hpa\r\n"
        "X-Remote-Group: system:serviceaccounts\r\nX-Remote-Group: system:authenticated\r\n\r\n"
    ).encode()
    plans = [
        ("1 connection", 1, 0.0),
        ("64 connections", 64, 0.0),
        ("8 connections at 500 requests/s", 8, 500.0),
    ]
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        async with _server(Path(name), certificates, cores[0]) as (port, pid, prometheus):
            await generate(port, request, tls, connections=8, seconds=1.0)
            for title, connections, rate in plans:
                asked, before = len(prometheus.queries), cpu_seconds(pid)
                load = await generate(
                    port, request, tls, connections=connections, seconds=seconds, rate=rate
                )
                results[title] = _summary(load, cpu_seconds(pid) - before)
                results[title]["upstream_queries"] = len(prometheus.queries) - asked
            resident = resident_mib(pid)
            results["10,000 series, not cached"] = await _large(port, request, tls, prometheus)
            results["10,000 series, not cached"]["server_resident_mib"] = resident_mib(pid)
    return {"results": results, "server_resident_mib": resident}


async def _large(
    port: int, request: bytes, tls: ssl.SSLContext, prometheus: FakePrometheus
) -> dict[str, Any]:
    """Answers with as many series as anybody asks for, each of them new to the server."""
    series = [({"queue": f"q{n}", "namespace": "default"}, f"{n}.25") for n in range(10_000)]
    prometheus.says(vector(*series))
    found = []
    for number in range(_LARGE):
        asked = request.replace(b"queue%3Da", b"queue%3Dlarge" + str(number).encode())
        load = await generate(port, asked, tls, connections=1, seconds=0.0)
        if load.failures:
            raise SystemExit("a large answer failed")
        found.append(load.latencies_ns[0] / 1e6)
    return {
        "requests": _LARGE,
        "median_ms": round(statistics.median(found), 1),
        "max_ms": round(max(found), 1),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="Length of each measurement.")
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
def main(seconds: float, server_core: int, load_core: int) -> None:
    """Measure reads and print JSON."""
    os.sched_setaffinity(0, {load_core})
    with asyncio.Runner(loop_factory=new_loop) as runner:
        measured = runner.run(_measure(seconds, (server_core, load_core)))
    settings = {
        "seconds": seconds,
        "server_core": server_core,
        "load_core": load_core,
        "tls": "1.3, ECDSA P-256, client certificate",
        "cache_ttl_seconds": 5,
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }
    report = {"bench": "adapter reads", **measured, "settings": settings}
    sys.stdout.write(json.dumps({**report, "versions": _versions()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
