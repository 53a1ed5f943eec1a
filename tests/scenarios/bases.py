"""Bases of modules as nodes, and the metric that counts those that are Ready."""

from sandbox.apiserver.kinds.conditions import holds
from sandbox.apiserver.kinds.resources import NODES
from tests.scenarios.recorded import Recorded, Scrape, sample, shipped_rule
from tests.scenarios.stage import Stage

METRIC = "koupleless_ready_bases"
RULE = shipped_rule("koupleless-bases.yaml", "koupleless:ready_bases:count")


def observed_by(stage: Stage) -> None:
    """The metric as kube-state-metrics and the shipped rule make it from nodes and pods."""
    selector = {"base": "base", "version": "1.0.0", "cluster": "default"}
    series = Recorded(selector, RULE, lambda _second: kube_state(stage))
    stage.series[METRIC] = series
    stage.world.metrics.series[METRIC] = [series]


def kube_state(stage: Stage) -> Scrape:
    """What kube-state-metrics says of nodes and pods."""
    said = {}
    for node in stage.world.store.list(NODES):
        name = node["metadata"]["name"]
        labels = {
            "label_" + "".join(letter if letter.isalnum() else "_" for letter in key): value
            for key, value in node["metadata"]["labels"].items()
        }
        said[sample("kube_node_labels", node=name, **labels)] = 1.0
        ready = {"condition": "Ready", "status": "true"}
        said[sample("kube_node_status_condition", node=name, **ready)] = float(holds(node, "Ready"))
        cordoned = (node.get("spec") or {}).get("unschedulable", False)
        said[sample("kube_node_spec_unschedulable", node=name)] = float(cordoned)
    for pod in stage.pods():
        where = {"namespace": stage.namespace, "pod": pod["metadata"]["name"]}
        node = pod["spec"].get("nodeName", "")
        said[sample("kube_pod_info", **where, node=node)] = 1.0
    return said


def make_bases(stage: Stage, *versions: str) -> None:
    """A base of each version, with room for one instance, in place of the nodes there are."""
    store = stage.world.store
    (template, *_) = store.list(NODES)
    for node in store.list(NODES):
        store.delete(NODES, "", node["metadata"]["name"])
    for number, version in enumerate(versions, 1):
        name = f"vnode.{number}.test"
        labels = {
            "virtual-kubelet.koupleless.io/component": "vnode",
            "virtual-kubelet.koupleless.io/env": "test",
            "base.koupleless.io/name": "base",
            "base.koupleless.io/version": version,
            "base.koupleless.io/cluster-name": "default",
            "kubernetes.io/hostname": name,
        }
        status = template["status"] | {"allocatable": template["status"]["allocatable"].copy()}
        status["allocatable"]["pods"] = "1"
        node = {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}
        store.create(NODES, "", node)


def cordon(stage: Stage, name: str) -> None:
    """What `kubectl cordon` does."""
    node = stage.world.store.get(NODES, "", name)
    node["spec"] = {**(node.get("spec") or {}), "unschedulable": True}
    stage.world.store.update(NODES, "", name, node)
