"""What ended long ago is deleted by the worker; what may still tell a thief from its owner, or an auditor a story, stays."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select, update

from sidecar.accounts import forgetting, jobs, keys, links, tokens, visits
from sidecar.accounts.forgetting import FAMILIES_KEPT, KEYS_KEPT, LINKS_KEPT, UNPROVEN_KEPT, forget_ended
from sidecar.accounts.links import Purpose
from sidecar.accounts.member_tables import AccountToken, Registration
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey, RefreshFamily, RefreshToken
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Settings
from tests.cast import Cast

MINUTE = timedelta(minutes=1)


@pytest.fixture
def redis(app: Flask) -> Redis:
    found: Redis = app.extensions["readingroom.redis"]
    return found


def family(scope: Scope, cast: Cast, *, over_at: datetime, ended_at: datetime | None = None) -> UUID:
    user = scope.session.scalars(select(User).where(User.id == cast.owner.user_id)).one()
    row, _token = tokens.begin(scope, user, client="test", address="10.0.0.1")
    row.expires_at, row.ended_at = over_at, ended_at
    scope.session.flush()
    return row.id


def key(scope: Scope, cast: Cast, *, expires_at: datetime, revoked_at: datetime | None = None) -> UUID:
    row = ApiKey(organisation_id=cast.mercy, id=uuid4(), user_id=cast.owner.user_id, name="Worklist", hint="abcd", scopes=[],
                 hash=uuid4().hex, created_at=scope.now, expires_at=expires_at, address="", revoked_at=revoked_at)  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    return row.id


def link(scope: Scope, organisation_id: UUID, hashed: str, *, over_at: datetime) -> None:
    row = AccountToken(organisation_id=organisation_id, hash=hashed, purpose=Purpose.RESET.value, subject_id=uuid4(),
                       email_sealed=b"", expires_at=over_at)  # fmt: skip
    scope.session.add(row)
    scope.session.flush()


def asked(scope: Scope, cast: Cast, *, at: datetime, verified_at: datetime | None = None) -> UUID:
    row = Registration(organisation_id=cast.mercy, id=uuid4(), email_sealed=b"", email_lookup=f"{uuid4()}", name="New Comer",
                       password_hash="x", password_pepper=1, verified_at=verified_at, created_at=at)  # fmt: skip
    scope.session.add(row)
    scope.session.flush()
    return row.id


def left(scope: Scope, table: type[RefreshFamily | ApiKey | Registration]) -> set[UUID]:
    return set(scope.session.scalars(select(table.id)))


def test_each_kind_goes_when_its_time_is_over_and_not_a_minute_before(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        now = scope.now
        over, kept = now - FAMILIES_KEPT, now - FAMILIES_KEPT + MINUTE
        for old in ({"over_at": over}, {"over_at": now, "ended_at": over}):
            family(scope, cast, **old)
        living = {family(scope, cast, over_at=kept), family(scope, cast, over_at=now, ended_at=kept)}
        key(scope, cast, expires_at=now - KEYS_KEPT)
        key(scope, cast, expires_at=now + timedelta(days=300), revoked_at=now - KEYS_KEPT)
        keys_left = {key(scope, cast, expires_at=now - KEYS_KEPT + MINUTE), key(scope, cast, expires_at=now, revoked_at=now)}
        asked(scope, cast, at=now - UNPROVEN_KEPT)
        waiting = {
            asked(scope, cast, at=now - UNPROVEN_KEPT + MINUTE),
            asked(scope, cast, at=now - timedelta(days=99), verified_at=now - timedelta(days=98)),
        }
        link(scope, cast.mercy, "link:old", over_at=now - LINKS_KEPT)
        link(scope, cast.mercy, "link:kept", over_at=now - LINKS_KEPT + MINUTE)
        scope.session.execute(
            update(User).where(User.id == cast.owner.user_id).values(invitation_hash="x", invitation_expires_at=now - LINKS_KEPT)
        )
    with scopes.open(system_actor(cast.mercy)) as scope:
        gone = forget_ended(scope, mails=True)
        assert gone is not None
        assert (gone.families, gone.links, gone.keys, gone.registrations) == (2, 2, 2, 1)
        assert left(scope, RefreshFamily) == living
        assert scope.session.scalar(select(func.count()).select_from(RefreshToken)) == 2, "their tokens go with them"
        assert left(scope, ApiKey) == keys_left
        assert left(scope, Registration) == waiting
        assert scope.session.scalars(select(AccountToken.hash)).all() == ["link:kept"]
        assert scope.session.scalars(select(User.invitation_hash).where(User.id == cast.owner.user_id)).one() is None
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert forget_ended(scope, mails=True) is None, "and nothing is written when there was nothing"
        body = scope.session.scalars(select(JournalRow.body).where(JournalRow.kind == "accounts.remains.forgotten")).one()
    assert not any(word in body for word in ("10.0.0.1", "New Comer", "@", str(cast.owner.user_id), "Worklist"))


def test_a_token_used_twice_is_noticed_as_long_as_its_family_could_live(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        user = scope.session.scalars(select(User).where(User.id == cast.owner.user_id)).one()
        _family, first = tokens.begin(scope, user, client="test", address="")
    for _ in range(2):
        with scopes.open(system_actor(cast.mercy)) as scope:
            forget_ended(scope, mails=True)
            last = tokens.exchange(scope, first, arrived_at=utc_now(), clock=utc_now)
    assert last.outcome is tokens.Outcome.REUSED
    assert FAMILIES_KEPT > tokens.LONGEST
    assert timedelta(days=keys.LONGEST_DAYS) < KEYS_KEPT
    assert max(links.LIFE.values()) <= forgetting.LINKS_KEPT


def test_where_no_mail_leaves_nobody_who_waits_is_sent_away(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        waiting = asked(scope, cast, at=scope.now - timedelta(days=99))
        assert forget_ended(scope, mails=False) is None
        assert left(scope, Registration) == {waiting}


def test_the_job_goes_through_all_organisations_and_tidies_lists_of_sessions(
    scopes: Scopes, cast: Cast, redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of the organisations that earlier tests left behind only these two: there are hundreds
    monkeypatch.setattr(jobs, "everybody", lambda _scopes: [cast.mercy, cast.luke])
    for organisation in (cast.mercy, cast.luke):
        with scopes.open(system_actor(organisation)) as scope:
            link(scope, organisation, f"link:{organisation}", over_at=scope.now - LINKS_KEPT)
    now = utc_now()
    actor = cast.owner.actor
    visits.open_visit(redis, actor, sid="", now=now - visits.IDLE - MINUTE)
    visits.open_visit(redis, cast.reader.actor, sid="", now=now)
    jobs.forget(Workshop(settings, scopes, redis, None, None))  # type: ignore[arg-type]  # it asks neither cells nor the vault
    for organisation in (cast.mercy, cast.luke):
        with scopes.open(system_actor(organisation)) as scope:
            assert scope.session.scalars(select(AccountToken)).all() == []
    assert redis.scard(f"rr:visits:{actor.user_id}") == 0
    assert [each.user_id for each in visits.visits_of(redis, cast.reader.user_id, now=now)] == [cast.reader.user_id]


def test_nobody_forgets_what_is_another_organisations(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        old = family(scope, cast, over_at=scope.now - FAMILIES_KEPT)
    for stranger in (cast.luke, cast.nightowls, cast.strangers, cast.third):
        with scopes.open(system_actor(stranger)) as scope:
            assert forget_ended(scope, mails=True) is None
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert left(scope, RefreshFamily) == {old}
