"""ServiceAccount tokens: JSON Web Tokens that carry their end of life and their audiences.

The sandbox signs with a secret (HS256) where a real cluster signs with a private key: nobody but
the API server itself verifies them. Pure.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final

import msgspec
from msgspec import Struct

from kube.vocab.times import SECOND, Millis

API_AUDIENCE: Final = "https://kubernetes.default.svc.cluster.local"
_HEADER: Final = {"alg": "HS256", "typ": "JWT"}
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


class TokenError(ValueError):
    """A token that proves nothing."""


class Grant(Struct, frozen=True):
    """What a token says: it is this ServiceAccount, until then, towards these audiences."""

    namespace: str
    name: str
    uid: str
    issued: Millis
    expires: Millis
    audiences: tuple[str, ...] = (API_AUDIENCE,)
    identifier: str = ""


def sign(grant: Grant, secret: bytes) -> str:
    """The token of `grant`; times are cut to whole seconds."""
    claims = {
        "iss": API_AUDIENCE,
        "sub": f"system:serviceaccount:{grant.namespace}:{grant.name}",
        "aud": list(grant.audiences),
        "iat": grant.issued // SECOND,
        "nbf": grant.issued // SECOND,
        "exp": grant.expires // SECOND,
        "jti": grant.identifier,
        "kubernetes.io": {
            "namespace": grant.namespace,
            "serviceaccount": {"name": grant.name, "uid": grant.uid},
        },
    }
    signed = f"{_encoded(_HEADER)}.{_encoded(claims)}"
    return f"{signed}.{_base64url(_signature(signed, secret))}"


def verify(token: str, secret: bytes, now: Millis) -> Grant:
    """Read a token. Raises TokenError when it is none of ours, tampered with or expired."""
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_decoded(signature), _signature(signed, secret)):
        raise TokenError("the token's signature is wrong")
    claims = _DECODER.decode(_decoded(signed.partition(".")[2]))
    bound = claims["kubernetes.io"]
    grant = Grant(
        bound["namespace"],
        bound["serviceaccount"]["name"],
        bound["serviceaccount"]["uid"],
        claims["iat"] * SECOND,
        claims["exp"] * SECOND,
        tuple(claims["aud"]),
        claims["jti"],
    )
    if now >= grant.expires:
        raise TokenError("service account token has expired")
    return grant


def _signature(signed: str, secret: bytes) -> bytes:
    return hmac.new(secret, signed.encode(), hashlib.sha256).digest()


def _encoded(value: Any) -> str:
    return _base64url(msgspec.json.encode(value))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenError("this is no token of this cluster") from error
