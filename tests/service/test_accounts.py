"""Sign-in with two factors, as a person and as somebody who guesses."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts import second_factor, service
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, Actor, Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person

Browse = Callable[[Person | None], Browser]


def sign_in(browse: Browser, person: Person) -> Browser:
    first = browse.post("/login", data={"email": person.email, "password": PASSWORD})
    assert first.status_code == 302
    assert first.location == "/login/code"
    with browse.client.session_transaction() as session:
        session["csrf_token"] = "0123456789abcdef0123456789abcdef01234567"
    second = browse.post("/login/code", data={"code": person.code()})
    assert second.status_code == 302
    return browse


def test_two_factors_open_a_session_with_a_new_id(cast: Cast, browse: Browse) -> None:
    person = browse(None)
    person.get("/login")
    before = person.client.get_cookie("rr_session")
    sign_in(person, cast.reader)
    after = person.client.get_cookie("rr_session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert person.get("/login").status_code == 302


@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        ("/worklist?view=mine", "/worklist?view=mine"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example/", "/"),  # a browser drops tab and line feed from an address, and then reads //evil.example
        ("/\n/evil.example/", "/"),
        ("/worklist\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_signing_in_leads_nowhere_but_to_us(cast: Cast, browse: Browse, wanted: str, after: str) -> None:
    person = browse(None)
    person.post("/login", query_string={"next": wanted}, data={"email": cast.reader.email, "password": PASSWORD})
    with person.client.session_transaction() as session:
        session["csrf_token"] = "0123456789abcdef0123456789abcdef01234567"
    answer = person.post("/login/code", data={"code": cast.reader.code()})
    assert (answer.status_code, answer.location) == (302, after)


def test_unknown_address_and_wrong_password_answer_alike(cast: Cast, browse: Browse) -> None:
    wrong = browse(None).post("/login", data={"email": cast.reader.email, "password": "not the password"})
    unknown = browse(None).post("/login", data={"email": "x" + cast.reader.email[1:], "password": "not the password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(cast.reader.email, "").count("not right") == unknown.text.count("not right") == 1
    focused = re.findall(r'<input[^>]* name="(\w+)"[^>]* autofocus', wrong.text)
    assert focused == ["password"], "the address stands there already"


def test_an_invitation_does_not_let_an_organisation_watch_somebody_elses_sign_ins(
    cast: Cast, browse: Browse, scopes: Scopes, seal: Seal
) -> None:
    """Whoever may invite names any address: from where its owner signs in, and when, is then not told to their journal."""
    with scopes.open(cast.luke_admin.actor) as scope:
        spied = {"organisation_id": cast.luke, "email": cast.owner.email, "name": "Nobody", "role": Role.VIEWER}
        service.invite_user(scope, seal, **spied)
    wrong = {"email": cast.owner.email, "password": "not the password"}
    assert browse(None).post("/login", data=wrong).status_code == 401
    assert browse(None).post("/api/auth/login", json=wrong).status_code == 401
    told = {}
    for admin in (cast.luke_admin, cast.mercy_admin):
        with scopes.open(admin.actor) as scope:
            told[admin] = scope.session.scalars(select(JournalRow.kind)).all().count("accounts.user.sign-in-failed")
    assert (told[cast.luke_admin], told[cast.mercy_admin]) == (0, 2)


def test_password_alone_opens_nothing(cast: Cast, browse: Browse) -> None:
    half = browse(None)
    half.post("/login", data={"email": cast.reader.email, "password": PASSWORD})
    assert half.get("/admin/users").status_code == 302


def test_a_code_works_once_even_fifty_at_a_time(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    code = cast.reader.code()

    def use(_number: int) -> bool:
        with scopes.open(Actor(cast.reader.user_id, cast.reader.organisation_id, None, None)) as scope:
            user = service.get_user(scope, cast.reader.user_id)
            return second_factor.verify(scope, seal, user, code=code)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(16))) == 1


def test_disabled_account_is_out_at_its_next_request(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    admin = browse(cast.mercy_admin)
    assert admin.get("/login").status_code == 302
    with scopes.open(cast.platform_admin.actor) as scope:
        service.disable_user(scope, cast.mercy_admin.user_id)
    assert admin.get("/login").status_code == 200


def test_invitation_sets_password_and_second_factor_once(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    with scopes.open(cast.mercy_admin.actor) as scope:
        _user, token = service.invite_user(
            scope, seal, organisation_id=cast.mercy, email=(email := f"new.{cast.mercy.hex[:6]}@example.org"),
            name="New Person", role=Role.VIEWER,
        )  # fmt: skip
    guest = browse(None)
    assert guest.get(f"/invitation/{token}").status_code == 200
    found = re.search(r'<code class="secret">(\w+)</code>', guest.get(f"/invitation/{token}").text)
    assert found is not None
    secret = found[1]
    answer = {"password": PASSWORD, "again": PASSWORD, "code": pyotp.TOTP(secret).now()}
    short = guest.post(f"/invitation/{token}", data={**answer, "password": "short", "again": "short"})
    assert short.status_code == 400
    assert guest.post(f"/invitation/{token}", data=answer).status_code == 302
    assert "Sign in with them" in guest.get("/login").text
    spent = guest.get(f"/invitation/{token}")
    assert spent.status_code == 404
    assert "ask whoever invited you" in spent.text
    with scopes.open(NOBODY, login=scopes.lookup.of(email)) as scope:
        assert service.check_password(scope, email=email, password=PASSWORD) is not None


def test_unsafe_request_without_token_is_refused(cast: Cast, app: Flask) -> None:
    person = Browser(app, cast.reader)
    assert person.client.post("/logout").status_code == 403
    assert person.post("/logout").status_code == 302
    assert person.get("/login").status_code == 200


def test_stranger_sees_no_account_of_another_organisation(cast: Cast, scopes: Scopes) -> None:
    with scopes.open(cast.strange_admin.actor) as scope:
        assert service.list_users(scope, cast.mercy) == []


def test_a_page_of_a_lost_session_asks_for_a_token_and_disturbs_nobody_who_is_signing_in(cast: Cast, browse: Browse) -> None:
    """Another tab asks while the code is awaited: it gets nothing, and what the sign-in remembers stays."""
    person = browse(None)
    person.post("/login", data={"email": cast.reader.email, "password": PASSWORD})
    refused = person.get("/session/token", headers={"Accept": "application/json"})
    assert refused.status_code == 401
    assert "Set-Cookie" not in refused.headers
    assert person.get("/login/code").status_code == 200
    assert browse(cast.reader).get("/session/token").json["token"]


@pytest.mark.parametrize(
    "sent",
    [{"Accept": "text/event-stream"}, {"Accept": "image/avif,image/*,*/*;q=0.8"}, {"Accept": "*/*"}, {"HX-Request": "true"}],
)
def test_what_is_no_page_is_refused_without_a_session_and_makes_none(app: Flask, sent: dict[str, str]) -> None:
    """Made beside somebody who fills in the sign-in form, its cookie would take the place of the form's."""
    refused = app.test_client().get("/worklist/events", headers=sent)
    assert refused.status_code == 401
    assert "Set-Cookie" not in refused.headers
