"""What one administrator alone can do about another's account: never sign as them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts import keys, lost, reset
from sidecar.accounts.office import Office
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Conflict
from sidecar.kernel.journal import JournalRow
from tests.cast import Cast, Person
from tests.service.test_api_keys import make
from tests.service.test_tokens import Program


def test_who_held_a_link_to_a_password_does_not_confirm_whose_account_it_is(
    cast: Cast, scopes: Scopes, seal: Seal, app: Flask
) -> None:
    """Where no mail leaves the house one administrator could take a radiologist's account over; signing takes a second one."""
    office = Office(seal, app.extensions["readingroom.redis"], mails=False)
    admin = fresh(cast.mercy_admin)
    with scopes.open(admin) as scope:
        reset.hand_over(scope, office, cast.own_radiologist.user_id)
    assert verified_at(scopes, cast.own_radiologist) is None
    with scopes.open(admin) as scope:
        lost.device_lost(scope, office, cast.own_radiologist.user_id)
    with scopes.open(admin) as scope, pytest.raises(Conflict):
        lost.verify_identity(scope, cast.own_radiologist.user_id)
    with scopes.open(fresh(cast.mercy_manager)) as scope:
        lost.verify_identity(scope, cast.own_radiologist.user_id)
    assert verified_at(scopes, cast.own_radiologist) is not None
    with scopes.open(admin) as scope:  # nothing in hand since: a colleague's word stands between
        lost.device_lost(scope, office, cast.own_radiologist.user_id)
    with scopes.open(admin) as scope:
        lost.verify_identity(scope, cast.own_radiologist.user_id)


@pytest.mark.parametrize("by", ["mercy_admin", "platform_admin"])
def test_a_lost_device_takes_the_keys_along_that_were_made_on_it(
    cast: Cast, scopes: Scopes, seal: Seal, app: Flask, by: str
) -> None:
    """Whoever found it made a key that lives for a year: neither another authenticator nor a password would have ended it."""
    office = Office(seal, app.extensions["readingroom.redis"], mails=False)
    made, others = (make(scopes, person)[1] for person in (cast.owner, cast.own_radiologist))
    machines = [Program(app, access=text) for text in (made, others)]
    assert [machine.me() for machine in machines] == [200, 200]
    with scopes.open(fresh(getattr(cast, by))) as scope:
        lost.device_lost(scope, office, cast.owner.user_id)
    assert [machine.me() for machine in machines] == [401, 200]
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert [user.id for _key, user in keys.all_keys(scope)] == [cast.own_radiologist.user_id]
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.organisation_id == cast.mercy)).all()
    assert kinds.count("accounts.key.revoked") == 1
    with scopes.open(cast.platform_admin.actor) as scope:
        assert keys.all_keys(scope) == []


def fresh(person: Person) -> Actor:
    return replace(person.actor, fresh_at=datetime.now(UTC))


def verified_at(scopes: Scopes, person: Person) -> datetime | None:
    with scopes.open(person.actor) as scope:
        found: datetime | None = scope.one(select(User).where(User.id == person.user_id)).identity_verified_at
        return found
