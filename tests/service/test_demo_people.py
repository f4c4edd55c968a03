"""The demo's people have accounts like everybody's: enrolled, each password with the pepper and a salt of its own."""

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask import Flask
from sqlalchemy import select

from sidecar.accounts.passwords import KEEPER, PEPPER, Kept
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.demo.cast import Book, Login, write_people
from sidecar.gate.scope import Scopes
from tests.cast import Cast

PASSWORD = "a demo's own password"


def test_a03_a_demo_password_is_kept_with_pepper_at_once(app: Flask, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    assert app.extensions["readingroom.settings"].secret("pepper")
    people = [Login(f"Demo {n}", f"demo{n}.{cast.mercy}@mercy.example", "viewer", "mercy", "", "JBSWY3DPEHPK3PXP") for n in "ab"]
    for _ in range(2):  # the second time changes nothing
        write_people(scopes, Book(PASSWORD, people), {"mercy": cast.mercy}, seal)
    with scopes.open(cast.mercy_admin.actor) as scope:
        found = scope.session.scalars(
            select(User).where(User.email_lookup.in_([scope.lookup.of(each.email) for each in people]))
        ).all()
    assert len(found) == 2
    assert len({user.password_hash for user in found}) == 2, "a salt each"
    for user in found:
        assert user.password_hash is not None
        assert user.password_pepper == PEPPER
        kept = Kept(user.password_hash, user.password_pepper)
        assert KEEPER.verifies(kept, PASSWORD)
        assert not KEEPER.outdated(kept), "nothing is left for the first sign-in to mend"
        with pytest.raises(VerifyMismatchError):
            PasswordHasher().verify(user.password_hash, PASSWORD)
