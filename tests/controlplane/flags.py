"""Command lines of the control plane's programs."""

from pathlib import Path
from typing import Final

from tests.controlplane.kubelets import STAGES
from tests.controlplane.layout import Files, Ports
from tests.controlplane.pki import Pair

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"


def etcd(data: Path, client_port: int, peer_port: int) -> list[str]:
    """etcd, one member, careless of power cuts."""
    clients, peers = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(files: Files, ports: Ports) -> list[str]:
    """kube-apiserver with RBAC, aggregation, service-account tokens and an audit log."""
    pki = files.pki
    return [
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.apiserver}",
        *_pair("tls-cert-file", "tls-private-key-file", pki.serving),
        f"--client-ca-file={pki.cluster.file}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        # Endpoints refuse loopback addresses: the reconciler would complain every ten seconds.
        "--endpoint-reconciler-type=none",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki.token_public}",
        f"--service-account-signing-key-file={pki.token_key}",
        f"--requestheader-client-ca-file={pki.front_proxy.file}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        *_pair("proxy-client-cert-file", "proxy-client-key-file", pki.proxy_client),
        # Services of type ExternalName reach extension servers on localhost.
        "--enable-aggregator-routing=false",
        f"--audit-policy-file={files.audit_policy}",
        f"--audit-log-path={files.audit_log}",
        "--audit-log-maxsize=4096",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager(files: Files, ports: Ports) -> list[str]:
    """kube-controller-manager, with an HPA controller that looks every second."""
    return [
        *_controller(files, "kube-controller-manager", ports.controller_manager),
        "--use-service-account-credentials",
        f"--service-account-private-key-file={files.pki.token_key}",
        f"--root-ca-file={files.pki.cluster.file}",
        # A busy machine must not look like lost nodes.
        "--node-monitor-grace-period=10m",
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
    ]


def scheduler(files: Files, ports: Ports) -> list[str]:
    """kube-scheduler."""
    return _controller(files, "kube-scheduler", ports.scheduler)


def kwok(files: Files) -> list[str]:
    """kwok, the kubelet of every node."""
    return [
        f"--kubeconfig={files.kubeconfig('kwok')}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
        "--node-ip=10.1.0.1",
        "--cidr=10.2.0.0/16",
        "--node-lease-duration-seconds=40",
    ]


def _controller(files: Files, name: str, port: int) -> list[str]:
    kubeconfig = files.kubeconfig(name)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={files.folder / name}",
        "--leader-elect=false",
        # The defaults of 20 and 30 make rollouts of some dozens of pods slow.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def _pair(certificate: str, key: str, pair: Pair) -> list[str]:
    return [f"--{certificate}={pair.certificate}", f"--{key}={pair.key}"]
