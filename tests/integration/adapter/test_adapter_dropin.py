"""A user of prometheus-adapter changes the image and nothing else: same file, same arguments."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.integration.adapter.kit.apiserver import fake_apiserver, kubeconfig
from tests.integration.adapter.kit.real_prometheus import NEEDS_PROMETHEUS, prometheus_with
from tests.integration.adapter.kit.server import ROOT, Certificates, until

pytestmark = [
    *NEEDS_PROMETHEUS,
    pytest.mark.asyncio,
]

CONFIG_MAP = r"""
apiVersion: v1
kind: ConfigMap
metadata: {name: adapter-config, namespace: monitoring}
data:
  config.yaml: |
    rules:
    - seriesQuery: '{__name__=~"^http_.*",namespace!="",pod!=""}'
      seriesFilters: []
      resources:
        overrides:
          namespace: {resource: namespace}
          pod: {resource: pod}
      name: {matches: ^http_(.*)_total$, as: ""}
      metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m])) by (<<.GroupBy>>)
    resourceRules:
      cpu:
        containerQuery: |
          sum by (<<.GroupBy>>) (rate(cpu_seconds_total{container!="",<<.LabelMatchers>>}[3m]))
        nodeQuery: |
          sum by (<<.GroupBy>>) (1 - rate(node_cpu_total{mode="idle",<<.LabelMatchers>>}[3m]))
        resources:
          overrides:
            instance: {resource: node}
            namespace: {resource: namespace}
            pod: {resource: pod}
        containerLabel: container
      window: 3m
    externalRules:
    # One series, one metric.
    - seriesQuery: 'queue_messages{namespace!=""}'
      resources:
        overrides:
          namespace: {resource: namespace}
      name:
        matches: ""
        as: queue_messages_waiting
      metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)'
    # A family: every counter of the application becomes a rate.
    - seriesQuery: '{__name__=~"^app_.*_total$",namespace!=""}'
      seriesFilters:
      - isNot: ^app_internal_.*
      resources:
        template: <<.Resource>>
      name:
        matches: ^(.*)_total$
        as: "${1}_per_second"
      metricsQuery: |
        sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m])) by (<<.GroupBy>>)
    # Not of a namespace, and picked apart by the template.
    - seriesQuery: '{__name__=~"^topic_lag$"}'
      resources: {namespaced: false}
      name: {as: topic_lag}
      metricsQuery: |
        <<- if .LabelValuesByName ->>
        max(<<.Series>>{
          <<- range $label, $values := .LabelValuesByName ->>
          <<$label>>=~"<<$values>>",
          <<- end ->>
        })
        <<- else ->>
        max(<<.Series>>)
        <<- end ->>
"""

DEPLOYMENT = """
spec:
  template:
    spec:
      containers:
      - name: prometheus-adapter
        args:
        - --cert-dir=/var/run/serving-cert
        - --config=/etc/adapter/config.yaml
        - --logtostderr=true
        - --metrics-relist-interval=1m
        - --metrics-max-age=5m
        - --prometheus-url=http://prometheus.monitoring.svc:9090/
        - --secure-port=6443
        - --v=4
"""


def samples() -> Iterator[str]:
    now = int(time.time())
    for at in (now - 60, now, now + 120):
        for queue, value in (("mail", 3), ("pages", 4)):
            yield f'queue_messages{{namespace="shop",queue="{queue}"}} {value} {at}'
        for topic, value in (("a", 10), ("b", 20)):
            yield f'topic_lag{{topic="{topic}"}} {value} {at}'
    for name in ("app_jobs_total", "app_internal_loops_total"):
        for minute in range(6):
            yield f'{name}{{namespace="shop"}} {60 * minute} {now - 300 + 60 * minute}'


def arguments(folder: Path, url: str) -> list[str]:
    """The Deployment's arguments; paths, address and port are of this machine."""
    (container,) = yaml.safe_load(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    here = {
        "/var/run/serving-cert": f"{folder}/certificates",
        "/etc/adapter/config.yaml": f"{folder}/config.yaml",
        "http://prometheus.monitoring.svc:9090": url,
        "6443": "0",
    }
    text = "\n".join(container["args"])
    for there, local in here.items():
        assert there in text
        text = text.replace(there, local)
    return text.splitlines()


async def values(session: aiohttp.ClientSession, base: str, path: str) -> list[str]:
    async with session.get(f"{base}{ROOT}/namespaces/{path}", ssl=False) as got:
        assert got.status == 200, await got.text()
        return [one["value"] for one in (await got.json())["items"]]


async def test_file_and_arguments_of_prometheus_adapter_work_unchanged(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_load(CONFIG_MAP)["data"]["config.yaml"])
    async with prometheus_with(tmp_path / "p", samples()) as (url, _), fake_apiserver() as cluster:
        cluster.trust = Certificates().trust()
        cluster.allowed = lambda _: True
        # Stands for the pod's service account.
        (tmp_path / "kubeconfig").write_text(kubeconfig(cluster.url))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adapter", *arguments(tmp_path, url)),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "KUBECONFIG": f"{tmp_path}/kubeconfig"},
        )
        lines: list[Any] = []
        reading = asyncio.create_task(_collect(process, lines))
        try:
            await until(lambda: any(line["msg"] == "serving" for line in lines))
            (address,) = (line["address"] for line in lines if line["msg"] == "serving")
            base = f"https://127.0.0.1:{address.rpartition(':')[2]}"
            async with aiohttp.ClientSession() as session:
                await _serves_what_prometheus_adapter_does(session, base)
        finally:
            process.kill()
            await process.wait()
            await reading
    assert (tmp_path / "certificates" / "apiserver.crt").exists()
    warned = [line["msg"] for line in lines if line["level"] in ("warning", "error")]
    assert sorted(text.split(":")[0] for text in warned) == [
        *[f"{tmp_path}/config.yaml"] * 3,
        "without effect here",
    ]


async def _serves_what_prometheus_adapter_does(session: aiohttp.ClientSession, base: str) -> None:
    async def listed() -> set[str]:
        async with session.get(base + ROOT, ssl=False) as got:
            return {one["name"] for one in (await got.json())["resources"]}

    async def complete() -> bool:
        return await listed() == {"queue_messages_waiting", "app_jobs_per_second", "topic_lag"}

    await until(complete)
    assert await values(session, base, "shop/queue_messages_waiting") == ["3", "4"]
    only_mail = "shop/queue_messages_waiting?labelSelector=queue%3Dmail"
    assert await values(session, base, only_mail) == ["3"]
    assert await values(session, base, "elsewhere/queue_messages_waiting") == []
    assert await values(session, base, "shop/app_jobs_per_second") == ["1"]
    assert await values(session, base, "any/topic_lag") == ["20"]
    both = "any/topic_lag?labelSelector=topic+in+(a,b)"
    assert await values(session, base, both) == ["20"]
    assert await values(session, base, "any/topic_lag?labelSelector=topic%3Da") == ["10"]


async def _collect(process: asyncio.subprocess.Process, lines: list[Any]) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        lines.append(json.loads(line))
