"""Requests in Kubernetes' terms, which authorization decides on."""

import pytest

from sandbox.apiserver.http.requestinfo import RequestInfo, request_info

APPS = "/apis/apps/v1"


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "", "", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "True"}, ("watch", "", "", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "false"}, ("list", "", "", "pods", "", "")),
        ("GET", "/api/v1/namespaces", {}, ("list", "", "", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/a", {}, ("get", "", "a", "namespaces", "a", "")),
        (
            "PUT",
            "/api/v1/namespaces/a/status",
            {},
            ("update", "", "a", "namespaces", "a", "status"),
        ),
        ("POST", "/api/v1/namespaces/a/pods", {}, ("create", "", "a", "pods", "", "")),
        ("DELETE", "/api/v1/namespaces/a/pods", {}, ("deletecollection", "", "a", "pods", "", "")),
        (
            "PATCH",
            f"{APPS}/namespaces/a/deployments/d/scale",
            {},
            ("patch", "apps", "a", "deployments", "d", "scale"),
        ),
        ("GET", f"{APPS}/deployments/", {}, ("list", "apps", "", "deployments", "", "")),
    ],
)
def test_resource_request(method: str, path: str, query: dict[str, str], expected: tuple[str, ...]):
    info = request_info(method, path, query)
    assert info.is_resource
    found = (info.verb, info.group, info.namespace, info.plural, info.name, info.subresource)
    assert found == expected
    assert info.version == "v1"


@pytest.mark.parametrize("path", ["/", "/healthz", "/api", "/api/v1", "/apis/apps/v1", "/version"])
def test_path_outside_the_resources(path: str):
    assert request_info("GET", path, {}) == RequestInfo("get", path)


@pytest.mark.parametrize(
    ("method", "selector", "granted"),
    [
        ("GET", "metadata.name=x", "x"),
        ("GET", "status.phase!=Failed,metadata.name==x", "x"),
        ("GET", "metadata.name!=x", ""),
        ("GET", "spec.nodeName=x", ""),
        ("GET", "", ""),
        ("DELETE", "metadata.name=x", ""),
    ],
)
def test_a_list_of_one_name_is_granted_by_that_name(method: str, selector: str, granted: str):
    """RBAC's resourceNames then allow it: how the front proxy's trust is followed by a watch."""
    info = request_info(method, "/api/v1/namespaces/a/configmaps", {"fieldSelector": selector})
    assert (info.name, info.granted_name) == ("", granted)
