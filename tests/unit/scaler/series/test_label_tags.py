"""DD_LABELS_AS_TAGS: which labels of an object a series shows, and under what names (W-M10)."""

import pytest
from click.testing import CliRunner

from scaler.__main__ import command
from scaler.core.label_tags import LabelTag, read_label_tags


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("  ", []),
        ("team", ["team"]),
        (" team\tapp.kubernetes.io/name  tier ", ["team", "app_kubernetes_io_name", "tier"]),
        ("1st", ["_1st"]),
        ("team team", ["team"]),
    ],
)
def test_names_are_those_that_prometheus_allows(text, names):
    assert [tag.name for tag in read_label_tags(text)] == names


def test_the_key_stays_what_the_object_has():
    assert read_label_tags("a/b") == (LabelTag("a/b", "a_b"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b a/b", "'a.b' and 'a/b' are both a_b"),
        ("namespace", "has a label namespace of its own"),
        ("dry.run", "has a label dry_run of its own"),
        ("..x", "belong to Prometheus"),
    ],
)
def test_what_clashes_is_named(text, words):
    with pytest.raises(ValueError, match=words):
        read_label_tags(text)


@pytest.mark.parametrize(
    ("args", "env"),
    [(["--labels-as-tags=namespace"], {}), ([], {"DD_LABELS_AS_TAGS": "namespace"})],
)
def test_a_clash_is_a_matter_of_configuration(args, env):
    result = CliRunner().invoke(command, args, env=env)
    assert result.exit_code == 2
    assert "the series has a label namespace of its own" in result.output
