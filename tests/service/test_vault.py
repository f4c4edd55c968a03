"""The vault: one key per organisation around what must not lie open."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Missing
from sidecar.vault import service
from sidecar.vault.tables import DataKey
from tests.cast import Cast

PLACE = "users|somebody|totp"


def test_what_is_closed_opens_at_its_place_and_in_its_organisation_only(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with scopes.open(cast.owner.actor) as scope:
        sealed = service.close(scope, seal, cast.mercy, b"JBSWY3DPEHPK3PXP", place=PLACE)
    with scopes.open(cast.reader.actor) as scope:  # the other party of the contract
        assert service.open_sealed(scope, seal, cast.mercy, sealed, place=PLACE) == b"JBSWY3DPEHPK3PXP"
        with pytest.raises(InvalidTag):
            service.open_sealed(scope, seal, cast.mercy, sealed, place="users|somebody else|totp")
        service.close(scope, seal, cast.nightowls, b"x", place=PLACE)
        with pytest.raises(InvalidTag):
            service.open_sealed(scope, seal, cast.nightowls, sealed, place=PLACE)
        with pytest.raises(InvalidTag):
            service.open_sealed(scope, Seal(bytes(32)), cast.mercy, sealed, place=PLACE)
        with pytest.raises(InvalidTag):
            service.open_sealed(scope, seal, cast.mercy, sealed[:-1] + bytes([sealed[-1] ^ 1]), place=PLACE)
    for stranger in (cast.stranger.actor, cast.strange_admin.actor):
        for organisation in (cast.mercy, uuid4()):
            with pytest.raises(Missing), scopes.open(stranger) as scope:
                service.open_sealed(scope, seal, organisation, sealed, place=PLACE)


def test_a_guest_at_the_door_opens_what_signing_in_needs(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with scopes.open(NOBODY, login=scopes.lookup.of(cast.owner.email)) as scope:
        sealed = service.close(scope, seal, cast.mercy, b"secret", place=PLACE)
    with scopes.open(NOBODY, login="invitation:whatever") as scope:
        assert service.open_sealed(scope, seal, cast.mercy, sealed, place=PLACE) == b"secret"
    with pytest.raises(Missing), scopes.open(NOBODY) as scope:
        service.open_sealed(scope, seal, cast.mercy, sealed, place=PLACE)


def test_what_the_master_key_closed_before_there_were_data_keys_still_opens(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with scopes.open(cast.owner.actor) as scope:
        assert service.open_sealed(scope, seal, cast.mercy, seal.close(b"old", place=PLACE), place=PLACE) == b"old"


def test_many_first_users_of_an_organisation_make_one_key(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    def first(number: int) -> bytes:
        with scopes.open(system_actor(cast.third)) as scope:
            return service.close(scope, seal, cast.third, str(number).encode(), place=PLACE)

    with ThreadPoolExecutor(8) as together:
        sealed = list(together.map(first, range(16)))
    with scopes.open(system_actor(cast.third)) as scope:
        assert len(scope.session.scalars(select(DataKey).where(DataKey.organisation_id == cast.third)).all()) == 1
        opened = [service.open_sealed(scope, seal, cast.third, each, place=PLACE) for each in sealed]
    assert opened == [str(number).encode() for number in range(16)]
