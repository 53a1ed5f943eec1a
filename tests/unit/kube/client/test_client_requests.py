import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from kube.client.requests import (
    Patch,
    Resource,
    create_of,
    delete_of,
    get_of,
    list_of,
    patch_of,
    path_of,
    update_of,
)

DEPLOYMENTS = Resource("apps", "v1", "deployments")
NODES = Resource("", "v1", "nodes", namespaced=False)


def test_paths_of_collections_objects_and_subresources():
    assert path_of(DEPLOYMENTS) == "/apis/apps/v1/deployments"
    assert path_of(DEPLOYMENTS, "ns") == "/apis/apps/v1/namespaces/ns/deployments"
    assert get_of(DEPLOYMENTS, "ns", "d", subresource="scale").target == (
        "/apis/apps/v1/namespaces/ns/deployments/d/scale"
    )
    assert get_of(NODES, "", "n1").target == "/api/v1/nodes/n1"
    assert path_of(NODES, "ignored") == "/api/v1/nodes"


def test_a_list_carries_only_what_was_asked():
    request = list_of(DEPLOYMENTS, "ns", label_selector="a in (b,c),d!=e", resource_version="0")
    assert request.query == (("labelSelector", "a in (b,c),d!=e"), ("resourceVersion", "0"))
    assert dict(URL(request.target, encoded=True).query) == dict(request.query)


def test_each_operation_has_its_method_and_a_patch_its_content_type():
    patch = patch_of(DEPLOYMENTS, "ns", "d", b"{}", Patch.MERGE, subresource="status")
    assert (patch.method, patch.content_type) == ("PATCH", "application/merge-patch+json")
    assert patch.resource == "deployments/status"
    assert create_of(DEPLOYMENTS, "ns", b"{}").method == "POST"
    assert update_of(DEPLOYMENTS, "ns", "d", b"{}").method == "PUT"
    assert delete_of(DEPLOYMENTS, "ns", "d").method == "DELETE"
    assert not patch.is_read
    assert get_of(DEPLOYMENTS, "ns", "d").is_read


def test_apply_names_manager_and_force():
    request = patch_of(DEPLOYMENTS, "ns", "d", b"", Patch.APPLY, field_manager="me", force=True)
    assert request.query == (("fieldManager", "me"), ("force", "true"))


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_address_something_else_are_refused(name):
    with pytest.raises(ValueError, match=r"name is missing|cannot stand"):
        delete_of(DEPLOYMENTS, "ns", name)


def test_an_object_of_a_namespaced_type_needs_its_namespace():
    with pytest.raises(ValueError, match="namespace is missing"):
        get_of(DEPLOYMENTS, "", "d")


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."}))
def test_any_name_stays_one_segment(name):
    name = name.encode("utf-8", "replace").decode()
    path = get_of(DEPLOYMENTS, "ns", name).path
    assert path.count("/") == 7
    assert URL(path, encoded=True).raw_query_string == ""
    assert URL(path, encoded=True).raw_fragment == ""


def test_laid_over_query_replaces_and_removes():
    request = list_of(DEPLOYMENTS, limit=5).with_query(limit="7", **{"continue": "t"})
    assert dict(request.query) == {"limit": "7", "continue": "t"}
    assert dict(request.with_query(limit="").query) == {"continue": "t"}
