"""One cluster: starts the programs in order, waits until it is of use, ends all of them."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.controlplane import etcd, flags, kubeconfigs, kubelets
from tests.controlplane.assets import Assets
from tests.controlplane.audit import AuditEvent, read_events
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.layout import Files, Ports
from tests.controlplane.pki import Pki
from tests.controlplane.processes import Process, ProcessFailed, listening
from tests.controlplane.resource_metrics import API_SERVICE, ResourceMetrics
from tests.controlplane.rest import Refused, Rest
from tests.ports import free_ports

PATIENCE: Final = 240.0
"""Seconds a cluster may take to come up on a busy machine."""

ATTEMPTS: Final = 3
"""How often other ports are tried when somebody took one between choosing and listening."""


class ControlPlane:
    """A Kubernetes cluster as a context manager. Enter it on the main thread."""

    def __init__(self, assets: Assets, folder: Path) -> None:
        """`folder` receives everything; logs stay there when the cluster is gone."""
        self._assets = assets
        self._files = Files.create(folder)
        self._ports = Ports.choose()
        self._processes: dict[str, Process] = {}
        self._metrics: ResourceMetrics | None = None
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def folder(self) -> Path:
        """Where its files are: NAME.log, audit.log, kubeconfigs."""
        return self._files.folder

    @property
    def pki(self) -> Pki:
        """Its authorities and keys."""
        return self._files.pki

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://127.0.0.1:{self._ports.apiserver}"

    @property
    def admin_kubeconfig(self) -> Path:
        """Kubeconfig of user test-admin, who may do everything."""
        return self._files.kubeconfig("admin")

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as administrator."""
        return Kubectl(self._assets.program("kubectl"), self.admin_kubeconfig, self.folder)

    @property
    def rest(self) -> Rest:
        """Blocking JSON calls as administrator."""
        return Rest(self._ports.apiserver, self.pki)

    @property
    def metrics(self) -> ResourceMetrics:
        """What `metrics.k8s.io` serves."""
        assert self._metrics is not None, "the cluster is not running"
        return self._metrics

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the running programs, by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def await_service_account(self, namespace: str) -> None:
        """Wait for the ServiceAccount "default": before it is there, no pod can be made."""
        self._await(f"namespace {namespace}", lambda: _has_service_account(self.rest, namespace))

    def delete_namespace(self, name: str) -> None:
        """Delete it without waiting for its end. One that is gone already is fine."""
        try:
            self.rest.delete(f"/api/v1/namespaces/{name}")
        except Refused as error:
            if error.code not in {404, 409}:  # 409: it is terminating
                raise

    def service_account_kubeconfig(self, namespace: str, name: str, *, seconds: int = 3600) -> Path:
        """A kubeconfig with a new token of this ServiceAccount, valid for `seconds` (at least
        600), and nothing else. Raises Refused where there is no such ServiceAccount.
        """
        answer = self.rest.post(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": seconds},
            },
        )
        return kubeconfigs.with_token(
            self._files.kubeconfig(f"{namespace}-{name}"),
            self.server,
            self.pki.cluster.file,
            answer["status"]["token"],
            namespace,
        )

    def audit_events(self, user: str | None = None) -> list[AuditEvent]:
        """What was asked so far, by `user` (a ServiceAccount is
        `system:serviceaccount:NAMESPACE:NAME`) or by everybody.
        """
        return list(read_events(self._files.audit_log, user))

    def apiserver_log(self) -> str:
        """What kube-apiserver said so far, restarts included."""
        return self._files.log("kube-apiserver").read_text(errors="replace")

    def restart_apiserver(self, extra_flags: Sequence[str] = ()) -> None:
        """Kill kube-apiserver and start it again on the same port; returns when it is ready.
        A flag given again here overrides the bed's own.
        """
        self._processes.pop("kube-apiserver").stop()
        argv = [*flags.apiserver(self._files, self._ports), *extra_flags]
        self._run("kube-apiserver", argv)
        self._await("kube-apiserver", self.rest.ready)

    def restart_controllers(self) -> None:
        """Kill and start again whoever else watches pods: the controller manager, the scheduler
        and the kubelets' stand-in.
        """
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._processes.pop(name).stop()
        # What is left of the last kubelets; new ones would wait until it has run out.
        self.rest.delete("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
        self._run_controllers()

    def copy_pods(self) -> str:
        """Start another etcd and copy all pods there, so that their versions begin anew; its
        address, for `--etcd-servers-overrides`.
        """
        port, peers = free_ports(2)
        argv = flags.etcd(self._files.pods_data, port, peers)
        self._run("etcd", argv, called="etcd-pods")
        self._await("etcd-pods", lambda: listening(port))
        etcd.copy(self._ports.etcd, port, "/registry/pods/")
        return f"http://127.0.0.1:{port}"

    def compact(self) -> int:
        """Make etcd forget all revisions before the newest, which is returned: lists at older
        ones are 410 some 10 s later, watches from older ones after `restart_apiserver`.
        """
        return etcd.compact(self._ports.etcd)

    def check(self) -> None:
        """Raises ProcessFailed when one of the programs has ended."""
        for process in self._processes.values():
            process.check()

    def _start(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._start_apiserver()
                break
            except ProcessFailed as error:
                if attempt == ATTEMPTS or "address already in use" not in str(error):
                    raise
                self._stop()
                self._ports = Ports.choose()
        self._start_controllers()
        self._await("nodes", lambda: _nodes_are_ready(self.rest))
        self.await_service_account("default")
        self._await("metrics.k8s.io", lambda: _metrics_are_served(self.rest))

    def _start_apiserver(self) -> None:
        self._files.write_kubeconfigs(self.server)
        etcd_ports = (self._ports.etcd, self._ports.etcd_peers)
        self._run("etcd", flags.etcd(self._files.data, *etcd_ports))
        # Not needed, but the API server's log begins with dozens of warnings without it.
        self._await("etcd", lambda: listening(self._ports.etcd))
        self._run("kube-apiserver", flags.apiserver(self._files, self._ports))
        self._await("kube-apiserver", self.rest.ready)

    def _start_controllers(self) -> None:
        self._run_controllers()
        for name in kubelets.NODES:
            self.rest.post("/api/v1/nodes", kubelets.node(name))
        self._metrics = self._exits.enter_context(ResourceMetrics(self.pki, self.rest))
        self._metrics.register()

    def _run_controllers(self) -> None:
        controller_manager = flags.controller_manager(self._files, self._ports)
        self._run("kube-controller-manager", controller_manager)
        self._run("kube-scheduler", flags.scheduler(self._files, self._ports))
        self._run("kwok", flags.kwok(self._files))

    def _run(self, program: str, argv: Sequence[str], *, called: str = "") -> None:
        name = called or program
        # kwok keeps a folder in its user's home.
        environ = os.environ | {"HOME": str(self.folder)}
        command = self._assets.program(program)
        log = self._files.log(name)
        self._processes[name] = Process(name, [command, *argv], log, environ=environ)

    def _await(self, what: str, holds: Callable[[], bool]) -> None:
        """Raises ProcessFailed when a program ends or PATIENCE does."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            self.check()
            if time.monotonic() > deadline:
                tails = [process.tail() for process in self._processes.values()]
                raise ProcessFailed(
                    "\n".join([f"{what}: not ready within {PATIENCE:.0f} s", *tails])
                )
            time.sleep(0.1)

    def _stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.stop()
        self._processes.clear()
        # After its clients, so that none is left in the middle of a handshake.
        self._exits.close()
        shutil.rmtree(self._files.data, ignore_errors=True)
        shutil.rmtree(self._files.pods_data, ignore_errors=True)


def _nodes_are_ready(rest: Rest) -> bool:
    nodes = rest.get("/api/v1/nodes")["items"]
    return len(nodes) == len(kubelets.NODES) and all(
        _condition(node, "Ready") == "True" and not node["spec"].get("taints") for node in nodes
    )


def _has_service_account(rest: Rest, namespace: str) -> bool:
    try:
        rest.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
    except Refused:
        return False
    return True


def _metrics_are_served(rest: Rest) -> bool:
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}"
    return _condition(rest.get(path), "Available") == "True"


def _condition(obj: Any, name: str) -> str:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == name), "Unknown")
