"""The `upstreams` of a configuration file, checked (external-metrics-api §16 rows 2, 19, 20)."""

import re
from typing import Final
from urllib.parse import urlsplit

from adapter.core.file_format import UpstreamEntry
from adapter.core.headers import checked_headers
from adapter.core.problems import RuleError
from adapter.core.rule_options import DEFAULT_WORD
from adapter.core.upstream import Upstream

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_OURS: Final = ("query", "time", "timeout", "start", "end", "match[]", "limit")


def upstream_of(name: str, written: UpstreamEntry) -> Upstream:
    """How to reach the upstream `name`. Raises RuleError."""
    if name == DEFAULT_WORD:
        raise RuleError(
            f'"{DEFAULT_WORD}" is the one that the command line describes; choose another name'
        )
    if not _NAME.fullmatch(name):
        raise RuleError("not a name; use letters, digits, dots, dashes and underscores")
    _check_url(written.url)
    if bool(written.client_cert_file) != bool(written.client_key_file):
        raise RuleError(
            "a client certificate needs both clientCertFile and clientKeyFile; add the other one",
            "clientCertFile" if written.client_cert_file else "clientKeyFile",
        )
    if written.token_file and written.basic_auth is not None:
        raise RuleError("only one of tokenFile and basicAuth can be sent; remove one", "basicAuth")
    for key in written.params:
        if key in _OURS:
            raise RuleError("this parameter belongs to the query; remove it", "params", key)
    basic = written.basic_auth
    return Upstream(
        url=written.url,
        verb=written.verb,
        ca_file=written.ca_file,
        certificate_file=written.client_cert_file,
        key_file=written.client_key_file,
        token_file=written.token_file,
        username="" if basic is None else _username(basic.username),
        password_file="" if basic is None else _password_file(basic.password_file),
        headers=checked_headers(written.headers),
        params=dict(written.params),
        max_concurrent=written.max_concurrent,
        max_queued=written.max_queued,
    )


def _check_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        raise RuleError(
            f"{text!r} is not an address; write one like http://prometheus.monitoring:9090", "url"
        )
    if parts.username is not None or parts.password is not None:
        raise RuleError(
            "a password does not belong into an address; use basicAuth with a passwordFile", "url"
        )
    if parts.query or parts.fragment:
        raise RuleError(
            f"{text!r} has parameters; move them to params, which every query gets", "url"
        )


def _username(text: str) -> str:
    if not text or ":" in text or not text.isprintable():
        raise RuleError("write a name without colons", "basicAuth", "username")
    return text


def _password_file(text: str) -> str:
    if not text:
        raise RuleError("missing; name the file that holds it", "basicAuth", "passwordFile")
    return text
