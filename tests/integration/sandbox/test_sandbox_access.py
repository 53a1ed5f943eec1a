"""Who may do what in a sandbox, over HTTPS: tokens, RBAC, reviews, impersonation."""

import ssl

import aiohttp
import pytest
import yaml

from sandbox.cluster import SandboxCluster
from tests.integration.sandbox.api import RBAC, Api, binding, role
from tests.integration.sandbox.conftest import ShiftedClock

pytestmark = pytest.mark.asyncio

PODS = "/api/v1/namespaces/default/pods"
READ_PODS = {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"]}
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1"


async def test_only_clients_that_trust_the_authority_get_a_connection(api: Api):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(api.cluster.url + "/version")
    for name in ("127.0.0.1", "localhost"):
        tls = ssl.create_default_context(cafile=str(api.cluster.ca))
        async with aiohttp.ClientSession() as session:
            url = f"https://{name}:{api.cluster.port}/version"
            async with session.get(url, ssl=tls) as response:
                assert response.status == 200


async def test_anonymous_sees_health_and_version_and_nothing_else(api: Api):
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert (await api.get(path, token=None)).code == 200, path
    for path in ("/api", "/apis", "/openapi/v3", "/", PODS):
        assert (await api.get(path, token=None)).code == 403, path
    refused = await api.get("/apis", token=None)
    assert refused.body["message"] == ('forbidden: User "system:anonymous" cannot get path "/apis"')


@pytest.mark.parametrize(
    "credentials", ["Bearer nonsense", "Bearer a.b.c", "Bearer ", "Basic eA=="]
)
async def test_credentials_that_prove_nothing_are_refused_everywhere(api: Api, credentials: str):
    for path in (PODS, "/healthz"):
        answer = await api.get(path, token=None, headers={"Authorization": credentials})
        assert answer.code == 401
        assert (answer.body["kind"], answer.body["reason"]) == ("Status", "Unauthorized")


async def test_a_role_allows_what_it_lists_in_its_namespace_only(api: Api):
    token = await api.account("reader")
    before = await api.get(PODS, token=token)
    assert before.code == 403
    assert before.body["reason"] == "Forbidden"
    assert before.body["details"] == {"kind": "pods"}
    assert before.body["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:reader" cannot list resource '
        '"pods" in API group "" in the namespace "default"'
    )
    await api.created(f"{RBAC}/namespaces/default/roles", role(READ_PODS))
    await api.created(
        f"{RBAC}/namespaces/default/rolebindings", binding("Role", "reader", "reader")
    )
    assert (await api.get(PODS, token=token)).code == 200
    assert (await api.get("/api/v1/namespaces/kube-system/pods", token=token)).code == 403
    everywhere = await api.get("/api/v1/pods", token=token)
    assert everywhere.body["message"].endswith("at the cluster scope")
    written = await api.post(PODS, {"metadata": {"name": "x"}}, token=token)
    assert written.code == 403
    named = await api.call("DELETE", f"{PODS}/web", token=token)
    assert named.body["message"].startswith('pods "web" is forbidden: User ')


async def test_a_cluster_role_bound_in_the_cluster_holds_everywhere(api: Api):
    token = await api.account("reader")
    await api.created(f"{RBAC}/clusterroles", role(READ_PODS))
    await api.created(f"{RBAC}/clusterrolebindings", binding("ClusterRole", "reader", "reader"))
    assert (await api.get("/api/v1/pods", token=token)).code == 200
    assert (await api.get("/api/v1/namespaces/kube-system/pods", token=token)).code == 200
    await api.call("DELETE", f"{RBAC}/clusterrolebindings/reader-reader")
    assert (await api.get("/api/v1/pods", token=token)).code == 403


async def test_the_scale_of_a_deployment_is_allowed_apart_from_the_deployment(api: Api):
    token = await api.account("scaler")
    rule = {"verbs": ["get", "patch"], "apiGroups": ["*"], "resources": ["*/scale"]}
    await api.created(f"{RBAC}/clusterroles", role(rule, name="scale"))
    await api.created(f"{RBAC}/clusterrolebindings", binding("ClusterRole", "scale", "scaler"))
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    assert (await api.get(f"{path}/scale", token=token)).code == 404
    refused = await api.get(path, token=token)
    assert refused.body["message"].startswith('deployments.apps "web" is forbidden')


async def test_a_binding_to_a_missing_role_is_named_in_the_refusal(api: Api):
    token = await api.account("reader")
    await api.created(f"{RBAC}/clusterrolebindings", binding("ClusterRole", "absent", "reader"))
    refused = await api.get(PODS, token=token)
    assert refused.body["message"].endswith(
        'RBAC: clusterrole.rbac.authorization.k8s.io "absent" not found'
    )


async def test_a_requested_token_works_until_it_expires(api: Api, clock: ShiftedClock):
    await api.account("worker")
    path = "/api/v1/namespaces/default/serviceaccounts/worker/token"
    made = await api.created(path, {"spec": {"expirationSeconds": 600}})
    token = made["status"]["token"]
    whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    me = await api.post(whoami, {}, token=token)
    assert me.body["status"]["userInfo"]["username"] == "system:serviceaccount:default:worker"
    assert me.body["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]
    clock.forward(598)
    assert (await api.post(whoami, {}, token=token)).code == 201
    clock.forward(2)
    assert (await api.post(whoami, {}, token=token)).code == 401
    review = await api.created(TOKEN_REVIEWS, {"spec": {"token": token}})
    assert review["status"]["authenticated"] is False
    assert "expired" in review["status"]["error"]


async def test_token_requests_that_make_no_sense_are_refused(api: Api):
    await api.account("worker")
    path = "/api/v1/namespaces/default/serviceaccounts/worker/token"
    short = await api.post(path, {"spec": {"expirationSeconds": 5}})
    assert short.code == 422
    assert "may not specify a duration less than 10 minutes" in short.body["message"]
    nobody = await api.post(path.replace("worker", "nobody"), {"spec": {}})
    assert nobody.code == 404
    assert (await api.post(path, {"spec": {}}, token=await api.account("other"))).code == 403


async def test_tokens_end_with_their_account_and_serve_their_audiences_only(api: Api):
    token = await api.account("worker")
    path = "/api/v1/namespaces/default/serviceaccounts/worker"
    other = await api.created(f"{path}/token", {"spec": {"audiences": ["vault"]}})
    vault = other["status"]["token"]
    assert (await api.get("/api", token=vault)).code == 401
    review = {"spec": {"token": vault, "audiences": ["vault", "api"]}}
    status = (await api.created(TOKEN_REVIEWS, review))["status"]
    assert (status["authenticated"], status["audiences"]) == (True, ["vault"])
    assert (await api.get("/api", token=token)).code == 200
    await api.call("DELETE", path)
    await api.account("worker")
    assert (await api.get("/api", token=token)).code == 401


async def test_token_review_tells_extension_servers_who_it_is(api: Api):
    token = await api.account("worker")
    found = await api.created(TOKEN_REVIEWS, {"spec": {"token": token}})
    user = found["status"]["user"]
    assert user["username"] == "system:serviceaccount:default:worker"
    assert "system:authenticated" in user["groups"]
    assert user["uid"]
    assert (await api.post(TOKEN_REVIEWS, {"spec": {"token": token}}, token=token)).code == 403


async def test_the_adapters_bindings_let_it_review_and_read_its_trust(api: Api):
    token = await api.account("adapter")
    await api.created(
        f"{RBAC}/clusterrolebindings", binding("ClusterRole", "system:auth-delegator", "adapter")
    )
    await api.created(
        f"{RBAC}/namespaces/kube-system/rolebindings",
        binding("Role", "extension-apiserver-authentication-reader", "adapter"),
    )
    path = "/api/v1/namespaces/kube-system/configmaps"
    trust = await api.get(f"{path}/extension-apiserver-authentication", token=token)
    assert set(trust.body["data"]) == {
        "client-ca-file",
        "requestheader-client-ca-file",
        "requestheader-allowed-names",
        "requestheader-username-headers",
        "requestheader-group-headers",
        "requestheader-extra-headers-prefix",
    }
    assert trust.body["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert trust.body["data"]["client-ca-file"] == api.cluster.ca.read_text()
    assert (await api.get(f"{path}/other", token=token)).code == 403
    only = "fieldSelector=metadata.name%3Dextension-apiserver-authentication"
    listed = await api.get(f"{path}?{only}", token=token)
    assert [item["data"] for item in listed.body["items"]] == [trust.body["data"]]
    followed = await api.get(f"{path}?watch=1&timeoutSeconds=1&{only}", token=token)
    assert followed.code == 200
    for query in ("", "?fieldSelector=metadata.name%3Dother", "?fieldSelector=metadata.name!%3Dx"):
        assert (await api.get(path + query, token=token)).code == 403, query
    attributes = {"verb": "list", "resource": "pods", "namespace": "default"}
    review = {"spec": {"user": "anna", "resourceAttributes": attributes}}
    found = await api.post(f"{ACCESS}/subjectaccessreviews", review, token=token)
    assert (found.code, found.body["status"]) == (201, {"allowed": False})


async def test_access_reviews_answer_as_requests_would_be(api: Api):
    metric = {
        "verb": "list",
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "resource": "queue_depth",
        "namespace": "shop",
    }
    rule = {"verbs": ["list"], "apiGroups": ["external.metrics.k8s.io"], "resources": ["*"]}
    await api.created(f"{RBAC}/clusterroles", role(rule, name="metrics"))
    bound = binding("ClusterRole", "metrics", "x")
    bound["subjects"] = [{"kind": "Group", "name": "scalers"}]
    await api.created(f"{RBAC}/clusterrolebindings", bound)
    path = f"{ACCESS}/subjectaccessreviews"
    spec = {"user": "anna", "groups": ["scalers"], "resourceAttributes": metric}
    status = (await api.created(path, {"spec": spec}))["status"]
    assert status["allowed"] is True
    assert status["reason"] == (
        'RBAC: allowed by ClusterRoleBinding "metrics-x" of ClusterRole "metrics" to '
        'Group "scalers"'
    )
    outside = {"user": "anna", "nonResourceAttributes": {"path": "/metrics", "verb": "get"}}
    assert (await api.created(path, {"spec": outside}))["status"] == {"allowed": False}
    master = {**outside, "groups": ["system:masters"]}
    assert (await api.created(path, {"spec": master}))["status"]["allowed"] is True
    for broken in ({"user": "anna"}, {"resourceAttributes": metric}):
        assert (await api.post(path, {"spec": broken})).code == 422


@pytest.mark.parametrize(
    ("path", "spec", "field"),
    [
        (f"{ACCESS}/subjectaccessreviews", {"user": 5}, "user"),
        (f"{ACCESS}/subjectaccessreviews", {"user": "a", "groups": "b"}, "groups"),
        (f"{ACCESS}/selfsubjectaccessreviews", {"resourceAttributes": 1}, "resourceAttr"),
        (f"{ACCESS}/selfsubjectrulesreviews", ["x"], "spec"),
        (TOKEN_REVIEWS, {"token": "x", "audiences": 1}, "audiences"),
        (TOKEN_REVIEWS, {"token": ["x"]}, "token"),
    ],
)
async def test_reviews_that_are_no_reviews_are_refused_by_field(
    api: Api, path: str, spec: object, field: str
):
    answer = await api.post(path, {"spec": spec})
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert "spec: " in answer.body["message"]
    assert field in answer.body["message"]


@pytest.mark.parametrize(
    ("plural", "body"),
    [
        ("clusterroles", {"rules": 5}),
        ("clusterroles", {"rules": [{"verbs": "get"}]}),
        ("clusterrolebindings", {"subjects": ["anna"]}),
        ("clusterrolebindings", {"roleRef": "reader"}),
    ],
)
async def test_access_rules_that_cannot_be_read_are_refused_and_hurt_nobody(
    api: Api, plural: str, body: dict[str, object]
):
    token = await api.account("reader")
    answer = await api.post(f"{RBAC}/{plural}", {"metadata": {"name": "odd"}, **body})
    assert answer.code == 400
    assert next(iter(body)) in answer.body["message"]
    assert (await api.get("/api", token=token)).code == 200


async def test_self_reviews_need_no_permission_and_are_about_the_caller(api: Api):
    token = await api.account("reader")
    attributes = {"verb": "list", "resource": "pods", "namespace": "default"}
    asked = {"spec": {"resourceAttributes": attributes}}
    path = f"{ACCESS}/selfsubjectaccessreviews"
    assert (await api.post(path, asked, token=token)).body["status"]["allowed"] is False
    assert (await api.post(path, asked)).body["status"]["allowed"] is True
    rules = await api.post(
        f"{ACCESS}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}, token=token
    )
    paths = [
        p for item in rules.body["status"]["nonResourceRules"] for p in item["nonResourceURLs"]
    ]
    assert "/openapi/*" in paths
    assert (await api.post(path, asked, token=None)).code == 403


async def test_acting_as_somebody_else_takes_their_rights_and_needs_a_permission(api: Api):
    token = await api.account("reader")
    as_reader = {"Impersonate-User": "system:serviceaccount:default:reader"}
    assert (await api.get(PODS, headers=as_reader)).code == 403
    refused = await api.get(PODS, token=token, headers={"Impersonate-User": "anna"})
    assert refused.code == 403
    assert 'cannot impersonate resource "users"' in refused.body["message"]
    masters = {"Impersonate-User": "anna", "Impersonate-Group": "system:masters"}
    assert (await api.get(PODS, headers=masters)).code == 200
    rule = {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"]}
    await api.created(f"{RBAC}/clusterroles", role(rule, name="actor"))
    await api.created(f"{RBAC}/clusterrolebindings", binding("ClusterRole", "actor", "reader"))
    escalated = await api.get(PODS, token=token, headers=masters)
    assert 'cannot impersonate resource "groups"' in escalated.body["message"]
    nameless = await api.get(PODS, headers={"Impersonate-Group": "system:masters"})
    assert nameless.code == 400


async def test_kubeconfigs_hold_all_that_a_client_needs_and_are_private(
    api: Api, cluster: SandboxCluster
):
    await api.account("worker")
    for path in (cluster.kubeconfig, cluster.service_account_kubeconfig("default", "worker")):
        assert path.stat().st_mode & 0o077 == 0
        config = yaml.safe_load(path.read_text())
        assert config["clusters"][0]["cluster"]["server"] == cluster.url
        token = config["users"][0]["user"]["token"]
        assert (await api.get("/api", token=token)).code == 200
    for key in cluster.folder.glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0, key
