"""SubjectAccessReview and its kin (authorization.k8s.io): asking the Authorizer over HTTP."""

from typing import Any, Final

from aiohttp import web

from kube.vocab.objects import StatusCause
from sandbox.apiserver.authorization import Authorizer
from sandbox.apiserver.catalogue import Review
from sandbox.apiserver.errors import BadRequest, Invalid
from sandbox.apiserver.identity import User
from sandbox.apiserver.keys import USER
from sandbox.apiserver.rbac_rules import Attributes
from sandbox.apiserver.resources import Object, Resource

_GROUP: Final = "authorization.k8s.io"
SUBJECT: Final = Resource(_GROUP, "v1", "subjectaccessreviews", "SubjectAccessReview", (), False)
SELF: Final = Resource(
    _GROUP, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", (), False
)
SELF_RULES: Final = Resource(
    _GROUP, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", (), False
)


class AccessReviews:
    """Answers the reviews of authorization.k8s.io."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def reviews(self) -> tuple[Review, ...]:
        """What the group serves."""
        return (
            Review(SUBJECT, self._subject),
            Review(SELF, self._self),
            Review(SELF_RULES, self._self_rules),
        )

    async def _subject(self, _request: web.Request, body: Object) -> Object:
        spec = _spec(body)
        if not spec.get("user") and not spec.get("groups"):
            message = "Required value: at least one of user or group must be specified"
            raise _invalid(SUBJECT, "spec.user", message)
        user = User(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()))
        return self._answered(SUBJECT, body, user)

    async def _self(self, request: web.Request, body: Object) -> Object:
        return self._answered(SELF, body, request[USER])

    async def _self_rules(self, request: web.Request, body: Object) -> Object:
        namespace = _spec(body).get("namespace")
        if not namespace:
            raise BadRequest("no namespace on request")
        rules, missing = self._authorizer.rules_of(request[USER], namespace)
        status: dict[str, Any] = {
            "resourceRules": [rule for rule in rules if rule.get("resources")],
            "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": bool(missing),
        }
        if missing:
            status["evaluationError"] = ", ".join(missing)
        return {**body, "status": status}

    def _answered(self, resource: Resource, body: Object, user: User) -> Object:
        verdict = self._authorizer.verdict(user, _wanted(resource, _spec(body)))
        status: dict[str, Any] = {"allowed": verdict.allowed}
        if verdict.reason:
            status["reason"] = verdict.reason
        return {**body, "status": status}


def _wanted(resource: Resource, spec: Object) -> Attributes:
    on_resource, on_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (on_resource is None) == (on_path is None):
        message = (
            "Invalid value: exactly one of nonResourceAttributes or resourceAttributes "
            "must be specified"
        )
        raise _invalid(resource, "spec.resourceAttributes", message)
    if on_resource is None:
        on_path = on_path or {}
        return Attributes(on_path.get("verb") or "", path=on_path.get("path") or "")
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{field: str(on_resource.get(field) or "") for field in fields})


def _spec(body: Object) -> Object:
    spec = body.get("spec") or {}
    if not isinstance(spec, dict):
        raise BadRequest("spec has to be an object")
    return spec


def _invalid(resource: Resource, field: str, message: str) -> Invalid:
    return Invalid.of(resource, "", [StatusCause("FieldValueInvalid", message, field)])
