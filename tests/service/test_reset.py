"""A forgotten password: a link by mail, once, for half an hour, for its owner, and never around the second factor."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from sidecar.accounts import addresses, service
from sidecar.accounts.member_tables import AccountToken
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY
from sidecar.gate.scope import Scopes
from tests.browser import RAW_TOKEN, Browser, alike
from tests.cast import PASSWORD, Cast, Person
from tests.service.letter_box import HOUSE, LetterBox, letter_box

Browse = Callable[[Person | None], Browser]
NEW = "seven grey herons in fog"


@pytest.fixture
def box(app: Flask) -> Iterator[LetterBox]:
    with letter_box(app) as found:
        yield found


def asked(browse: Browse, box: LetterBox, person: Person) -> str:
    """Ask for a link as its owner would; return its path."""
    assert browse(None).post("/forgot", data={"email": person.email}).status_code == 200
    return box.link(person.email)


def choose(browse: Browse, link: str, password: str = NEW, **besides: object) -> int:
    return browse(None).post(link, data={"password": password, "again": password, **besides}).status_code


def opens(scopes: Scopes, person: Person, password: str) -> bool:
    with scopes.open(NOBODY, login=scopes.lookup.of(person.email)) as scope:
        return service.check_password(scope, email=person.email, password=password) is not None


def test_a10_a_link_works_once_for_its_owner_and_not_around_the_second_factor(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast
) -> None:
    """Reuse, another purpose, a forged token: none is accepted; the new password alone opens nothing."""
    link = asked(browse, box, cast.reader)
    assert browse(None).get(link).status_code == 200
    assert choose(browse, link, "short") == 400, "a bad password does not use the link up"
    other = {"user_id": str(cast.second_reader.user_id), "email": cast.second_reader.email}
    assert choose(browse, link, **other) == 200
    assert choose(browse, link, "a third good password") == 404
    assert browse(None).get(link).status_code == 404
    assert opens(scopes, cast.reader, NEW)
    assert not opens(scopes, cast.reader, PASSWORD)
    assert not opens(scopes, cast.second_reader, NEW)
    person = browse(None)
    assert person.post("/login", data={"email": cast.reader.email, "password": NEW}).location == "/login/code"
    assert person.get("/worklist").status_code in {302, 401}
    with person.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    assert person.post("/login/code", data={"code": "000000"}).status_code == 401
    assert box.to(cast.reader.email)[-1]["Subject"] == "Your password was changed"


def test_a10_a_link_is_256_random_bits_kept_as_a_hash(browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast) -> None:
    token = asked(browse, box, cast.reader).rsplit("/", 1)[1]
    assert len(token) == 43, "32 bytes in base64url"
    with scopes.open(cast.nightowls_admin.actor) as scope:
        (row,) = scope.session.execute(text("SELECT t::text AS stored FROM account_tokens t")).all()
        life = scope.session.scalars(select(AccountToken.expires_at)).one() - scope.now
    assert token not in row.stored
    assert timedelta(minutes=15) < life <= timedelta(minutes=30)


def test_a10_after_half_an_hour_it_opens_nothing(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, clock = asked(browse, box, cast.reader), scopes.clock
    monkeypatch.setattr(scopes, "clock", lambda: clock() + timedelta(minutes=29, seconds=50))
    assert browse(None).get(link).status_code == 200
    monkeypatch.setattr(scopes, "clock", lambda: clock() + timedelta(minutes=30, seconds=1))
    assert browse(None).get(link).status_code == 404
    assert choose(browse, link) == 404


def test_a10_a_forged_host_changes_no_link(browse: Browse, box: LetterBox, cast: Cast) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    guest = browse(None)
    cookie = guest.client.get_cookie("rr_session")
    assert cookie is not None
    guest.client.set_cookie("rr_session", cookie.value, domain="evil.example")
    assert guest.post("/forgot", data={"email": cast.reader.email}, headers=forged).status_code == 200
    body = box.to(cast.reader.email)[-1].get_content()
    assert "evil" not in body
    assert body.count(f"{HOUSE}/reset/") == 1


def test_a10_a_newer_link_and_a_change_of_address_make_it_worthless(
    browse: Browse, box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast
) -> None:
    first, second = asked(browse, box, cast.reader), asked(browse, box, cast.reader)
    assert first != second
    assert choose(browse, first) == 404
    with scopes.open(cast.reader.actor) as scope:
        addresses.keep(scope, seal, service.get_user(scope, cast.reader.user_id), f"moved.{cast.reader.email}")
    assert choose(browse, second) == 404


def test_a10_of_twenty_who_come_at_once_one_gets_in(browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast) -> None:
    link = asked(browse, box, cast.reader)
    passwords = [f"{number} grey herons in the fog" for number in range(20, 40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda password: choose(browse, link, password), passwords))
    assert sorted(set(answers)) == [200, 404]
    assert answers.count(200) == 1
    assert opens(scopes, cast.reader, passwords[answers.index(200)])


def test_a_reset_ends_every_session(browse: Browse, box: LetterBox, cast: Cast) -> None:
    thief = browse(cast.reader)
    assert thief.get("/worklist").status_code == 200
    assert choose(browse, asked(browse, box, cast.reader)) == 200
    assert thief.get("/worklist").status_code in {302, 401}


def test_a_new_password_ends_sign_ins_that_are_half_done(
    app: Flask, browse: Browse, scopes: Scopes, cast: Cast, box: LetterBox
) -> None:
    """Who gave the old password a moment ago, in a browser and as a program, comes with a right code after it was replaced."""
    half, program, form = browse(None), browse(None), {"email": cast.reader.email, "password": PASSWORD}
    assert half.post("/login", data=form).location == "/login/code"
    challenge = program.post("/api/auth/login", json=form).json["challenge"]
    assert choose(browse, asked(browse, box, cast.reader)) == 200
    with half.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    proof = {"challenge": challenge, "code": cast.reader.code()}
    assert program.post("/api/auth/2fa/verify", json=proof).status_code == 401
    assert half.get("/login/code").location == "/login"
    assert half.get("/login/passkey", headers={"Accept": "application/json"}).status_code == 401
    assert half.post("/login/code", data={"code": cast.reader.code()}).location == "/login"
    assert half.get("/worklist").status_code in {302, 401}


def test_known_unknown_disabled_and_invited_get_one_answer(browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.nightowls_admin.actor) as scope:
        service.disable_user(scope, cast.second_reader.user_id)
    emails = [cast.reader.email, "nobody@nowhere.example", cast.second_reader.email]
    assert len({alike(browse(None).post("/forgot", data={"email": email}), email) for email in emails}) == 1
    assert [len(box.to(email)) for email in emails] == [1, 0, 0]


def test_without_a_mail_server_an_administrator_hands_a_link_over(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    assert "administrator" in browse(None).get("/forgot").text
    assert browse(None).post("/forgot", data={"email": cast.owner.email}).status_code == 400
    admin = browse(cast.mercy_admin)
    page = admin.post(f"/admin/users/{cast.owner.user_id}/reset-link").text
    link = page.split("/reset/")[1].split('"')[0]
    assert choose(browse, f"/reset/{link}") == 200
    assert opens(scopes, cast.owner, NEW)


def test_where_mail_leaves_the_house_no_administrator_sees_a_link(browse: Browse, box: LetterBox, cast: Cast) -> None:
    answer = browse(cast.mercy_admin).post(f"/admin/users/{cast.owner.user_id}/reset-link")
    assert answer.status_code == 409
    assert "/reset/" not in answer.text


def test_strangers_make_no_link_for_others(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    for who, status in ((cast.luke_admin, 404), (cast.strange_admin, 404), (cast.mercy_manager, 403), (cast.colleague, 403)):
        assert browse(who).post(f"/admin/users/{cast.owner.user_id}/reset-link").status_code == status
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert scope.session.scalars(select(AccountToken)).all() == []
