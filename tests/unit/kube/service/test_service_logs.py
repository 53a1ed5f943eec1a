import errno
import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog

from kube.service import logs

NANOSECONDS = 1_700_000_000_123_456_789


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as other tests expect it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(nanoseconds=lambda: NANOSECONDS, stream=stream, **options)
    return stream


def test_a_json_line_has_the_keys_of_zap_and_what_was_bound():
    stream = configured()
    logs.get_logger("scaler").bind(wpa_name="w").warning("Too early to downscale", left=3209)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line) == {
        "level": "warning",
        "ts": 1700000000123.4568,
        "logger": "scaler",
        "msg": "Too early to downscale",
        "wpa_name": "w",
        "left": 3209,
    }
    assert list(json.loads(line))[:4] == ["level", "ts", "logger", "msg"]


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [
        ("millis", 1700000000123.4568),
        ("nanos", NANOSECONDS),
        ("epoch", 1700000000.1234567),
        ("rfc3339", "2023-11-14T22:13:20Z"),
        ("rfc3339nano", "2023-11-14T22:13:20.123456789Z"),
        ("iso8601", "2023-11-14T22:13:20.123Z"),
    ],
)
def test_timestamp_forms(timestamps, expected):
    stream = configured(timestamps=timestamps)
    logs.get_logger("x").info("a")
    assert json.loads(stream.getvalue())["ts"] == expected


def test_console_lines_are_one_line_each():
    stream = configured(encoder="console", timestamps="rfc3339")
    logs.get_logger("x").info("two\nlines", key="va\nlue")
    assert stream.getvalue() == ('2023-11-14T22:13:20Z\tINFO\tx\ttwo\\nlines\t{"key":"va\\nlue"}\n')


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("WARN", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels_filter(level, heard):
    stream = configured(level=level)
    log = logs.get_logger("x")
    for method in ("debug", "info", "warning", "error"):
        getattr(log, method)("m")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == heard


def test_a_filtered_line_formats_nothing():
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    stream = configured(level="info")
    logs.get_logger("x").debug("m", value=Costly())
    assert stream.getvalue() == ""


@pytest.mark.parametrize("encoder", logs.ENCODERS)
def test_an_exception_keeps_its_trace(encoder):
    stream = configured(encoder=encoder)
    try:
        raise ValueError("inside")
    except ValueError:
        logs.get_logger("x").exception("failed")
    assert "ValueError: inside" in stream.getvalue()
    assert stream.getvalue().endswith("\n")
    if encoder == "json":
        assert "Traceback" in json.loads(stream.getvalue())["exception"]


@pytest.mark.parametrize("encoder", logs.ENCODERS)
def test_libraries_come_out_in_the_same_form_from_warnings_on(encoder):
    stream = configured(encoder=encoder, level="debug")
    library = logging.getLogger("aiohttp.server")
    library.info("unheard")
    library.error("bad %s", "thing")
    library.critical("worse")
    first, second = stream.getvalue().splitlines()
    if encoder == "json":
        assert json.loads(first) | {"ts": 0} == {
            "level": "error", "ts": 0, "logger": "aiohttp.server", "msg": "bad thing",
        }  # fmt: skip
        assert json.loads(second)["msg"] == "worse"
    else:
        assert first.split("\t")[1:] == ["ERROR", "aiohttp.server", "bad thing"]


def test_values_json_does_not_know_are_written_as_text():
    stream = configured()
    logs.get_logger("x").info("m", error=ValueError("v"), kind={1, 2}, path=object)
    line = json.loads(stream.getvalue())
    assert line["error"] == "v"
    assert sorted(line["kind"]) == [1, 2]


@pytest.mark.parametrize("encoder", ["json", "console"])
def test_a_full_disk_costs_lines_and_no_more(encoder):
    """What cannot be written is lost; whoever wanted to say it goes on."""
    full = open("/dev/full", "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    logs.configure(encoder=encoder, nanoseconds=lambda: 0, stream=full)
    log = logs.get_logger("test")
    for _ in range(1_000):
        log.warning("x" * 100)
    logging.getLogger("library").error("the same")
    with suppress(OSError):
        full.close()


def test_lines_are_written_again_when_there_is_room(tmp_path):
    class Disk(io.StringIO):
        full = False

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    disk = Disk()
    logs.configure(nanoseconds=lambda: 0, stream=disk)
    log = logs.get_logger("test")
    disk.full = True
    log.info("lost")
    log.info("lost")
    disk.full = False
    log.info("written")
    lines = [json.loads(line) for line in disk.getvalue().splitlines()]
    assert [line["msg"] for line in lines] == ["Lines of this log could not be written", "written"]
    assert lines[0]["lines"] == 2
