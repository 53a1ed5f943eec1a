"""The configuration file as it is written: keys, types, and what each is for.

Rules have prometheus-adapter's keys (external-metrics-api §12.1, E-20) and optional ones of our own
(§16, §17). The JSON schema that editors use is made of these types and their descriptions.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Duration = Annotated[
    str | int | float,
    Meta(description="A Go duration such as 15s, 1m30s or 500ms; a bare number is seconds."),
]
Texts = dict[str, str]


class SeriesFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """An unanchored expression that the series name must (`is`) or must not (`isNot`) match."""

    is_: str = field(default="", name="is")
    is_not: str = field(default="", name="isNot")


class GroupResource(Struct, frozen=True, forbid_unknown_fields=True):
    """The Kubernetes resource that a label stands for."""

    group: str = ""
    resource: str = ""


class ResourceMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """Which label holds the namespace, and whether it is matched at all."""

    overrides: Annotated[
        dict[str, GroupResource],
        Meta(description="Labels by name, and the Kubernetes resource that each stands for."),
    ] = {}
    template: Annotated[
        str, Meta(description="Label of a resource, such as kube_<<.Resource>>.")
    ] = ""
    namespaced: Annotated[
        bool, Meta(description="false: series of all namespaces answer every namespace.")
    ] = True


class NameMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """From series name to metric name."""

    matches: Annotated[
        str, Meta(description="Unanchored expression on the series name. Default: .*")
    ] = ""
    as_: Annotated[
        str,
        Meta(description="Metric name; $1, ${1}, ${name} and $0 are what `matches` found."),
    ] = field(default="", name="as")


class Parameter(Struct, frozen=True, forbid_unknown_fields=True):
    """A selector key of our own, for label values that Kubernetes cannot write (E-6)."""

    label: Annotated[
        str, Meta(description="The Prometheus label it selects. Default: the parameter's name.")
    ] = ""
    values: Annotated[
        Texts | None,
        Meta(
            description="Label values by what a selector says; other values are refused. "
            "Without this key values are passed on."
        ),
    ] = None


class FixedValue(Struct, frozen=True, forbid_unknown_fields=True):
    """A value that stands in for a failing query."""

    value: Annotated[str | int | float, Meta(description='A quantity such as 3, "1500m" or "2k".')]


class RuleOptions(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Optional keys of a rule, which `defaults` can set for all rules."""

    upstream: Annotated[
        str,
        Meta(
            description="Name of the upstream to ask. Default: `default`, the one that the command "
            "line describes."
        ),
    ] = "default"
    headers: Annotated[
        Texts,
        Meta(
            description="Headers of the rule's queries; values are templates over .Namespace, such "
            "as X-Scope-OrgID: <<.Namespace>>."
        ),
    ] = {}
    params: Annotated[
        dict[str, Parameter], Meta(description="Selector keys that stand for labels.")
    ] = {}
    label_keys: Annotated[
        Literal["error", "quote", "sanitize"],
        Meta(
            description="Selector keys that Prometheus label names cannot be (dots, dashes, "
            "slashes): error refuses them, quote sends them quoted (Prometheus 3), sanitize "
            "replaces what is not allowed by underscores."
        ),
    ] = "error"
    window: Annotated[
        Duration | None,
        Meta(description="Time over which the query looks; shown to callers, whole seconds."),
    ] = None
    cache_ttl: Annotated[
        Duration | None,
        Meta(description="How long an answer is handed out. Default: --cache-ttl."),
    ] = field(default=None, name="cacheTTL")
    stale_for: Annotated[
        Duration | None,
        Meta(description="Age up to which the last good answer stands in for a failing query."),
    ] = None
    timeout: Annotated[
        Duration | None, Meta(description="How long a query may take. Default: --query-timeout.")
    ] = None
    max_series: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Answers with more series are refused. Default: --max-series."),
    ] = None
    min_series: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Answers with fewer usable series are partial and refused. Default: none "
            "is too few."
        ),
    ] = None
    expect: Annotated[
        Literal["any", "one"], Meta(description="one: more than one series is an error.")
    ] = "any"
    on_empty: Annotated[
        Literal["empty", "zero", "error"],
        Meta(description="What a result without series becomes. empty is a list without items."),
    ] = "empty"
    on_error: Annotated[
        Literal["stale", "error"] | FixedValue,
        Meta(
            description="What a failing query becomes: the last good answer while it is young "
            'enough, an error, or a value written out: {value: "3"}.'
        ),
    ] = "stale"
    on_warnings: Annotated[
        Literal["accept", "error"],
        Meta(description="What an answer with warnings (a partial one of Thanos) becomes."),
    ] = "accept"
    non_finite: Annotated[
        Literal["drop", "error"], Meta(description="What NaN and infinities become.")
    ] = "drop"
    namespaces: Annotated[
        list[str] | None,
        Meta(description="Namespaces that may read the metric; others get 403. Default: all."),
    ] = None
    timestamp_query: Annotated[
        str,
        Meta(
            description="PromQL template whose values are the samples' instants, such as "
            "min(timestamp(<<.Series>>{<<.LabelMatchers>>})). Default: the evaluation time."
        ),
    ] = ""


class ExternalRule(RuleOptions, frozen=True, rename="camel", kw_only=True):
    """An element of `externalRules`."""

    series_query: Annotated[
        str, Meta(description="A series selector. Its literal name is <<.Series>>.")
    ] = ""
    series_filters: Annotated[
        list[SeriesFilter], Meta(description="What the series name must and must not match.")
    ] = []
    resources: ResourceMapping = ResourceMapping()
    name: NameMapping = NameMapping()
    metrics_query: Annotated[
        str,
        Meta(description="PromQL template, such as sum(<<.Series>>{<<.LabelMatchers>>})."),
    ] = ""


class BasicAuth(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Basic authentication; the password stays in its file."""

    username: str
    password_file: str


class UpstreamEntry(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How to reach one Prometheus, Thanos, Mimir or VictoriaMetrics."""

    url: Annotated[str, Meta(description="Address, such as http://thanos.monitoring:9090.")] = ""
    verb: Annotated[Literal["POST", "GET"], Meta(description="HTTP method of queries.")] = "POST"
    ca_file: Annotated[str, Meta(description="Its authority. Default: system roots.")] = ""
    client_cert_file: Annotated[str, Meta(description="Client certificate.")] = ""
    client_key_file: Annotated[str, Meta(description="Key of the client certificate.")] = ""
    token_file: Annotated[str, Meta(description="Bearer token.")] = ""
    basic_auth: BasicAuth | None = None
    headers: Annotated[
        Texts, Meta(description="Headers of every query. Secrets belong into files.")
    ] = {}
    params: Annotated[
        Texts, Meta(description="Parameters of every query, such as dedup or partial_response.")
    ] = {}
    max_concurrent: Annotated[int, Meta(ge=1, description="Requests in flight at a time.")] = 32
    max_queued: Annotated[
        int, Meta(ge=0, description="Requests that wait for their turn; others fail at once.")
    ] = 1000


class ConfigurationFile(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The file that --config names."""

    external_rules: Annotated[
        list[ExternalRule], Meta(description="One rule for each metric or family of metrics.")
    ] = []
    defaults: Annotated[
        RuleOptions, Meta(description="Keys for all rules that do not set them.")
    ] = RuleOptions()
    upstreams: Annotated[
        dict[str, UpstreamEntry], Meta(description="Servers by the name that rules use.")
    ] = {}
    rules: Annotated[
        Any, Meta(description="prometheus-adapter's custom metrics: accepted, not served.")
    ] = None
    resource_rules: Annotated[
        Any, Meta(description="prometheus-adapter's resource metrics: accepted, not served.")
    ] = None
