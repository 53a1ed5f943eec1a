"""`prometheus.yml` and its rule files, as far as the demo uses them.

The demo writes them for the real Prometheus and for the stand-in alike; the stand-in reads them
strictly: a setting it does not know is an error, never ignored.
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import promql_parser as promql
import yaml
from msgspec import Meta, Struct, field

from kube.vocab.times import parse_duration
from sandbox.prometheus.evaluate import ParseError, check_supported, parse
from sandbox.prometheus.values import EvaluationError

Name = Annotated[str, Meta(min_length=1)]


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the text names file and field."""


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the file's structures."""


class Global(_Strict, frozen=True, kw_only=True):
    """`global`: how often to scrape and to evaluate rules."""

    scrape_interval: str = "1m"
    scrape_timeout: str = "10s"
    evaluation_interval: str = "1m"


class TlsConfig(_Strict, frozen=True, kw_only=True):
    """`tls_config` of a job: whom to trust, and under which name."""

    ca_file: str = ""
    server_name: str = ""


class Authorization(_Strict, frozen=True, kw_only=True):
    """`authorization` of a job: a bearer token read from a file."""

    credentials_file: str = ""


class StaticConfig(_Strict, frozen=True, kw_only=True):
    """Targets (`host:port`) and the labels they get; `__metrics_path__` overrides the path."""

    targets: list[Name]
    labels: dict[str, str] = {}


class ScrapeConfig(_Strict, frozen=True, kw_only=True):
    """One job."""

    job_name: Name
    metrics_path: str = "/metrics"
    scheme: str = "http"
    tls_config: TlsConfig | None = None
    authorization: Authorization | None = None
    static_configs: list[StaticConfig] = []


class PrometheusConfig(_Strict, frozen=True, kw_only=True):
    """The whole file."""

    global_: Global = field(default=Global(), name="global")
    rule_files: list[str] = []
    scrape_configs: list[ScrapeConfig] = []


class Rule(_Strict, frozen=True, kw_only=True):
    """A recording rule."""

    record: Name
    expr: Name
    labels: dict[str, str] = {}


class RuleGroup(_Strict, frozen=True, kw_only=True):
    """Rules evaluated in order; the stand-in evaluates all groups after each scrape."""

    name: Name
    interval: str = ""
    rules: list[Rule]


class RuleFile(_Strict, frozen=True, kw_only=True):
    """A rule file."""

    groups: list[RuleGroup] = []


class ReadyRule(Struct, frozen=True):
    """A recording rule with its expression parsed and found evaluable."""

    rule: Rule
    tree: promql.Expr


def dump_yaml(document: PrometheusConfig | RuleFile) -> str:
    """The document as Prometheus reads it."""
    return yaml.safe_dump(msgspec.to_builtins(document), sort_keys=False, width=100)


def load_config(path: Path) -> PrometheusConfig:
    """Read `prometheus.yml`. Raises ConfigurationError."""
    config = _load(path, PrometheusConfig)
    for name in ("scrape_interval", "scrape_timeout", "evaluation_interval"):
        text = getattr(config.global_, name)
        try:
            usable = parse_duration(text) > 0
        except ValueError as error:
            raise ConfigurationError(f"{path}: global.{name}: {error}") from error
        if not usable:
            raise ConfigurationError(f"{path}: global.{name}: {text!r} must be above zero")
    return config


def load_rules(config: PrometheusConfig, folder: Path) -> list[ReadyRule]:
    """Read the rule files, relative to `folder`; all rules have to be evaluable.

    Raises ConfigurationError naming file, group and rule.
    """
    ready: list[ReadyRule] = []
    for name in config.rule_files:
        path = folder / name
        for group in _load(path, RuleFile).groups:
            for rule in group.rules:
                where = f"{path}: group {group.name!r}, rule {rule.record!r}"
                ready.append(ReadyRule(rule, _evaluable(rule.expr, where)))
    return ready


def _evaluable(expression: str, where: str) -> promql.Expr:
    try:
        tree = parse(expression)
        check_supported(tree)
    except (ParseError, EvaluationError) as error:
        raise ConfigurationError(f"{where}: {error}") from error
    return tree


_Document = TypeVar("_Document", PrometheusConfig, RuleFile)


def _load(path: Path, kind: type[_Document]) -> _Document:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert({} if content is None else content, kind)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
