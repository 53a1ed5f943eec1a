"""The JSON schema of the configuration file, for editors and other checks."""

from typing import Any, Final

import msgspec

from adapter.core.file_format import ConfigurationFile

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NEEDED: Final = {
    "ExternalRule": ["seriesQuery", "metricsQuery"],
    "UpstreamEntry": ["url"],
    "GroupResource": ["resource"],
}
"""Keys that the types give a default only so that their lack can be told in our own words."""


def configuration_schema() -> dict[str, Any]:
    """The schema, made of the types of `adapter.core.file_format` and their descriptions."""
    made = msgspec.json.schema(ConfigurationFile)
    definitions = made["$defs"]
    for name, keys in _NEEDED.items():
        definitions[name]["required"] = keys
    pattern = {"type": "object", "minProperties": 1, "maxProperties": 1}
    definitions["SeriesFilter"].update(pattern)
    top = definitions.pop("ConfigurationFile")
    return {
        "$schema": _DIALECT,
        **top,
        "title": "Configuration of wpa-adapter",
        "$defs": definitions,
    }


def schema_text() -> str:
    """The schema as a file for people and tools."""
    body = msgspec.json.encode(configuration_schema())
    return msgspec.json.format(body, indent=2).decode() + "\n"
