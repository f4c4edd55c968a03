"""A contract that is over: what came under it is read to its end, and nothing that comes afterwards is seen."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.organisations import service as organisations
from sidecar.organisations.model import Priors
from sidecar.organisations.tables import Contract, Organisation
from sidecar.studies import access, queries
from tests.cast import Cast
from tests.factories.studies import make_study
from tests.service.test_reading_end import agree, routed, sees


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_what_comes_after_the_end_is_not_lent_for_what_is_left_unsigned(cast: Cast, scopes: Scopes, zone: str) -> None:
    """Else a group that signs one study never would be shown every later one of its patient for good."""
    agree(scopes, cast, Priors.ALL)
    with scopes.open(cast.platform_admin.actor) as scope:
        scope.one(select(Organisation).where(Organisation.id == cast.mercy)).zone = zone
    unsigned = routed(scopes, cast)
    with scopes.open(system_actor(cast.mercy)) as scope:
        today = queries.arrival_day(scope, queries.get(scope, unsigned.id))
    with scopes.open(cast.platform_admin.actor) as scope:
        contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
        organisations.end_contract(scope, contract, ends_on=today)
        over = queries.day_is_over(scope, cast.mercy, today)
    last, next_day = (
        make_study(scopes, cast.mercy, arrived_at=over + ahead, last_image_at=over + ahead, patient_name="CANARY^LATER")
        for ahead in (timedelta(seconds=-1), timedelta(seconds=1))
    )
    for each in (last, next_day):
        with scopes.open(system_actor(cast.mercy)) as scope:
            access.lend_priors(scope, each.id)
    assert sees(scopes, cast.reader.actor, unsigned.id)
    assert sees(scopes, cast.reader.actor, last.id)
    for person in (cast.reader, cast.lead, cast.stranger):
        assert not sees(scopes, person.actor, next_day.id)
