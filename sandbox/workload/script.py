"""The script of a workload: who consumes what, and how arrivals change from phase to phase.

Read from a YAML file by `load_script`; arrivals are piecewise constant.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from sandbox.workload.nsq import SECOND, ConsumerGroup, Topic

Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1)]


class ScriptError(ValueError):
    """A script that cannot be used; the text names the file and the field."""


class _Strict(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of the file's structures: a misspelt key is an error, not a default."""


class ConsumerSpec(_Strict, frozen=True, kw_only=True):
    """A consumer group: the Deployment that runs it and what one Ready pod can do."""

    namespace: Name
    deployment: Name
    container: str = ""
    drain_per_second: Positive
    max_in_flight: Positive = 200
    cpu_request: Annotated[float, Meta(gt=0)] = 1.0
    """Cores a pod requests; a pod that drains at its full rate uses as many."""

    @property
    def key(self) -> str:
        """`namespace/deployment`: the group's name in topics."""
        return f"{self.namespace}/{self.deployment}"


class TopicSpec(_Strict, frozen=True, kw_only=True):
    """A topic, its channel and the group (`namespace/deployment`) that reads it."""

    name: Name
    channel: str = ""
    consumer: str = ""
    paused: bool = False


class Phase(_Strict, frozen=True, kw_only=True):
    """A stretch of time with constant arrivals: messages per second by topic."""

    name: Name
    seconds: Annotated[float, Meta(gt=0)]
    rates: dict[str, Count]

    @property
    def millis(self) -> int:
        """Length in milliseconds, at least one."""
        return max(1, round(self.seconds * SECOND))


class Moment(Struct, frozen=True):
    """Where in the script a time lies: the phase and how long it lasts from there (ms)."""

    phase: Phase
    left_ms: int


class Script(_Strict, frozen=True, kw_only=True):
    """The whole workload. `repeat` starts over at the end; else the last phase goes on."""

    nsqd: Annotated[list[Name], Meta(min_length=1)]
    pickup_millis: Positive = 2000
    consumers: list[ConsumerSpec]
    topics: Annotated[list[TopicSpec], Meta(min_length=1)]
    phases: Annotated[list[Phase], Meta(min_length=1)]
    repeat: bool = False

    def at(self, elapsed_ms: int) -> Moment:
        """The phase that rules `elapsed_ms` after the start, and its time left."""
        total = sum(phase.millis for phase in self.phases)
        if self.repeat:
            elapsed_ms %= total
        for phase in self.phases:
            if elapsed_ms < phase.millis:
                return Moment(phase, phase.millis - elapsed_ms)
            elapsed_ms -= phase.millis
        return Moment(self.phases[-1], SECOND)

    def nsq_topics(self) -> list[Topic]:
        """The topics as the simulation wants them."""
        return [
            Topic(name=t.name, channel=t.channel, consumer=t.consumer, paused=t.paused)
            for t in self.topics
        ]

    def groups(self) -> dict[str, ConsumerGroup]:
        """The consumer groups by key."""
        return {
            c.key: ConsumerGroup(drain_per_second=c.drain_per_second, max_in_flight=c.max_in_flight)
            for c in self.consumers
        }


_ENCODER = msgspec.json.Encoder()


def parse_script(text: str, source: str) -> Script:
    """Read and check a script. Raises ScriptError, naming `source` and the field."""
    try:
        script = msgspec.convert(yaml.safe_load(text), Script)
    except yaml.YAMLError as error:
        raise ScriptError(f"{source}: not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise ScriptError(f"{source}: {error}") from error
    for problem in _problems(script):
        raise ScriptError(f"{source}: {problem}")
    return script


def load_script(path: Path) -> Script:
    """Read a script file. Raises ScriptError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: cannot be read: {error}") from error
    return parse_script(text, str(path))


def dump_script(script: Script) -> str:
    """The script as a file that `load_script` reads back (JSON is YAML)."""
    return msgspec.json.format(_ENCODER.encode(script).decode(), indent=2) + "\n"


def _problems(script: Script) -> Iterator[str]:
    keys = [consumer.key for consumer in script.consumers]
    names = [topic.name for topic in script.topics]
    for what, values in (("consumers", keys), ("topics", names), ("nsqd", script.nsqd)):
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield f"{what}: {value!r} is given twice"
    for index, topic in enumerate(script.topics):
        if bool(topic.channel) != bool(topic.consumer):
            yield f"topics[{index}] ({topic.name}): channel and consumer go together"
        if topic.consumer and topic.consumer not in keys:
            yield f"topics[{index}] ({topic.name}): consumer {topic.consumer!r} is not in consumers"
    for index, phase in enumerate(script.phases):
        for name in sorted(set(phase.rates) - set(names)):
            yield f"phases[{index}] ({phase.name}): rates names the unknown topic {name!r}"
