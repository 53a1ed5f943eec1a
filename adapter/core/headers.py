"""Headers that a configuration file adds to queries: what may be in them, and templates of them.

Values reach other servers, where a header decides whose data is read: nothing that could end a
header or name another tenant gets through (external-metrics-api §16 row 20).
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from adapter.core.namespaces import is_namespace
from adapter.core.problems import RuleError
from adapter.core.promql import UnservableSelectorError
from adapter.core.template_tokens import TemplateError
from adapter.core.templates import Template, compile_template

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_SECRET: Final = ("authorization", "proxy-authorization", "cookie")
_OURS: Final = (
    "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding",
    "te", "upgrade", "trailer", "expect",
)  # fmt: skip


class HeaderTemplate(Struct, frozen=True):
    """A header of a rule's queries."""

    name: str
    value: Template

    @property
    def varies(self) -> bool:
        """Whether the value depends on the request's namespace."""
        return bool(self.value.fields)

    def render(self, namespace: str) -> tuple[str, str]:
        """Name and value. Raises UnservableSelectorError for what is no namespace's name.

        Only names that Kubernetes allows get into headers: a "|" would mean further tenants.
        """
        if self.varies and not is_namespace(namespace):
            raise UnservableSelectorError(
                f"{namespace[:80]!r} is not the name of a namespace, and this metric sends it on"
            )
        return self.name, self.value.render({"Namespace": namespace})


def is_header_name(text: str) -> bool:
    """Whether `text` can be the name of an HTTP header."""
    return _NAME.fullmatch(text) is not None


def header_templates(written: Mapping[str, str]) -> tuple[HeaderTemplate, ...]:
    """Check and compile the headers of a rule. Raises RuleError."""
    found = []
    for name, text in written.items():
        _check_name(name)
        try:
            header = HeaderTemplate(name, compile_template(text, frozenset({"Namespace"})))
            value = header.render("default")[1]
        except TemplateError as error:
            raise RuleError(str(error), "headers", name) from error
        _check_value(name, value)
        found.append(header)
    return tuple(found)


def checked_headers(written: Mapping[str, str]) -> dict[str, str]:
    """The fixed headers of an upstream. Raises RuleError."""
    for name, value in written.items():
        _check_name(name)
        _check_value(name, value)
    return dict(written)


def _check_name(name: str) -> None:
    if not is_header_name(name):
        raise RuleError(
            "not the name of a header; write one such as X-Scope-OrgID", "headers", name
        )
    if name.lower() in _SECRET:
        raise RuleError(
            "secrets are not written into this file; give the upstream a tokenFile or basicAuth",
            *("headers", name),
        )
    if name.lower() in _OURS:
        raise RuleError("this header belongs to the HTTP client; remove it", "headers", name)


def _check_value(name: str, value: str) -> None:
    if not _VALUE.fullmatch(value):
        raise RuleError(
            "the value has control characters or is not ASCII; remove them", "headers", name
        )
