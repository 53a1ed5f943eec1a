"""`wpa-adapter check-config`: what it says about files that can and cannot be served."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapter.check_config import check_config

FULL = """
upstreams:
  mimir:
    url: https://mimir/prometheus
    headers: {X-Scope-OrgID: all}
    params: {dedup: "true"}
    basicAuth: {username: me, passwordFile: /run/password}
externalRules:
- seriesQuery: 'http_requests_total{job!=""}'
  name: {as: "pages"}
  upstream: mimir
  headers: {X-Team: "<<.Namespace>>"}
  params: {page: {label: uri, values: {login: /v1/login}}}
  labelKeys: sanitize
  namespaces: [blue, amber]
  timeout: 2500ms
  staleFor: 1m
  onError: {value: "1500m"}
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)'
  timestampQuery: 'min(timestamp(<<.Series>>{<<.LabelMatchers>>}))'
"""


def check(folder: Path, text: str) -> Result:
    (folder / "rules.yaml").write_text(text)
    return CliRunner().invoke(check_config, [str(folder / "rules.yaml")])


def test_a_rule_is_explained(tmp_path):
    result = check(tmp_path, FULL)
    assert result.exit_code == 0
    told = {tuple(line.split(None, 1)) for line in result.stdout.splitlines() if line}
    matchers = 'uri="/v1/login",namespace="amber"'
    for line in [
        ("upstream", "mimir"),
        ("address", "POST https://mimir/prometheus"),
        ("header", "X-Scope-OrgID: all"),
        ("parameter", "dedup=true"),
        ("password", "from /run/password"),
        ("metric", "pages"),
        ("series", "http_requests_total"),
        ("namespace", 'the label "namespace"'),
        ("header", "X-Team: <<.Namespace>>"),
        ("parameter", "page for the label uri: login"),
        ("labelKeys", "sanitize"),
        ("timeout", "2.5s"),
        ("staleFor", "60s"),
        ("onError", "the value 1500m"),
        ("asks", f"sum(rate(http_requests_total{{{matchers}}}[2m])) by ()"),
        ("together", "with requests that differ in these label values alone"),
    ]:
        assert line in told, line
    assert ("readable", "in  amber, blue") in told
    assert "/namespaces/amber/pages?labelSelector=page%3Dlogin" in result.stdout
    assert f"min(timestamp(http_requests_total{{{matchers}}}))" in result.stdout
    assert f"{tmp_path}/rules.yaml:9: externalRules[0]" in result.stdout
    assert "cacheTTL" not in result.stdout, "what is as by default needs no word"
    assert result.stderr.startswith(f"warning: {tmp_path}/rules.yaml:9: externalRules[0]: ")
    assert ".GroupBy is always empty" in result.stderr


def test_all_problems_are_told(tmp_path):
    result = check(
        tmp_path,
        "externalRules:\n"
        "- {seriesQuery: m, metricsQuery: 'sum('}\n"
        "- {seriesQuery: n, metricsQuery: n}\n"
        "- {seriesQuery: o, metricsQuery: o, timeout: soon}\n",
    )
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"{tmp_path}/rules.yaml:2",
        f"{tmp_path}/rules.yaml:4",
    ]
    assert all("; " in line for line in lines)


def test_standard_input():
    result = CliRunner().invoke(check_config, ["-"], input="externalRules: 5\n")
    assert (result.exit_code, result.stderr) == (
        1,
        "-:1: externalRules: expected a list of rules\n",
    )


@pytest.mark.parametrize("arguments", [[], ["/nowhere.yaml"], ["--output", "x"]])
def test_wrong_arguments(arguments):
    assert CliRunner().invoke(check_config, arguments).exit_code == 2


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "rules.yaml").write_bytes(b"\xff\xfe")
    result = CliRunner().invoke(check_config, [str(tmp_path / "rules.yaml")])
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_the_schema_can_be_printed():
    result = CliRunner().invoke(check_config, ["--schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Configuration of wpa-adapter"


def test_a_rule_that_is_always_asked_alone_says_why(tmp_path):
    result = check(
        tmp_path,
        "externalRules: [{seriesQuery: m, metricsQuery: 'topk(1, m{<<.LabelMatchers>>})'}]",
    )
    assert "together     no: topk is not known to treat each group by itself" in result.stdout
