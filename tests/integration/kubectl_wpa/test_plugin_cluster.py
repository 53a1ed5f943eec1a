"""`kubectl wpa` without kubectl: its command line against a cluster's API (W-O09)."""

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from click.testing import CliRunner, Result
from msgspec import structs

from kube.vocab.times import SystemClock
from kubectl_wpa.__main__ import wpa
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.kinds.definitions import defined_resources
from sandbox.apiserver.kinds.resources import DEFINITIONS, NAMESPACES, Object, Resource
from sandbox.apiserver.storage.store import Store
from tests.integration.scaler.manifests import shipped

pytestmark = pytest.mark.asyncio

CRD = "crd/datadoghq.com_watermarkpodautoscalers.yaml"


class Fleet:
    """Three autoscalers, web and mail of two batches and web of another namespace; `dry-run` on
    them by somebody whose context names the namespace default.
    """

    def __init__(self, store: Store, folder: Path, url: str) -> None:
        self.store = store
        self.folder = folder
        self.kind = self._kind()
        self.config = folder / "kubeconfig"
        context = {"cluster": "c", "user": "u", "namespace": "default"}
        content = {
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [
                {"name": "here", "context": context},
                {"name": "shop", "context": context | {"namespace": "shop"}},
            ],
            "current-context": "here",
        }
        self.config.write_text(yaml.safe_dump(content))
        for namespace in ("default", "shop"):
            if store.find(NAMESPACES, "", namespace) is None:
                store.create(NAMESPACES, "", {"metadata": {"name": namespace}})
        self.make("web", batch="1")
        self.make("mail", batch="2")
        self.make("web", "shop", batch="2")

    def _kind(self) -> Resource:
        (manifest,) = shipped(CRD)
        return next(iter(defined_resources(self.store.create(DEFINITIONS, "", manifest))))

    def make(self, name: str, namespace: str = "default", **labels: str) -> None:
        target = {"kind": "Deployment", "name": "web"}
        source = {"metricName": "backlog", "highWatermark": "80", "lowWatermark": "20"}
        spec: Object = {
            "scaleTargetRef": target,
            "maxReplicas": 5,
            "metrics": [{"type": "External", "external": source}],
        }
        meta = {"name": name, "namespace": namespace, "labels": labels}
        self.store.create(self.kind, namespace, {"metadata": meta, "spec": spec})

    def stored(self, name: str, namespace: str = "default") -> Any:
        return self.store.get(self.kind, namespace, name)

    async def run(self, *arguments: str) -> Result:
        """One command; the server answers in the test's own loop meanwhile."""
        line = ["dry-run", *arguments]
        environ = {"KUBECONFIG": str(self.config)}
        return await asyncio.to_thread(CliRunner().invoke, wpa, line, env=environ)

    async def done(self, *arguments: str) -> str:
        result = await self.run(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    async def states(self) -> list[str]:
        return (await self.done("list", "--all", "--all-namespaces", "-ocsv")).split()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    store = Store(SystemClock())
    async with await start(build_app(store)) as server:
        yield Fleet(store, tmp_path, server.url)


def is_now(name: str, word: str) -> str:
    return f"WatermarkPodAutoscaler '{name}' dry-run option is now {word}\n"


async def test_an_object_is_switched_by_name_and_nothing_else_of_it_changes(fleet: Fleet):
    before = fleet.stored("web")["spec"]
    shown = await fleet.done("list", "web")
    assert shown == "WatermarkPodAutoscaler 'default/web' dry-run option is: false\n"
    assert await fleet.done("enable", "web") == is_now("default/web", "true")
    assert fleet.stored("web")["spec"] == before | {"dryRun": True}
    assert await fleet.states() == [
        "default,mail,disabled",
        "default,web,enabled",
        "shop,web,disabled",
    ]
    assert await fleet.done("disable", "web") == is_now("default/web", "false")
    assert fleet.stored("web")["spec"] == before | {"dryRun": False}


async def test_many_are_switched_by_label(fleet: Fleet):
    held = await fleet.done("enable", "-l", "batch=2", "--all-namespaces")
    assert held == is_now("default/mail", "true") + is_now("shop/web", "true")
    released = await fleet.done("disable", "--label-selector", "batch in (2,3)", "-n", "shop")
    assert released == is_now("shop/web", "false")
    assert await fleet.states() == [
        "default,mail,enabled",
        "default,web,disabled",
        "shop,web,disabled",
    ]


async def test_all_are_those_of_the_contexts_namespace_or_of_the_flags(fleet: Fleet):
    own = is_now("default/mail", "true") + is_now("default/web", "true")
    assert await fleet.done("enable", "--all") == own
    shops = "WatermarkPodAutoscaler 'shop/web' dry-run option is: false\n"
    assert await fleet.done("list", "--all", "-n", "shop") == shops
    assert await fleet.done("list", "--all", "--context", "shop") == shops
    everywhere = await fleet.done("enable", "--all", "--all-namespaces")
    assert everywhere == own + is_now("shop/web", "true")


async def test_a_backup_brings_back_what_differs_and_touches_no_other(fleet: Fleet):
    await fleet.done("enable", "mail")
    everything = ("--all", "--all-namespaces")
    file = fleet.folder / "saved.csv"
    file.write_text(await fleet.done("list", *everything, "--output", "csv"))
    await fleet.done("enable", *everything)
    mail = fleet.stored("mail")
    reverted = await fleet.done("revert", "--csv-file", str(file))
    assert reverted == is_now("default/web", "false") + is_now("shop/web", "false")
    assert fleet.stored("mail") == mail
    assert await fleet.done("revert", "-f", str(file), "-n", "elsewhere") == ""


async def test_what_fails_for_one_row_is_told_and_the_rest_is_done(fleet: Fleet):
    file = fleet.folder / "saved.csv"
    file.write_text("default,gone,disabled\nnonsense\ndefault,web,on\nshop,web,enabled\n")
    result = await fleet.run("revert", "-f", str(file))
    assert result.exit_code == 0
    assert result.stdout == is_now("default/web", "true") + is_now("shop/web", "true")
    assert result.stderr.splitlines() == [
        "error: WatermarkPodAutoscaler default/gone not found",
        "error: invalid line: nonsense; expected namespace,name,enabled|disabled",
        "Warning: Incorrect value for dry-run: on, defaulting to true",
        "2 of 4 failed, see the errors above",
    ]


async def test_an_object_that_refuses_the_change_does_not_stop_the_others(fleet: Fleet):
    """`mail` is older than the definition, which takes no patch of it any more."""
    broken = fleet.stored("mail")
    del broken["spec"]["scaleTargetRef"]
    fleet.store.update(structs.replace(fleet.kind, schema=None), "default", "mail", broken)
    result = await fleet.run("enable", "--all")
    assert result.exit_code == 0
    assert result.stdout == is_now("default/web", "true")
    refused, summary = result.stderr.splitlines()
    assert refused.startswith("error: default/mail: unable to set dry-run option to true, err: ")
    assert "spec.scaleTargetRef" in refused
    assert summary == "1 of 2 failed, see the errors above"


async def test_many_are_listed_in_pages(fleet: Fleet):
    for number in range(501):
        fleet.make(f"w{number:04}")
    assert len((await fleet.done("list", "--all")).splitlines()) == 503


async def test_a_bar_shows_progress_where_the_lines_go_elsewhere(fleet: Fleet):
    ours, theirs = pty.openpty()
    command = ("-m", "kubectl_wpa", "dry-run", "enable", "--all", "--kubeconfig")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, str(fleet.config), stdout=asyncio.subprocess.PIPE, stderr=theirs
    )
    out, _ = await process.communicate()
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert len(out.splitlines()) == 2
    assert "2/2" in seen


MISTAKES = {
    "list": "the watermarkpodautoscaler name or label-selector is required",
    "enable --all-namespaces": "the watermarkpodautoscaler name or label-selector is required",
    "disable -l batch=9": "no matching WatermarkPodAutoscaler intance",
    "enable gone": "WatermarkPodAutoscaler default/gone not found",
    "enable -l =x": "invalid label-selector, err: ",
    "enable web --all": "-l and --all choose many: give one of them",
    "list ..": "unable to get WatermarkPodAutoscaler, err: ",
    "revert": "the revert command requires a file as input use `--help` for an example",
    "revert -f no-such.csv": "unable to open the csv file no-such.csv, err: ",
    "list --all --context moon": "has no context 'moon' (there are: here, shop)",
    "list --all --kubeconfig no-such": "kubeconfig no-such does not exist",
}


@pytest.mark.parametrize("arguments", MISTAKES)
async def test_mistakes_are_told_with_code_1(fleet: Fleet, arguments: str):
    result = await fleet.run(*arguments.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert MISTAKES[arguments] in result.stderr


async def test_a_cluster_without_the_definition_is_named_as_such(fleet: Fleet):
    fleet.store.delete(DEFINITIONS, "", "watermarkpodautoscalers.datadoghq.com")
    for choice in ("--all", "web"):
        result = await fleet.run("list", choice)
        assert result.exit_code == 1
        assert "this cluster has no WatermarkPodAutoscalers: install" in result.stderr
