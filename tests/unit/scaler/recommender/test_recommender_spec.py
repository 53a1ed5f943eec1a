"""The recommender of a specification: its name, its TLS settings, what is refused."""

import pytest

from scaler.core.metric_spec import InvalidSpec
from scaler.core.recommender import Tls, merged, without_credentials
from tests.unit.scaler.recommender.worlds import NAME, recommended_spec, recommender_of

FLAGS = Tls("flag-ca", "flag-cert", "flag-key", "flag-name", insecure=True, min_version="TLS13")


def test_the_name_lists_the_settings_in_order():
    assert recommender_of(recommended_spec()).name == NAME
    bare = recommender_of(recommended_spec({"targetType": "", "settings": None}))
    assert bare.name == "recommender{targetType:}"


def test_marks_are_optional_and_in_no_order():
    """D33 and rule 11 are about metrics."""
    found = recommender_of(recommended_spec({"highWatermark": "-1", "lowWatermark": "5"}))
    assert (found.high, found.low) == (-1000, 5000)
    assert recommender_of(recommended_spec()).high is None


def test_the_tls_settings_are_read():
    config = {
        "caFile": "ca",
        "certFile": "cert",
        "keyFile": "key",
        "serverName": "name",
        "insecureSkipVerify": True,
        "minVersion": "TLS12",
        "maxVersion": "TLS13",
    }
    found = recommender_of(recommended_spec({"tlsConfig": config}))
    assert found.tls == Tls("ca", "cert", "key", "name", True, "TLS12", "TLS13")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"highWatermark": "x"}, "spec.recommender.highWatermark: "),
        ({"lowWatermark": 0.5}, "spec.recommender.lowWatermark: "),
        (
            {"tlsConfig": {"minVersion": "TLS14"}},
            "spec.recommender.tlsConfig.minVersion: 'TLS14' is not one of TLS10, TLS11, TLS12, ",
        ),
        (
            {"tlsConfig": {"minVersion": "TLS13", "maxVersion": "TLS12"}},
            "spec.recommender.tlsConfig: minVersion TLS13 is above maxVersion TLS12",
        ),
    ],
)
def test_what_is_refused(fields, text):
    with pytest.raises(InvalidSpec) as caught:
        recommended_spec(fields)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("own", "flags", "wanted"),
    [
        (None, None, Tls()),
        (None, FLAGS, FLAGS),
        (Tls("ca"), None, Tls("ca")),
        # Only files are filled in: a flag does not take verification away from an object.
        (Tls(server_name="own"), FLAGS, Tls("flag-ca", "flag-cert", "flag-key", "own")),
        (Tls("ca", "cert", "key"), FLAGS, Tls("ca", "cert", "key")),
    ],
)
def test_flags_fill_in_what_an_object_leaves_out(own, flags, wanted):
    assert merged(own, flags) == wanted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://r.test/x?a=b@c", "https://r.test/x?a=b@c"),
        ("https://u:p@r.test/x", "https://***@r.test/x"),
        ("https://u@r.test", "https://***@r.test"),
        ("https://u:p@[bad/x", "https://***@[bad/x"),
        ("nonsense", "nonsense"),
    ],
)
def test_credentials_are_not_shown(url, shown):
    assert without_credentials(url) == shown
