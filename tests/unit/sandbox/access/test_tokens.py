"""ServiceAccount tokens prove what was granted, and only while they last."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.vocab.times import SECOND
from sandbox.apiserver.access.tokens import Grant, TokenError, sign, verify

SECRET = b"a secret of the sandbox"
NOW = 1_770_000_000_000
GRANT = Grant("shop", "scaler", "uid-1", NOW, NOW + 600 * SECOND, ("api", "vault"), "id-1")


def test_a_token_says_what_was_granted():
    assert verify(sign(GRANT, SECRET), SECRET, NOW) == GRANT


def test_a_token_ends_in_its_last_second():
    token = sign(GRANT, SECRET)
    assert verify(token, SECRET, GRANT.expires - 1) == GRANT
    with pytest.raises(TokenError, match="expired"):
        verify(token, SECRET, GRANT.expires)


def test_clients_can_read_when_a_token_ends():
    payload = sign(GRANT, SECRET).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] == GRANT.expires // SECOND
    assert claims["sub"] == "system:serviceaccount:shop:scaler"


@given(st.integers(0, 400), st.characters(codec="ascii", categories=["L", "N"]))
def test_changing_any_letter_breaks_a_token(place: int, letter: str):
    token = sign(GRANT, SECRET)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return
    try:
        found = verify(changed, SECRET, NOW)
    except TokenError:
        return
    # The last letter of base64 carries unused bits: another spelling of the same signature.
    assert found == GRANT
    assert place == len(token) - 1


@given(st.text(max_size=60))
def test_what_is_no_token_is_refused_without_ado(text: str):
    with pytest.raises(TokenError):
        verify(text, SECRET, NOW)
