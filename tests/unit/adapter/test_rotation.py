"""Certificates of our own over years: every caller can verify what it is shown, at all times."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from adapter.authorities import created, identities, with_authority, with_leaf, without_expired
from adapter.core.rotation import Authority, Kept, Leaf, Term, next_step

DAY = 24 * 3600 * 1000
HOUR = DAY // 24
NAMES = frozenset(("wpa-adapter.adapters.svc",))


class Replicas:
    """Adapters that share a Secret, and an API server that knows what was published."""

    def __init__(self, count: int) -> None:
        self.now = 0
        self.secret: Kept | None = None
        self.published: frozenset[str] = frozenset()
        self.served: list[Leaf | None] = [None] * count
        self.made = 0
        self.steps: list[str] = []

    def look(self, replica: int) -> bool:
        """One look of one replica, as the shell does it."""
        if self.secret is not None and self.secret.leaf.issuer:
            self.served[replica] = self.secret.leaf
        step = next_step(self.secret, self.published, NAMES, self.now)
        self.steps.append(step)
        if step == "nothing":
            return False
        if step == "publish":
            assert self.secret is not None
            self.published = frozenset(one.identity for one in self.secret.authorities)
            return False
        self.secret = self._after(step)
        return True

    def _after(self, step: str) -> Kept:
        if step == "create" or self.secret is None:
            authority = self._authority()
            return Kept((authority,), self._leaf(authority))
        rest = tuple(one for one in self.secret.authorities if not one.term.over(self.now))
        if step == "add authority":
            return structs.replace(self.secret, authorities=(self._authority(), *rest))
        if step == "forget authority":
            return structs.replace(self.secret, authorities=rest)
        return structs.replace(self.secret, leaf=self._leaf(self.secret.authorities[0]))

    def _authority(self) -> Authority:
        self.made += 1
        return Authority(str(self.made), Term(self.now, self.now + 365 * DAY))

    def _leaf(self, authority: Authority) -> Leaf:
        term = Term(self.now, min(self.now + 90 * DAY, authority.term.ends))
        return Leaf(authority.identity, NAMES, term)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 20 * 24)), min_size=300, max_size=300))
def test_whoever_looks_and_whenever_callers_can_verify_what_every_replica_serves(looks):
    it = Replicas(3)
    for replica in range(3):
        while it.look(replica):
            pass
    looked = [0] * 3
    for replica, hours in looks:
        it.now += hours * HOUR
        # Nobody is away for longer than a certificate has left when it is renewed.
        due = [one for one in range(3) if it.now - looked[one] > 10 * DAY]
        for one in {replica, *due}:
            looked[one] = it.now
            while it.look(one):
                pass
        assert it.secret is not None
        for leaf in it.served:
            assert leaf is not None
            if leaf.term.over(it.now):
                continue
            known = {one.identity for one in it.secret.authorities if not one.term.over(it.now)}
            assert leaf.issuer in it.published & known
    fresh = it.served[replica]
    assert fresh is not None
    assert not fresh.term.over(it.now)


def test_a_new_authority_is_known_before_it_signs():
    it = Replicas(1)
    while it.look(0):
        pass
    it.steps.clear()
    it.now = 244 * DAY
    # The certificate is older than its authority by then, and has been renewed in real life.
    assert it.secret is not None
    it.secret = structs.replace(it.secret, leaf=it._leaf(it.secret.authorities[0]))
    rounds = []
    for _ in range(3):
        while it.look(0):
            pass
        rounds.append(tuple(it.steps))
        it.steps.clear()
    assert rounds == [("add authority", "publish"), ("issue", "nothing"), ("nothing",)]
    it.now = 366 * DAY
    while it.look(0):
        pass
    assert it.steps[:2] == ["forget authority", "publish"]


def test_a_certificate_follows_the_name_of_the_service():
    it = Replicas(1)
    while it.look(0):
        pass
    it.look(0)
    assert next_step(it.secret, it.published, NAMES, it.now) == "nothing"
    assert next_step(it.secret, it.published, frozenset(("other.adapters.svc",)), it.now) == "issue"


def test_real_certificates_say_what_the_plan_goes_by():
    first = created(NAMES, 0)
    kept = first.kept()
    (authority,) = kept.authorities
    assert kept.leaf.issuer == authority.identity
    assert kept.leaf.names == NAMES
    assert (authority.term.ends - authority.term.starts, kept.leaf.term.ends) == (
        365 * DAY,
        authority.term.starts + 90 * DAY,
    )
    assert identities(first.bundle) == {authority.identity}

    second = with_authority(first, 244 * DAY)
    kept = second.kept()
    assert [one.identity for one in kept.authorities][1:] == [authority.identity]
    assert kept.leaf.issuer == authority.identity
    third = with_leaf(second, NAMES, 245 * DAY)
    assert third.kept().leaf.issuer == kept.authorities[0].identity
    last = without_expired(third, 366 * DAY).kept()
    assert [one.identity for one in last.authorities] == [kept.authorities[0].identity]
    assert last.leaf.issuer == kept.authorities[0].identity


def test_what_is_no_bundle_has_no_authorities():
    assert identities(b"") == identities(b"nonsense") == frozenset()
