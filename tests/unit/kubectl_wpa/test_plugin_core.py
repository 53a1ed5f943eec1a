from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.vocab.objects import ObjectMeta
from kubectl_wpa.core import (
    Autoscaler,
    BadRow,
    Choice,
    Saved,
    Spec,
    WrongUse,
    changed_line,
    choose,
    csv_of,
    line_of,
    patch_of_dry_run,
    saved_states,
)

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True)


def one(namespace="shop", name="web", dry_run=False) -> Autoscaler:
    return Autoscaler(ObjectMeta(name=name, namespace=namespace), Spec(dry_run))


def chosen(**flags) -> Choice:
    nothing: dict[str, Any] = {"name": "", "labels": "", "everything": False, "namespace": None}
    return choose(**nothing | {"all_namespaces": False} | flags)


@pytest.mark.parametrize(
    ("flags", "within_shop"),
    [
        ({"name": "web"}, Choice("shop", "web")),
        ({"name": "web", "namespace": "other"}, Choice("other", "web")),
        ({"name": "web", "namespace": ""}, Choice("shop", "web")),
        ({"labels": "a=b,c!=d"}, Choice("shop", labels="a=b,c!=d")),
        ({"labels": "a in (b)", "all_namespaces": True}, Choice("", labels="a in (b)")),
        ({"everything": True}, Choice("shop")),
        ({"everything": True, "all_namespaces": True, "namespace": "other"}, Choice("")),
        ({"everything": True, "labels": "a"}, Choice("shop", labels="a")),
    ],
)
def test_what_flags_choose(flags, within_shop):
    assert chosen(**flags).within("shop") == within_shop


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "^the watermarkpodautoscaler name or label-selector is required$"),
        ({"all_namespaces": True}, "^the watermarkpodautoscaler name or label-selector is"),
        ({"labels": "a=b=c"}, "^invalid label-selector, err: found '=', expected: ','"),
        ({"name": "web", "labels": "a=b"}, "the name web chooses one object, -l and --all"),
        ({"name": "web", "everything": True}, "give one of them"),
        ({"name": "web", "all_namespaces": True}, "use -n instead of --all-namespaces"),
    ],
)
def test_flags_that_choose_nothing_certain_are_refused(flags, message):
    with pytest.raises(WrongUse, match=message):
        chosen(**flags)


def test_lines_are_upstreams():
    assert line_of(one()) == "WatermarkPodAutoscaler 'shop/web' dry-run option is: false"
    assert line_of(one(dry_run=True)) == "WatermarkPodAutoscaler 'shop/web' dry-run option is: true"
    assert changed_line(one(), True) == (
        "WatermarkPodAutoscaler 'shop/web' dry-run option is now true"
    )


def test_a_backup_has_no_header():
    found = [one(dry_run=True), one("other", "mail")]
    assert csv_of(found) == "shop,web,enabled\nother,mail,disabled\n"


def test_a_patch_changes_nothing_but_dry_run():
    assert patch_of_dry_run(True) == b'{"spec":{"dryRun":true}}'
    assert patch_of_dry_run(False) == b'{"spec":{"dryRun":false}}'


def test_an_object_without_the_field_is_not_in_dry_run():
    for body in (b'{"metadata": {"name": "a"}, "spec": {"metrics": 7}}', b"{}"):
        assert msgspec.json.decode(body, type=Autoscaler).spec.dry_run is False


def test_rows_of_a_backup():
    text = 'shop,web,enabled\r\n\nshop,"mail",disabled\n'
    assert list(saved_states(text)) == [Saved("shop", "web", True), Saved("shop", "mail", False)]


def test_an_unknown_state_warns_and_means_enabled():
    (row,) = saved_states("shop,web,off")
    assert row == Saved(
        "shop", "web", True, "Warning: Incorrect value for dry-run: off, defaulting to true"
    )


@pytest.mark.parametrize("line", ["shop,web", "shop,web,enabled,", "shop", ",web,enabled", 'a,"b'])
def test_bad_rows_are_told_and_hide_no_other(line):
    before, bad, after = saved_states(f"shop,web,enabled\n{line}\nshop,mail,disabled")
    assert isinstance(bad, BadRow)
    assert bad.problem.startswith(f"invalid line: {line}; ")
    assert before == Saved("shop", "web", True)
    assert after == Saved("shop", "mail", False)


@given(st.lists(st.builds(one, NAMES, NAMES, st.booleans())))
def test_a_backup_reads_back_as_it_was(found):
    expected = [Saved(a.metadata.namespace, a.metadata.name, a.spec.dry_run) for a in found]
    assert list(saved_states(csv_of(found))) == expected


@given(st.text())
def test_any_text_is_rows_or_problems(text):
    for row in saved_states(text):
        assert isinstance(row, Saved | BadRow)
