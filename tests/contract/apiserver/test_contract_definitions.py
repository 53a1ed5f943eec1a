"""CustomResourceDefinitions in use: rules, and objects that are older than their definition."""

from copy import deepcopy
from typing import Any

import pytest

from tests.contract.apiserver.client import TABLE, Answer, Api
from tests.contract.apiserver.objects import GADGET_DEFINITION, PLURAL, VERSION, gadget
from tests.controlplane.waiting import eventually_async

pytestmark = pytest.mark.asyncio


class Defined:
    """A definition in a group of the test's own, and where its objects are."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.body = deepcopy(GADGET_DEFINITION)
        self.group = self.body["spec"]["group"] = f"{api.namespace}.example.com"
        self.body["metadata"]["name"] = f"{PLURAL}.{self.group}"
        self.path = api.path(PLURAL, group=self.group, version=VERSION)

    @property
    def spec(self) -> dict[str, Any]:
        """The schema of an object's `spec`."""
        [version] = self.body["spec"]["versions"]
        found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        return found

    def object(self, name: str, **spec: Any) -> dict[str, Any]:
        return gadget(name, **spec) | {"apiVersion": f"{self.group}/{VERSION}"}

    async def replace(self) -> None:
        """Put the changed definition in place; returns when writes are judged by it."""
        where = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURAL}.{self.group}"
        stored = (await self.api.get(where)).body
        answer = await self.api.put(where, stored | {"spec": self.body["spec"]})
        assert answer.code == 200, answer

        async def judged() -> Answer:
            return await self.api.post(self.path, self.object("p", replicas=50), dryRun="All")

        await eventually_async(judged, lambda found: found.code == 422)


async def test_object_older_than_a_bound_can_be_changed_elsewhere_only(api: Api):
    """Ratcheting: what an update leaves as it was is not held against it."""
    defined = Defined(api)
    await api.install(defined.body)
    await api.created(defined.path, defined.object("old", replicas=50))
    defined.spec["properties"]["replicas"]["maximum"] = 10
    await defined.replace()
    old = f"{defined.path}/old"
    assert (await api.patch(old, {"metadata": {"labels": {"a": "b"}}})).code == 200
    assert (await api.patch(old, {"spec": {"mode": "fast"}})).code == 200
    assert (await api.patch(f"{old}/status", {"status": {"replicas": 1}})).code == 200
    worse = await api.patch(old, {"spec": {"replicas": 51}})
    assert (worse.code, worse.body["reason"]) == (422, "Invalid")
    assert (await api.patch(old, {"spec": {"replicas": 9}})).code == 200


@pytest.mark.differs("CEL rules (`x-kubernetes-validations`) of a CustomResourceDefinition")
async def test_rule_refuses_in_its_own_words(api: Api):
    defined = Defined(api)
    rule = {"rule": "self.replicas < 10", "message": "ten are too many"}
    defined.spec["x-kubernetes-validations"] = [rule]
    await api.install(defined.body)
    answer = await api.post(defined.path, defined.object("g", replicas=10))
    assert answer.code == 422
    assert answer.body["message"].endswith("spec: Invalid value: ten are too many")


@pytest.mark.differs("objects stored before a CustomResourceDefinition changed are pruned and")
async def test_stored_objects_are_read_as_the_new_definition_says(api: Api):
    defined = Defined(api)
    await api.install(defined.body)
    await api.created(defined.path, defined.object("old", replicas=1, amount="5"))
    properties = defined.spec["properties"]
    del properties["amount"]
    properties["level"] = {"type": "integer", "default": 3}
    properties["replicas"]["maximum"] = 10
    await defined.replace()
    spec = (await api.get(f"{defined.path}/old")).body["spec"]
    assert spec == {"replicas": 1, "mode": "slow", "level": 3}


@pytest.mark.differs("a structural schema is itself checked")
async def test_schema_that_makes_no_sense_is_refused(api: Api):
    defined = Defined(api)
    defined.spec["properties"]["replicas"]["type"] = "whole number"
    answer = await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", defined.body)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


COLUMNS = [
    ("string", ".spec.marks[*].high", "10"),
    ("string", ".spec..high", "10"),
    ("string", ".spec.marks[*].high..", "10"),
    ("string", '.spec.marks[?(@.type=="b")].high', "7"),
    ("string", ".spec.marks[0]", '{"high":"10","type":"a"}'),
    ("string", ".spec.flag", "true"),
    ("string", ".spec.share", "1.5"),
    ("boolean", ".spec.flag", True),
    ("number", ".spec.share", 1.5),
    ("integer", ".spec.flag", None),
    ("integer", ".spec.text", None),
    ("date", ".spec.text", "<invalid>"),
    ("string", ".spec.absent", None),
]


async def test_columns_show_the_first_of_several_values_in_their_type(api: Api):
    defined = Defined(api)
    [version] = defined.body["spec"]["versions"]
    version["additionalPrinterColumns"] = [
        {"name": f"c{index}", "type": kind, "jsonPath": path}
        for index, (kind, path, _) in enumerate(COLUMNS)
    ]
    defined.spec.clear()
    defined.spec.update({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    await api.install(defined.body)
    marks = [{"high": "10", "type": "a"}, {"high": 7, "type": "b"}]
    body = defined.object("g", marks=marks, flag=True, share=1.5, text="x")
    await api.created(defined.path, body)
    [row] = (await api.get(defined.path, accept=TABLE)).body["rows"]
    assert row["cells"][1:] == [shown for _, _, shown in COLUMNS]
