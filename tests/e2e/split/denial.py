"""An admission webhook that denies every write of a pod, as row 002's operators had one."""

import base64
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.serving import Serving

NAME: Final = "deny-pods-write"
MESSAGE: Final = "pods are on their way to another etcd"
WRITES: Final = (
    "pods",
    *(f"pods/{part}" for part in ("status", "binding", "eviction", "ephemeralcontainers")),
    "pods/resize",
)
"""All resources by which a pod can be changed."""
_WEBHOOKS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


class Denial:
    """Nobody writes pods while the context is open. Entered, it is registered, which is not yet
    effective: the API server hears of it within a second or so.
    """

    def __init__(self, cluster: ControlPlane) -> None:
        self._rest = cluster.rest
        self._authority = cluster.pki.cluster.pem
        app = web.Application()
        app.router.add_post("/", _deny)
        pair = cluster.pki.cluster.serving(cluster.pki.folder / NAME, "127.0.0.1")
        self._serving = Serving(app, pair)

    def __enter__(self) -> Self:
        self._serving.start()
        self._rest.post(_WEBHOOKS, self._configuration())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._rest.delete(f"{_WEBHOOKS}/{NAME}")
        finally:
            self._serving.stop()

    def _configuration(self) -> dict[str, Any]:
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"]}
        webhook = {
            "name": f"{NAME}.example.test",
            "rules": [rule | {"resources": list(WRITES)}],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": f"https://127.0.0.1:{self._serving.port}/",
                "caBundle": base64.b64encode(self._authority).decode(),
            },
        }
        return {"metadata": {"name": NAME}, "webhooks": [webhook]}


async def _deny(request: web.Request) -> web.Response:
    review = await request.json()
    answer = {
        "uid": review["request"]["uid"],
        "allowed": False,
        "status": {"message": MESSAGE},
    }
    kind = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return web.json_response(kind | {"response": answer})
