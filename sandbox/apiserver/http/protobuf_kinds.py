"""Field numbers of the kinds that kubectl sends as protobuf, as Kubernetes publishes them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Text(Struct, frozen=True):
    """A string."""


class Number(Struct, frozen=True):
    """A signed whole number."""


class Truth(Struct, frozen=True):
    """A boolean."""


class Bytes(Struct, frozen=True):
    """Bytes; base64 in JSON."""


class Quantity(Struct, frozen=True):
    """A resource quantity: a message around its text."""


class IntOrString(Struct, frozen=True):
    """A number or a text such as "25%"."""


class Ignored(Struct, frozen=True):
    """What a client sends and the server decides: status, creation time."""


class Message(Struct, frozen=True):
    """A message: its fields by number."""

    fields: Mapping[int, "Field"]


class MapOf(Struct, frozen=True):
    """A map from strings."""

    of: "Text | Bytes | Quantity"


Type = Text | Number | Truth | Bytes | Quantity | IntOrString | Ignored | Message | MapOf


class Field(Struct, frozen=True):
    """A field; an optional one that is there counts even when it is 0, false or empty."""

    name: str
    type: Type = Text()
    repeated: bool = False
    optional: bool = False


def _texts(name: str) -> Field:
    return Field(name, repeated=True)


def _number(name: str, *, optional: bool = False) -> Field:
    return Field(name, Number(), optional=optional)


def _truth(name: str, *, optional: bool = False) -> Field:
    return Field(name, Truth(), optional=optional)


def _map(name: str) -> Field:
    return Field(name, MapOf(Text()))


def _many(name: str, message: Message) -> Field:
    return Field(name, message, repeated=True)


def _either(name: str) -> Field:
    return Field(name, IntOrString(), optional=True)


_META: Final = Field(
    "metadata",
    Message(
        {
            1: Field("name"), 2: Field("generateName"), 3: Field("namespace"),
            4: Field("selfLink", Ignored()), 5: Field("uid"), 6: Field("resourceVersion"),
            7: Field("generation", Ignored()), 8: Field("creationTimestamp", Ignored()),
            11: _map("labels"), 12: _map("annotations"), 14: _texts("finalizers"),
        }
    ),
)  # fmt: skip
_SELECTOR: Final = Message(
    {
        1: _map("matchLabels"),
        2: _many(
            "matchExpressions",
            Message({1: Field("key"), 2: Field("operator"), 3: _texts("values")}),
        ),
    }
)
_CONTAINER: Final = Message(
    {
        1: Field("name"), 2: Field("image"), 3: _texts("command"), 4: _texts("args"),
        5: Field("workingDir"),
        6: _many("ports", Message({1: Field("name"), 2: _number("hostPort"),
                                   3: _number("containerPort"), 4: Field("protocol"),
                                   5: Field("hostIP")})),
        7: _many("env", Message({1: Field("name"), 2: Field("value")})),
        8: Field("resources", Message({1: Field("limits", MapOf(Quantity())),
                                       2: Field("requests", MapOf(Quantity()))})),
        13: Field("terminationMessagePath"), 14: Field("imagePullPolicy"),
        16: _truth("stdin"), 17: _truth("stdinOnce"), 18: _truth("tty"),
        20: Field("terminationMessagePolicy"),
    }
)  # fmt: skip
_POD_SPEC: Final = Message(
    {
        2: _many("containers", _CONTAINER), 3: Field("restartPolicy"),
        4: _number("terminationGracePeriodSeconds", optional=True), 6: Field("dnsPolicy"),
        7: _map("nodeSelector"), 8: Field("serviceAccountName"), 9: Field("serviceAccount"),
        10: Field("nodeName"), 11: _truth("hostNetwork"), 12: _truth("hostPID"),
        13: _truth("hostIPC"), 14: Field("securityContext", Message({})), 16: Field("hostname"),
        17: Field("subdomain"), 19: Field("schedulerName"),
        24: Field("priorityClassName"),
    }
)  # fmt: skip
_TEMPLATE: Final = Field("template", Message({1: _META, 2: Field("spec", _POD_SPEC)}))
_STRATEGY: Final = Message(
    {
        1: Field("type"),
        2: Field("rollingUpdate", Message({1: _either("maxUnavailable"), 2: _either("maxSurge")})),
    }
)
_DEPLOYMENT_SPEC: Final = Message(
    {
        1: _number("replicas", optional=True), 2: Field("selector", _SELECTOR), 3: _TEMPLATE,
        4: Field("strategy", _STRATEGY), 5: _number("minReadySeconds"),
        6: _number("revisionHistoryLimit", optional=True), 7: _truth("paused"),
        9: _number("progressDeadlineSeconds", optional=True),
    }
)  # fmt: skip
_SERVICE_SPEC: Final = Message(
    {
        1: _many("ports", Message({1: Field("name"), 2: Field("protocol"), 3: _number("port"),
                                   4: _either("targetPort"), 5: _number("nodePort")})),
        2: _map("selector"), 3: Field("clusterIP"), 4: Field("type"), 7: Field("sessionAffinity"),
        8: Field("loadBalancerIP"), 10: Field("externalName"), 11: Field("externalTrafficPolicy"),
        12: _number("healthCheckNodePort"), 13: _truth("publishNotReadyAddresses"),
    }
)  # fmt: skip
_RULES: Final = _many(
    "rules",
    Message({1: _texts("verbs"), 2: _texts("apiGroups"), 3: _texts("resources"),
             4: _texts("resourceNames"), 5: _texts("nonResourceURLs")}),
)  # fmt: skip
_BINDING: Final = Message(
    {
        1: _META,
        2: _many("subjects", Message({1: Field("kind"), 2: Field("apiGroup"), 3: Field("name"),
                                      4: Field("namespace")})),
        3: Field("roleRef", Message({1: Field("apiGroup"), 2: Field("kind"), 3: Field("name")})),
    }
)  # fmt: skip
_RESOURCE_ATTRIBUTES: Final = Message(
    {1: Field("namespace"), 2: Field("verb"), 3: Field("group"), 4: Field("version"),
     5: Field("resource"), 6: Field("subresource"), 7: Field("name")}
)  # fmt: skip
_ACCESS: Final = Message(
    {
        1: Field("resourceAttributes", _RESOURCE_ATTRIBUTES, optional=True),
        2: Field("nonResourceAttributes", Message({1: Field("path"), 2: Field("verb")}),
                 optional=True),
    }
)  # fmt: skip
_STATUS: Final = Field("status", Ignored())


def _with_spec(spec: Message) -> Message:
    return Message({1: _META, 2: Field("spec", spec), 3: _STATUS})


_RBAC: Final = "rbac.authorization.k8s.io/v1"

KINDS: Final[Mapping[tuple[str, str], Message]] = {
    ("v1", "Namespace"): _with_spec(Message({1: _texts("finalizers")})),
    ("v1", "Pod"): _with_spec(_POD_SPEC),
    ("v1", "Service"): _with_spec(_SERVICE_SPEC),
    ("v1", "ServiceAccount"): Message(
        {1: _META, 4: _truth("automountServiceAccountToken", optional=True)}
    ),
    ("v1", "ConfigMap"): Message(
        {1: _META, 2: _map("data"), 3: Field("binaryData", MapOf(Bytes())),
         4: _truth("immutable", optional=True)}
    ),
    ("v1", "Secret"): Message(
        {1: _META, 2: Field("data", MapOf(Bytes())), 3: Field("type"), 4: _map("stringData"),
         5: _truth("immutable", optional=True)}
    ),
    ("apps/v1", "Deployment"): _with_spec(_DEPLOYMENT_SPEC),
    ("policy/v1", "PodDisruptionBudget"): _with_spec(
        Message({1: _either("minAvailable"), 2: Field("selector", _SELECTOR),
                 3: _either("maxUnavailable")})
    ),
    (_RBAC, "Role"): Message({1: _META, 2: _RULES}),
    (_RBAC, "ClusterRole"): Message({1: _META, 2: _RULES}),
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    ("authentication.k8s.io/v1", "TokenRequest"): _with_spec(
        Message({1: _texts("audiences"), 4: _number("expirationSeconds", optional=True)})
    ),
    ("authentication.k8s.io/v1", "SelfSubjectReview"): Message({1: _META, 2: _STATUS}),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): _with_spec(_ACCESS),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): _with_spec(
        Message({1: Field("namespace")})
    ),
}  # fmt: skip
