"""SubjectAccessReview and its kin (authorization.k8s.io): asking the Authorizer over HTTP."""

from typing import Any, Final

from aiohttp import web

from kube.vocab.objects import StatusCause
from sandbox.apiserver.access.access_shapes import AccessSpec, RulesSpec, spec_of
from sandbox.apiserver.access.authorization import Authorizer
from sandbox.apiserver.access.identity import User
from sandbox.apiserver.access.rbac_rules import Attributes
from sandbox.apiserver.http.keys import USER
from sandbox.apiserver.kinds.catalogue import Review
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import BadRequest, Invalid

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
        spec = spec_of(body, AccessSpec)
        if not spec.user and not spec.groups:
            message = "Required value: at least one of user or group must be specified"
            raise _invalid(SUBJECT, "spec.user", message)
        user = User(spec.user or "", spec.uid or "", spec.groups or ())
        return self._answered(SUBJECT, body, spec, user)

    async def _self(self, request: web.Request, body: Object) -> Object:
        return self._answered(SELF, body, spec_of(body, AccessSpec), request[USER])

    async def _self_rules(self, request: web.Request, body: Object) -> Object:
        namespace = spec_of(body, RulesSpec).namespace
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

    def _answered(self, resource: Resource, body: Object, spec: AccessSpec, user: User) -> Object:
        verdict = self._authorizer.verdict(user, _wanted(resource, spec))
        status: dict[str, Any] = {"allowed": verdict.allowed}
        if verdict.reason:
            status["reason"] = verdict.reason
        return {**body, "status": status}


def _wanted(resource: Resource, spec: AccessSpec) -> Attributes:
    action, on_path = spec.resource_attributes, spec.non_resource_attributes
    if action is not None and on_path is None:
        return Attributes(
            action.verb or "",
            action.group or "",
            action.resource or "",
            action.subresource or "",
            action.namespace or "",
            action.name or "",
        )
    if on_path is not None and action is None:
        return Attributes(on_path.verb or "", path=on_path.path or "")
    message = (
        "Invalid value: exactly one of nonResourceAttributes or resourceAttributes "
        "must be specified"
    )
    raise _invalid(resource, "spec.resourceAttributes", message)


def _invalid(resource: Resource, field: str, message: str) -> Invalid:
    return Invalid.of(resource, "", [StatusCause("FieldValueInvalid", message, field)])
