"""What identifies a person changes by their own hand, moments after they showed that it is theirs; ids are never used again."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from sidecar.accounts import identity, passwords, service
from sidecar.accounts.stepup import FRESH
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser, alike
from tests.cast import PASSWORD, Cast, Person
from tests.service.letter_box import LetterBox, letter_box

Browse = Callable[[Person | None], Browser]
NEW = "seven grey herons in fog"


@pytest.fixture
def box(app: Flask) -> Iterator[LetterBox]:
    with letter_box(app) as found:
        yield found


def opens(scopes: Scopes, email: str, password: str) -> User | None:
    with scopes.open(NOBODY, login=scopes.lookup.of(email)) as scope:
        return service.check_password(scope, email=email, password=password)


def change(browser: Browser, new: str = NEW, **changes: str) -> int:
    return browser.post("/account/password", data={"current": PASSWORD, "password": new, "again": new, **changes}).status_code


def move(browser: Browser, email: str, password: str = PASSWORD) -> TestResponse:
    return browser.post("/account/email", data={"email": email, "address_current": password})


def test_a01_who_comes_back_with_the_same_address_is_somebody_new(
    browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox
) -> None:
    """Create, delete, create anew: another id; the journal keeps the old one, and the old one is never a person again."""
    admin, email = browse(cast.mercy_admin), cast.owner.email
    session = browse(cast.owner)
    assert admin.post(f"/admin/users/{cast.owner.user_id}/delete").status_code == 302
    assert session.get("/admin/ae-titles").status_code in {302, 401}
    assert opens(scopes, email, PASSWORD) is None
    assert email not in admin.get("/admin/users").text
    assert admin.post("/admin/users", data={"name": "Tess Again", "email": email, "role": "technician"}).status_code == 302
    with scopes.open(cast.mercy_admin.actor) as scope:
        (newer,) = scope.session.scalars(select(User).where(User.email_lookup == scope.lookup.of(email)))
        assert newer.id != cast.owner.user_id
        deleted = select(JournalRow.body).where(JournalRow.kind == "accounts.user.deleted")
        assert str(cast.owner.user_id) in scope.session.scalars(deleted).one()
        kept = scope.session.scalars(select(User).where(User.id == cast.owner.user_id)).one()
        assert (kept.name, kept.email_sealed, kept.email_lookup) == ("Tess Owner", None, None)
        assert (kept.password_hash, kept.totp_sealed) == (None, None)
    for verb in ("enable", "disable", "role", "delete"):
        assert admin.post(f"/admin/users/{cast.owner.user_id}/{verb}", data={"role": "viewer"}).status_code == 404
    with pytest.raises(Exception, match="permission denied"), scopes.open(cast.mercy_admin.actor) as scope:
        scope.session.execute(text("DELETE FROM users"))


def test_a01_one_address_is_one_account(browse: Browse, cast: Cast) -> None:
    form = {"name": "Shared Desk", "email": cast.owner.email.upper(), "role": "technician"}
    assert browse(cast.mercy_admin).post("/admin/users", data=form).status_code == 409


def test_a02_unicode_64_and_128_characters_sign_in_and_none_is_ever_out_of_date(
    browse: Browse, scopes: Scopes, seal: Seal, cast: Cast
) -> None:
    words = "vier stille Käuze über dem Nebel, 七つの星と月 und ein Zug nach Süden; keiner winkt mehr zurück, sagt Ωmega — " * 2
    for password in ("пять тихих сов ночью", words[:64], words[:128]):
        with scopes.open(cast.reader.actor) as scope:
            service.set_password(scope, seal, service.get_user(scope, cast.reader.user_id), password)
        answer = browse(None).post("/login", data={"email": cast.reader.email, "password": password})
        assert answer.location == "/login/code"
        assert browse(None).post("/login", data={"email": cast.reader.email, "password": password + " "}).status_code == 401
    for column in ("password_expires_at", "password_changed_at"):
        assert column not in User.__table__.columns, "nobody is made to change a password by the calendar"


def test_a03_all_rows_are_argon2id_and_other_parameters_are_put_right_at_the_next_sign_in(
    browse: Browse, scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cast's rows were made without pepper, as those of the first house: they still open, and are rewritten."""
    with scopes.open(cast.platform_admin.actor) as scope:
        stored = scope.session.scalars(text("SELECT password_hash FROM users WHERE password_hash IS NOT NULL")).all()
        assert stored
        assert all(re.match(r"^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$", each) for each in stored)
    form = {"email": cast.reader.email, "password": PASSWORD}

    def sign_in() -> tuple[str, int]:
        assert browse(None).post("/login", data=form).location == "/login/code"
        with scopes.open(cast.reader.actor) as scope:
            row = service.get_user(scope, cast.reader.user_id)
            return str(row.password_hash), row.password_pepper

    peppered = sign_in()
    assert peppered[1] == passwords.PEPPER
    assert sign_in() == peppered, "what is as it should be stays"
    monkeypatch.setattr(passwords.KEEPER, "hasher", PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1))
    assert ",t=3," in sign_in()[0]


def test_a09_password_address_name_and_role_ask_for_a_factor_proved_moments_ago(
    browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen cookie, five minutes after its owner's last code: nothing that identifies a person or gives rights changes."""
    thief, admin, clock = browse(cast.reader), browse(cast.mercy_admin), scopes.clock
    assert admin.post(f"/admin/users/{cast.colleague.user_id}/disable").status_code == 302
    monkeypatch.setattr(scopes, "clock", lambda: clock() + FRESH + timedelta(seconds=1))
    json = {"Accept": "application/json"}
    tries = [
        (thief, "/account/password", {"current": PASSWORD, "password": NEW, "again": NEW}),
        (thief, "/account/email", {"email": "thief@evil.example", "address_current": PASSWORD}),
        (thief, "/account/name", {"name": "Dr. Thief"}),
        (admin, f"/admin/users/{cast.owner.user_id}/role", {"role": "manager"}),
        (admin, f"/admin/users/{cast.colleague.user_id}/enable", {}),
    ]
    for browser, path, form in tries:
        refused = browser.post(path, data=form, headers=json)
        assert refused.status_code == 401, path
        assert refused.json["code"] == "step-up"
    assert opens(scopes, cast.reader.email, PASSWORD) is not None
    assert box.to("thief@evil.example") == []


def test_a09_a_new_password_ends_all_other_sessions(browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox) -> None:
    here, elsewhere = browse(cast.reader), browse(cast.reader)
    assert change(here, current="not this") == 400
    assert change(here, again="other than that") == 400
    assert change(here, new="Night Owls forever") == 400
    assert change(here) == 302
    assert here.get("/worklist").status_code == 200
    assert elsewhere.get("/worklist").status_code in {302, 401}
    assert opens(scopes, cast.reader.email, NEW) is not None
    assert box.to(cast.reader.email)[-1]["Subject"] == "Your password was changed"


def test_a09_a_new_address_counts_when_its_link_was_opened_and_ends_all_sessions(
    browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox
) -> None:
    here, newer = browse(cast.reader), f"nora.{cast.reader.user_id.hex[:6]}@owls.example"
    assert move(here, newer.upper()).status_code == 302
    assert opens(scopes, newer, PASSWORD) is None
    assert box.to(cast.reader.email)[-1]["Subject"] == "Your e-mail address is about to change"
    link = box.link(newer)
    assert browse(None).post(link).status_code == 200
    assert browse(None).post(link).status_code == 404
    assert opens(scopes, newer, PASSWORD) is not None
    assert opens(scopes, cast.reader.email, PASSWORD) is None
    assert here.get("/worklist").status_code in {302, 401}


def test_a_new_address_asks_for_the_password_or_a_session_would_become_both_components_of_a_signature(
    browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox
) -> None:
    """Whoever holds a session just after its code (or sets the organisation's provider) moves the address, then the password."""
    thief, named = browse(cast.reader), f"thief.{cast.reader.user_id.hex[:8]}@evil.example"
    assert thief.post("/account/email", data={"email": named}).status_code == 400
    refused = move(thief, named, "guess guess guess")
    assert (refused.status_code, identity.WRONG in refused.text) == (400, True)
    with scopes.open(cast.nightowls_admin.actor) as scope:
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.organisation_id == cast.nightowls)).all()
    assert kinds.count("accounts.user.sign-in-failed") == 1
    assert box.to(named) == []
    assert box.to(cast.reader.email) == []
    assert opens(scopes, cast.reader.email, PASSWORD) is not None


def test_who_has_an_address_is_told_there_only(browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox) -> None:
    free, taken = f"{cast.mercy.hex[:8]}@owls.example", cast.second_reader.email
    answers = {alike(move(browse(cast.reader), each), each) for each in (free, taken)}
    assert len(answers) == 1
    assert box.to(taken)[-1]["Subject"] == "You have an account already"
    assert opens(scopes, taken, PASSWORD) is not None


def test_a_name_is_changed_by_its_owner(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    here = browse(cast.reader)
    assert here.post("/account/name", data={"name": " "}).status_code == 400
    assert here.post("/account/name", data={"name": "Dr. Nora Married", "role": "admin"}).status_code == 302
    with scopes.open(cast.reader.actor) as scope:
        row = service.get_user(scope, cast.reader.user_id)
        assert (row.name, row.role) == ("Dr. Nora Married", Role.RADIOLOGIST)


def test_guests_and_strangers_change_nothing(browse: Browse, cast: Cast) -> None:
    assert browse(None).post("/account/name", data={"name": "x"}).status_code in {302, 401}
    for who in (cast.luke_admin, cast.strange_admin):
        unknown = alike(browse(who).post(f"/admin/users/{cast.mercy}/delete"), cast.mercy)
        theirs = browse(who).post(f"/admin/users/{cast.owner.user_id}/delete")
        assert alike(theirs, cast.owner.user_id) == unknown
    assert browse(cast.mercy_manager).post(f"/admin/users/{cast.owner.user_id}/delete").status_code == 403
    assert browse(cast.mercy_admin).post(f"/admin/users/{cast.mercy_admin.user_id}/delete").status_code == 409


def test_an_address_named_by_a_thief_counts_for_nothing_once_the_owner_shut_the_doors(
    app: Flask, browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    """A stolen session asks for another address; its owner reads the warning and chooses a new password: the link is void."""
    with letter_box(app) as box:
        named = f"thief.{cast.reader.user_id.hex[:8]}@evil.example"
        assert move(browse(cast.reader), named).status_code == 302
        link = box.link(named)
        new = "nine quiet herons at dawn"
        form = {"current": PASSWORD, "password": new, "again": new}
        assert browse(cast.reader).post("/account/password", data=form).status_code == 302
        unknown = browse(None).post("/verify/" + "x" * 43)
        assert alike(browse(None).post(link), link) == alike(unknown, "/verify/" + "x" * 43)
    with scopes.open(cast.reader.actor) as scope:
        assert scope.one(select(User).where(User.id == cast.reader.user_id)).email_lookup == scope.lookup.of(cast.reader.email)
