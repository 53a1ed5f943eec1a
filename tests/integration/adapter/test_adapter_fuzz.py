"""Requests that nobody in good faith would send: at random, and from the API's own description."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.campaign import campaign
from tests.hostile.verdicts import check_answer, check_query, means
from tests.integration.adapter.kit.server import RULES, Answer
from tests.integration.adapter.kit.wire import Line, in_process

TEXT = st.text(max_size=40) | st.sampled_from(
    ["queue_depth", "default", "queue=a", "queue in (a,b)", "true", "1s", '"', "\x00", "a/b", "%"]
)
CHARACTERS = "".join(chr(code) for code in range(33, 127))


@pytest.mark.asyncio
async def test_a_thousand_wild_requests():
    seen = await campaign(first=1, count=1000)
    assert {"200", "400", "401", "403", "404", "405", "406"} <= set(seen)


def drawn(parameters: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, str]]:
    """Values for the parameters of an operation; the required ones always."""
    assert all(one["schema"] == {"type": "string"} for one in parameters)
    must = {one["name"]: TEXT for one in parameters if one.get("required")}
    may = {one["name"]: TEXT for one in parameters if not one.get("required")}
    return st.fixed_dictionaries(must, optional=may)


@settings(max_examples=60)
@given(data=st.data())
def test_the_description_of_the_api_holds(tmp_path_factory, data):
    """OpenAPI v3 as it is served: any values for its parameters, and answers of its schema."""

    async def run() -> None:
        folder = tmp_path_factory.mktemp("adapter")
        async with in_process(folder, rules=RULES) as line:
            document = json.loads((await get(line, await group(line))).body)
            for path, item in document["paths"].items():
                for _ in range(10):
                    await one(line, document, path, item)

    async def one(line: Line, document: Any, path: str, item: Any) -> None:
        values = data.draw(drawn(item["parameters"]))
        target = path
        for name in [one["name"] for one in item["parameters"] if one["in"] == "path"]:
            target = target.replace(f"{{{name}}}", quote(values.pop(name), safe=""))
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
        line.harness.prometheus.queries.clear()
        answer = await get(line, f"{target}?{query}")
        check_answer(answer, line.harness.prometheus.url)
        for promql in line.harness.prometheus.queries:
            check_query(promql)
            assert means(promql, values.get("labelSelector", ""))
        if answer.status == 200 and answer.json["kind"] == "ExternalMetricValueList":
            content = item["get"]["responses"]["200"]["content"]["application/json"]
            schema = {**content["schema"], "components": document["components"]}
            jsonschema.validate(answer.json, schema)

    asyncio.run(run())


async def group(line: Line) -> str:
    index = (await get(line, "/openapi/v3")).json
    (where,) = index["paths"].values()
    return str(where["serverRelativeURL"])


async def get(line: Line, target: str) -> Answer:
    connection = await line.connect(line.harness.proxy)
    lines = (f"GET {target} HTTP/1.1", "Host: a", "X-Remote-User: hpa", "", "")
    try:
        return await connection.ask("\r\n".join(lines).encode())
    finally:
        connection.close()
