"""The text that Prometheus reads: whatever the labels hold, it is read as it was meant."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.exposition import Family, header, label_text, sample
from scaler.core.label_tags import read_label_tags
from scaler.shell.autoscaler_series import AT_ONCE, AutoscalerSeries
from scaler.state.catalogue import Catalogue, Evaluated
from tests.oracle.worlds import NOW, autoscaler, good, look

WORLD = look(4, good(2_000_000))


@given(
    values=st.lists(st.text(), min_size=1, max_size=3),
    number=st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False)),
)
def test_labels_and_values_come_back(values, number):
    names = [f"label_{index}" for index in range(len(values))]
    family = Family("wpa_x", "gauge", 'What "it" means,\n\\ and more.', tuple(names))
    text = header(family) + sample("wpa_x", label_text(names, values), number)
    (found,) = text_string_to_metric_families(text)
    assert (found.name, found.type, found.documentation) == ("wpa_x", "gauge", family.help)
    (one,) = found.samples
    assert (one.labels, one.value) == (dict(zip(names, values, strict=True)), number)


def catalogue(count: int) -> Catalogue:
    made = Catalogue(lambda _key, _at_once: None)
    for number in range(count):
        bare = autoscaler()
        meta = msgspec.structs.replace(bare.metadata, name=f"web-{number}", labels={"team": "kodo"})
        made.on_added(("shop", meta.name), msgspec.structs.replace(bare, metadata=meta))
    for entry in made:
        assert entry.spec is not None
        entry.last = Evaluated(entry.spec, decide(entry.spec, WORLD, NOW), Applied("scaled"))
    return made


@pytest.mark.asyncio
async def test_every_sample_belongs_to_its_family_and_has_its_labels():
    series = AutoscalerSeries(catalogue(3), read_label_tags("team"))
    families = {family.name: family for family in series.families}
    text = (await series.text()).decode()
    read = {one.name: one for one in text_string_to_metric_families(text)}
    assert len(read) == len(families)
    for name, family in families.items():
        found = read[name.removesuffix("_total")]
        assert (found.type, found.documentation) == (family.type, family.help)
        for one in found.samples:
            assert one.name == name
            assert set(one.labels) == set(family.labels)
    samples = [(one.name, *sorted(one.labels.items())) for f in read.values() for one in f.samples]
    assert len(samples) == len(set(samples)) > 3 * 25


@pytest.mark.asyncio
async def test_what_was_not_evaluated_has_no_series():
    series = AutoscalerSeries(Catalogue(lambda _key, _at_once: None))
    lines = (await series.text()).decode().splitlines()
    assert {line[0] for line in lines} == {"#"}


@pytest.mark.asyncio
async def test_others_get_their_turns_during_a_scrape():
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await AutoscalerSeries(catalogue(5 * AT_ONCE)).text()
    task.cancel()
    assert turns >= 5
