"""Applying manifests and getting daemons their credentials, as `kubectl` would."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from kube.client.requests import Patch, Resource, create_of, patch_of
from kube.client.transport import ApiClient
from sandbox.demo.shipped import Manifest
from sandbox.kubeconfig import write_kubeconfig

FIELD_MANAGER: Final = "wpa-sandbox-demo"
TOKEN_SECONDS: Final = 24 * 3600

SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts")

_RESOURCES: Final = {
    "APIService": ("apiservices", False),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
    "CustomResourceDefinition": ("customresourcedefinitions", False),
    "Deployment": ("deployments", True),
    "Namespace": ("namespaces", False),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "Service": ("services", True),
    "ServiceAccount": ("serviceaccounts", True),
    "WatermarkPodAutoscaler": ("watermarkpodautoscalers", True),
}
_ENCODER: Final = msgspec.json.Encoder()


class _TokenStatus(msgspec.Struct):
    token: str = ""


class _TokenRequest(msgspec.Struct):
    status: _TokenStatus


_TOKEN: Final = msgspec.json.Decoder(_TokenRequest)


def resource_of(manifest: Manifest) -> Resource:
    """The resource that a manifest's kind is served as."""
    plural, namespaced = _RESOURCES[manifest["kind"]]
    group, _, version = manifest["apiVersion"].rpartition("/")
    return Resource(group, version, plural, namespaced)


async def apply(client: ApiClient, manifests: Iterable[Manifest]) -> None:
    """Server-side apply, one after the other. Raises KubeError."""
    for manifest in manifests:
        metadata: dict[str, Any] = manifest["metadata"]
        await client.send(
            patch_of(
                resource_of(manifest),
                metadata.get("namespace", ""),
                metadata["name"],
                _ENCODER.encode(manifest),
                Patch.APPLY,
                field_manager=FIELD_MANAGER,
                force=True,
            )
        )


async def service_account_kubeconfig(
    client: ApiClient, path: Path, *, namespace: str, name: str, url: str, ca_pem: bytes
) -> Path:
    """Write a kubeconfig with a fresh token of one ServiceAccount. Raises KubeError."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    answer = await client.read(
        create_of(
            SERVICE_ACCOUNTS, namespace, _ENCODER.encode(request), name=name, subresource="token"
        ),
        _TOKEN,
    )
    return write_kubeconfig(path, url=url, ca_pem=ca_pem, user=name, token=answer.status.token)
