"""Row 002 on the real control plane: pods move to another etcd while our daemons run."""

from pathlib import Path
from typing import Final

import pytest

from tests.controlplane.kubectl import KubectlFailed
from tests.controlplane.kubelets import STATE
from tests.controlplane.rest import Refused
from tests.controlplane.waiting import eventually
from tests.e2e.callers import ask, client_pair, metric_path, value_of
from tests.e2e.daemons import Installation
from tests.e2e.split.denial import MESSAGE, Denial
from tests.e2e.split.pod_watch import PodWatch
from tests.e2e.split.site import NAMESPACE, WITHIN, Site, settled

SILENCE: Final = 40.0
"""Seconds after which the watch of this test is not believed; 150 s where nothing else is said."""


def test_a_move_of_all_pods_to_another_etcd_loses_nothing(
    spare_installation: Installation, tmp_path: Path
):
    """V-03, V-04, V-08, V-09, V-12: the steps of the table with case 5b, upstream's own."""
    with (
        settled(spare_installation, tmp_path, pods=3, depth=250) as site,
        PodWatch(site.cluster.admin_kubeconfig, NAMESPACE, SILENCE) as watch,
    ):
        eventually(lambda: (watch.versions, site.versions()), lambda found: found[0] == found[1])
        with Denial(site.cluster):
            eventually(site.refusal, lambda text: MESSAGE in text)
            every_other_write_is_denied_too(site)
            a_scale_is_accepted_and_not_carried_out(site)
            version = site.list_version()
            move(site)
            assert site.list_version() < version, "nothing went backwards"
        eventually(site.refusal, lambda text: not text)

        site.await_ready(5)
        every_later_change_is_seen(site)
        assert all(int(one) < version for one in site.versions().values())

        # Upstream's server said nothing to a watch from a version that it never had.
        eventually(
            lambda: (watch.versions, site.versions()),
            lambda found: found[0] == found[1],
            within=WITHIN,
        )
        assert watch.stats.relists.get("stalled", 0) >= 1
        assert 0 < int(watch.stats.version) < version

        assert site.scale_writes() == [200, 200, 200]
        one_scaler_leads(site)
        the_adapter_trusts_whom_it_did(site, tmp_path)
        site.are_well()


def every_other_write_is_denied_too(site: Site) -> None:
    """The subresources through which a pod can be written; the operators forgot two at first."""
    name = next(iter(site.versions()))
    change = ("--type=merge", "-p", '{"metadata":{"annotations":{"test":"denied"}}}')
    for part in ("status", "resize"):
        with pytest.raises(KubectlFailed, match=MESSAGE):
            site.kubectl("patch", "pod", name, f"--subresource={part}", *change)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "node-1"}}
    for part, body in (("eviction", eviction), ("binding", binding)):
        with pytest.raises(Refused, match=MESSAGE):
            site.cluster.rest.post(f"{path}/{part}", body)


def a_scale_is_accepted_and_not_carried_out(site: Site) -> None:
    """V-08: five are asked for, three are there, and three go on asking for five."""
    site.show(450)
    site.await_count(5)
    site.let_evaluate(5)
    page = site.shown()
    assert (page["currentReplicas"], page["runningReplicas"], page["ownedPods"]) == (5, 3, 3)
    assert page["metrics"][0]["proposal"] == 5
    assert site.scale_writes() == [200]


def move(site: Site) -> None:
    """What the operators did. Their API servers told too large a version, upstream's leave a
    watch without a word. Whether upstream's controllers list again then depends on what they meet
    while the server starts, so they are started anew: it is our daemons that have to find out.
    """
    address = site.cluster.copy_pods()
    site.cluster.restart_apiserver([f"--etcd-servers-overrides=/pods#{address}"])
    site.cluster.restart_controllers()


def every_later_change_is_seen(site: Site) -> None:
    """Pods that are added, deleted, no longer Ready and Ready again, each at a version that is
    smaller than those from before.
    """
    site.show(650)
    site.await_count(7)
    site.await_ready(7)
    site.show(300)
    site.await_count(6)
    site.await_ready(6)
    name = next(iter(site.versions()))
    site.kubectl("annotate", "pod", name, f"{STATE}=unready")
    site.await_ready(6, ready=5)
    site.kubectl("annotate", "pod", name, f"{STATE}-")
    site.await_ready(6)
    site.let_evaluate(3)
    assert site.count() == 6


def one_scaler_leads(site: Site) -> None:
    """V-09: the lease is renewed, by the one that shows the object."""
    renewed = site.lease()["renewTime"]
    eventually(lambda: site.lease()["renewTime"], lambda time: time != renewed)
    leading = [
        len(scaler.said("Leading")) - len(scaler.said("Not leading any more"))
        for scaler in site.scalers
    ]
    assert sorted(leading) == [0, 1]
    assert site.shown()["rule"] == "within_watermarks"


def the_adapter_trusts_whom_it_did(site: Site, folder: Path) -> None:
    """V-12: the aggregator is served, a stranger is not."""
    cluster, path = site.cluster, metric_path(NAMESPACE)
    eventually(lambda: value_of(cluster, path), lambda found: found == "300", within=WITHIN)
    headers = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    port = site.adapter.port
    assert ask(port, path, pair=cluster.pki.proxy_client, headers=headers).code == 200
    ask(port, path, pair=client_pair(cluster, folder, "jane")).failure(403, "Forbidden")
    assert site.adapter.said("new trust cannot be used; the old one stays") == []
