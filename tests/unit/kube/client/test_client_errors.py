import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.client import errors
from tests.unit.kube.client.scripted import status


def answer(code: int, body: Any, **headers: str) -> errors.ApiError:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return errors.error_of_answer("GET /x", code, text, headers)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", errors.BadRequest),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Gone", errors.Gone),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.ServerError),
        (504, "Timeout", errors.ServerError),
        (418, "Teapot", errors.ApiError),
    ],
)
def test_a_status_becomes_the_error_of_its_code_and_reason(code, reason, expected):
    error = answer(code, status(code, reason, "the server's words"))
    assert type(error) is expected
    assert (error.code, error.reason, error.message) == (code, reason, "the server's words")
    assert "GET /x" in str(error)
    assert "the server's words" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        status(504, "Timeout", "x", causes=[{"reason": "ResourceVersionTooLarge"}]),
        status(504, "Timeout", "x", causes=[{"message": "Too large resource version"}]),
        status(504, "Timeout", "Too large resource version: 9, current: 3"),
    ],
)
def test_too_large_is_known_by_cause_by_cause_message_and_by_text(body):
    error = answer(504, body, **{"Retry-After": "1"})
    assert type(error) is errors.TooLargeResourceVersion
    assert not error.retryable


def test_a_dead_aggregated_backend_answers_text_and_still_decodes():
    error = answer(503, b"error trying to reach service: dial tcp 10.0.0.1:443: refused\n")
    assert type(error) is errors.ServerError
    assert error.retryable
    assert error.reason == "ServiceUnavailable"
    assert error.message == "error trying to reach service: dial tcp 10.0.0.1:443: refused"
    assert error.retry_after is None


def test_retry_after_comes_from_the_header_or_from_the_details():
    assert answer(429, b"", **{"Retry-After": "7"}).retry_after == 7.0
    assert answer(429, status(429, "TooManyRequests", retryAfterSeconds=3)).retry_after == 3.0
    assert answer(429, b"", **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None


def test_a_refused_token_names_cause_and_fix():
    text = str(answer(401, status(401, "Unauthorized", "Unauthorized")))
    assert "the token was refused" in text
    assert "kubeconfig" in text


def test_json_that_is_no_status_is_quoted_not_believed():
    error = answer(404, {"kind": "Pod", "message": "misleading"})
    assert type(error) is errors.NotFound
    assert error.message.startswith('{"kind": "Pod"')


@given(st.integers(400, 599), st.binary(max_size=2000))
def test_any_body_decodes_to_an_error_of_one_line(code, body):
    error = answer(code, body)
    assert error.code == code
    assert error.message
    assert "\n" not in error.message
    assert len(error.message) < 2000
