"""Recommenders over real HTTPS: trust, client certificates, rotation, versions (U25)."""

import ssl

import pytest
import trustme
from prometheus_client import CollectorRegistry

from kube.service.runtime import UsageError
from kube.vocab.times import SystemClock
from scaler.core.recommender import Tls
from scaler.shell.recommender import recommending
from tests.integration.recommender.place import same
from tests.integration.recommender.sample import sample, serving

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("path", ["/autoscaling", "/autoscaling/redirect"])
async def test_a_client_certificate_and_a_redirect(place, recommenders, path):
    ca = trustme.CA()
    await place.serve(ca)
    found = await place.ask(recommenders, path, caFile=place.trust(ca), **place.identify())
    assert same(found), found
    assert place.asked.paths == [path, "/autoscaling"][: 1 + (path != "/autoscaling")]
    assert set(place.asked.subjects) == {"scaler.test"}
    assert place.asked.documents[0]["state"]["currentReplicas"] == 3


async def test_the_flags_serve_objects_without_settings(place):
    ca = trustme.CA()
    await place.serve(ca, "recommender.test")
    client = place.identify()
    tls = Tls(place.trust(ca), client["certFile"], client["keyFile"], "recommender.test")
    async with recommending(CollectorRegistry(), SystemClock(), "", tls) as made:
        assert same(await place.ask(made))
        # Settings of its own: the files come from the flags still, the name does not (§18).
        found = await place.ask(made, minVersion="TLS12")
        assert "not valid for '127.0.0.1'" in found.detail


async def test_the_flag_against_verification_is_honoured(place):
    """U25."""
    await place.serve(trustme.CA())
    client = place.identify()
    files = {"cert_file": client["certFile"], "key_file": client["keyFile"]}
    for insecure, good in ((True, True), (False, False)):
        tls = Tls(**files, insecure=insecure)
        async with recommending(CollectorRegistry(), SystemClock(), "", tls) as made:
            assert same(await place.ask(made)) == good


async def test_a_ca_that_is_rotated(place, recommenders):
    old, new = trustme.CA(), trustme.CA()
    await place.serve(new)
    tls = {"caFile": place.trust(old), **place.identify()}
    found = await place.ask(recommenders, **tls)
    assert (found.state, "CERTIFICATE_VERIFY_FAILED" in found.detail) == ("error", True)
    place.trust(new)
    assert same(await place.ask(recommenders, **tls))
    place.trust(old)
    assert (await place.ask(recommenders, **tls)).state == "error"


async def test_a_client_certificate_that_is_rotated(place, recommenders):
    ca = trustme.CA()
    await place.serve(ca)
    tls = {"caFile": place.trust(ca), **place.identify(trustme.CA())}
    found = await place.ask(recommenders, **tls)
    assert (found.state, found.advice) == ("error", None)
    assert found.detail
    place.identify()
    assert same(await place.ask(recommenders, **tls))


async def test_a_key_that_lags_behind_its_certificate(place, recommenders):
    ca = trustme.CA()
    await place.serve(ca)
    tls = {"caFile": place.trust(ca), **place.identify()}
    key = place.content("client.key")
    place.identify()
    fresh = place.content("client.key")
    place.write("client.key", key)
    found = await place.ask(recommenders, **tls)
    assert found.detail.startswith(f"cannot use certFile {tls['certFile']} with keyFile ")
    place.write("client.key", fresh)
    assert same(await place.ask(recommenders, **tls))


async def test_settings_of_objects_do_not_meddle(place, recommenders):
    """U25: one object's trust is not another's."""
    ca = trustme.CA()
    await place.serve(ca)
    client = place.identify()
    good = {"caFile": place.trust(ca), **client}
    for tls, fine in [(good, True), (client, False), (client | {"insecureSkipVerify": True}, True)]:
        assert same(await place.ask(recommenders, **tls)) == fine
        assert same(await place.ask(recommenders, **good))


async def test_the_expected_name_is_sent_and_checked(place, recommenders):
    ca = trustme.CA()
    await place.serve(ca, "recommender.test")
    tls = {"caFile": place.trust(ca), **place.identify()}
    assert "not valid for '127.0.0.1'" in (await place.ask(recommenders, **tls)).detail
    named = await place.ask(recommenders, **tls, serverName="recommender.test")
    assert same(named)
    assert place.asked.names[-1] == "recommender.test"
    other = await place.ask(recommenders, **tls, serverName="other.test")
    assert "not valid for 'other.test'" in other.detail


@pytest.mark.parametrize(
    ("served", "versions", "good"),
    [
        (ssl.TLSVersion.TLSv1_2, {"maxVersion": "TLS12"}, True),
        (ssl.TLSVersion.TLSv1_2, {"minVersion": "TLS13"}, False),
        (ssl.TLSVersion.TLSv1_3, {"minVersion": "TLS12", "maxVersion": "TLS12"}, False),
        (ssl.TLSVersion.TLSv1_3, {"minVersion": "TLS13"}, True),
    ],
)
async def test_versions(place, recommenders, served, versions, good):
    ca = trustme.CA()
    await place.serve(ca, minimum_version=served, maximum_version=served)
    tls = {"caFile": place.trust(ca), **place.identify()}
    assert same(await place.ask(recommenders, **tls, **versions)) == good


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLS10", "TLS11"])
async def test_old_versions_for_who_asks_for_them(place, recommenders, version):
    ca = trustme.CA()
    old = {"TLS10": ssl.TLSVersion.TLSv1, "TLS11": ssl.TLSVersion.TLSv1_1}[version]
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    weak.set_ciphers("DEFAULT:@SECLEVEL=0")
    weak.minimum_version = weak.maximum_version = old
    ca.issue_cert("127.0.0.1").configure_cert(weak)
    async with serving(sample(), place.asked, weak) as place.port:
        trusted = place.trust(ca)
        assert not same(await place.ask(recommenders, caFile=trusted))
        assert same(await place.ask(recommenders, caFile=trusted, minVersion=version))
        assert same(await place.ask(recommenders, caFile=trusted, maxVersion=version))


async def test_files_that_are_of_no_use(place, recommenders):
    """U25: an unreadable CA is told, the system's is not taken in its place."""
    junk, missing = place.write("junk.pem", b"no certificate"), str(place.folder / "missing.pem")
    client = place.identify()
    for tls, text in [
        ({"caFile": missing}, f"cannot read caFile {missing}: No such file or directory"),
        ({"caFile": str(place.folder)}, f"cannot read caFile {place.folder}: Is a directory"),
        ({"caFile": junk}, f"failed to append root CA to pool: caFile {junk}: "),
        ({"certFile": client["certFile"]}, "a client certificate needs certFile and keyFile, key"),
        ({"keyFile": client["keyFile"]}, "a client certificate needs certFile and keyFile, cert"),
        ({**client, "keyFile": missing}, f"cannot read keyFile {missing}: No such file"),
        ({**client, "keyFile": junk}, f"cannot use certFile {client['certFile']} with keyFile"),
        ({"caFile": "a\0b"}, "cannot read caFile a\0b: embedded null byte"),
    ]:
        found = await place.ask(recommenders, **tls)
        assert (found.state, found.detail[: len(text)]) == ("error", text)


async def test_flags_that_are_of_no_use_end_the_daemon_at_its_start(place):
    missing = str(place.folder / "missing.pem")
    with pytest.raises(UsageError) as caught:
        async with recommending(CollectorRegistry(), SystemClock(), "", Tls(missing)):
            pass
    assert str(caught.value).startswith(f"flags --tls-*: cannot read caFile {missing}: ")
