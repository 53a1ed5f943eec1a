"""A stand-in for metrics-server: `metrics.k8s.io/v1beta1` with the usage that a test sets.

It is registered through a real APIService, so who may read it is the API server's RBAC. Pods come
from the API server; those Running whose usage was set are listed, as the real one lists the pods
it has measured.
"""

import asyncio
import base64
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from aiohttp import web
from msgspec import Struct

from kube.vocab.selectors import Selector, parse_selector
from kube.vocab.times import SystemClock, format_rfc3339
from tests.controlplane.pki import Pki
from tests.controlplane.rest import Refused, Rest
from tests.controlplane.serving import Serving

GROUP: Final = "metrics.k8s.io"
VERSION: Final = "v1beta1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
API_SERVICE: Final = f"{VERSION}.{GROUP}"
SERVICE: Final = "metrics-server"
NAMESPACE: Final = "kube-system"

Json = dict[str, Any]


class Usage(Struct, frozen=True):
    """What each container of a pod, or a node, uses: quantities as text."""

    cpu: str
    memory: str


class Rule(Struct, frozen=True):
    """The pods of one namespace that a usage holds for."""

    namespace: str
    selector: Selector
    usage: Usage


class ResourceMetrics:
    """The server, on a thread and a loop of its own: tests block theirs as they like."""

    def __init__(self, pki: Pki, rest: Rest) -> None:
        self._rest = rest
        self._clock = SystemClock()
        self._rules: tuple[Rule, ...] = ()
        self._nodes: dict[str, Usage] = {}
        names = (f"{SERVICE}.{NAMESPACE}.svc", "localhost")
        pair = pki.cluster.serving(pki.folder / SERVICE, *names)
        self._authority = pki.cluster.pem
        self._serving = Serving(self._application(), pair)

    def set_pods(self, namespace: str, selector: str, *, cpu: str, memory: str = "64Mi") -> None:
        """From now on every container of the pods that match uses this much. The last call that
        matches a pod counts, for pods made later too.
        """
        rule = Rule(namespace, parse_selector(selector), Usage(cpu, memory))
        self._rules = (*self._rules, rule)

    def set_node(self, name: str, *, cpu: str, memory: str = "1Gi") -> None:
        """From now on the node uses this much."""
        self._nodes = self._nodes | {name: Usage(cpu, memory)}

    def forget(self, namespace: str) -> None:
        """From now on no pod of this namespace has metrics."""
        self._rules = tuple(rule for rule in self._rules if rule.namespace != namespace)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.stop()

    def register(self) -> None:
        """Make the API server route the group here."""
        # Endpoints refuse loopback addresses; a name that resolves to one is allowed.
        service = {
            "metadata": {"name": SERVICE},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        self._rest.post(f"/api/v1/namespaces/{NAMESPACE}/services", service)
        api_service = {
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(self._authority).decode(),
                "service": {"name": SERVICE, "namespace": NAMESPACE, "port": self._serving.port},
            },
        }
        self._rest.post("/apis/apiregistration.k8s.io/v1/apiservices", api_service)

    def _application(self) -> web.Application:
        app = web.Application()
        root = f"/apis/{GROUP}/{VERSION}"
        app.router.add_get("/openapi/v2", self._openapi_v2)
        app.router.add_get("/openapi/v3", self._openapi_v3)
        app.router.add_get(f"/apis/{GROUP}", self._group)
        app.router.add_get(root, self._resources)
        app.router.add_get(f"{root}/nodes", self._list_nodes)
        app.router.add_get(f"{root}/nodes/{{name}}", self._get_node)
        app.router.add_get(f"{root}/pods", self._list_pods)
        app.router.add_get(f"{root}/namespaces/{{namespace}}/pods", self._list_pods)
        app.router.add_get(f"{root}/namespaces/{{namespace}}/pods/{{name}}", self._get_pod)
        return app

    async def _openapi_v2(self, _: web.Request) -> web.Response:
        # Describes nothing; without an answer the API server's log fills with errors.
        info = {"title": SERVICE, "version": VERSION}
        return web.json_response({"swagger": "2.0", "info": info, "paths": {}})

    async def _openapi_v3(self, _: web.Request) -> web.Response:
        return web.json_response({"paths": {}})

    async def _group(self, _: web.Request) -> web.Response:
        version = {"groupVersion": API_VERSION, "version": VERSION}
        group = {"kind": "APIGroup", "apiVersion": "v1", "name": GROUP}
        return web.json_response(group | {"versions": [version], "preferredVersion": version})

    async def _resources(self, _: web.Request) -> web.Response:
        resources = [
            {
                "name": name,
                "singularName": "",
                "namespaced": name == "pods",
                "kind": kind,
                "verbs": ["get", "list"],
            }
            for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
        ]
        content = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION}
        return web.json_response(content | {"resources": resources})

    async def _list_nodes(self, _: web.Request) -> web.Response:
        return _list("NodeMetricsList", [self._node(name) for name in sorted(self._nodes)])

    async def _get_node(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._nodes:
            return _not_found("nodes", name)
        return web.json_response(self._node(name))

    async def _list_pods(self, request: web.Request) -> web.Response:
        namespace = request.match_info.get("namespace")
        root = f"/api/v1/namespaces/{quote(namespace)}/pods" if namespace else "/api/v1/pods"
        query = urlencode({"labelSelector": request.query.get("labelSelector", "")})
        answer = await asyncio.to_thread(self._rest.get, f"{root}?{query}")
        measured = [self._pod(pod) for pod in answer["items"]]
        return _list("PodMetricsList", [each for each in measured if each is not None])

    async def _get_pod(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}"
        try:
            pod = await asyncio.to_thread(self._rest.get, path)
        except Refused as error:
            if error.code != 404:
                raise
            return _not_found("pods", name)
        metrics = self._pod(pod)
        return _not_found("pods", name) if metrics is None else web.json_response(metrics)

    def _pod(self, pod: Json) -> Json | None:
        """PodMetrics of a pod, None where it has none."""
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        usage = self._usage(metadata["namespace"], labels)
        if usage is None or pod["status"].get("phase") != "Running":
            return None
        containers = [
            {"name": container["name"], "usage": {"cpu": usage.cpu, "memory": usage.memory}}
            for container in pod["spec"]["containers"]
        ]
        about = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}
        return self._measured("PodMetrics", about) | {"containers": containers}

    def _usage(self, namespace: str, labels: dict[str, str]) -> Usage | None:
        for rule in reversed(self._rules):
            if rule.namespace == namespace and rule.selector.matches(labels):
                return rule.usage
        return None

    def _node(self, name: str) -> Json:
        usage = self._nodes[name]
        used = {"cpu": usage.cpu, "memory": usage.memory}
        return self._measured("NodeMetrics", {"name": name}) | {"usage": used}

    def _measured(self, kind: str, metadata: Json) -> Json:
        now = format_rfc3339(self._clock.now())
        return {
            "kind": kind,
            "apiVersion": API_VERSION,
            "metadata": metadata | {"creationTimestamp": now},
            "timestamp": now,
            "window": "15s",
        }


def _list(kind: str, items: list[Json]) -> web.Response:
    return web.json_response(
        {"kind": kind, "apiVersion": API_VERSION, "metadata": {}, "items": items}
    )


def _not_found(resource: str, name: str) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "NotFound",
        "message": f'{resource}.{GROUP} "{name}" not found',
        "code": 404,
    }
    return web.json_response(status, status=404)
