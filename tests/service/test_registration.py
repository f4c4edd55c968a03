"""Coming in with the organisation's code: ask, confirm the address, be approved, add an authenticator."""

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts import codes
from sidecar.accounts.member_tables import AccountToken, Registration
from sidecar.accounts.tables import User
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import RAW_TOKEN, Browser, alike
from tests.cast import Cast, Person
from tests.service.letter_box import LetterBox, answer_guests, letter_box

Browse = Callable[[Person | None], Browser]
Waiting = Callable[[], list[Registration]]
PASSWORD = "four tall ships at dusk"


@pytest.fixture
def box(app: Flask) -> Iterator[LetterBox]:
    with letter_box(app) as found:
        yield found


@pytest.fixture
def code(cast: Cast, scopes: Scopes) -> str:
    with scopes.open(cast.mercy_admin.actor) as scope:
        return codes.make(scope, cast.mercy)


def form(code: str, **changes: str) -> dict[str, str]:
    return {"code": code, "name": "Nina New", "email": f"{uuid4().hex[:8]}@mercy.example", "password": PASSWORD, **changes}


@pytest.fixture
def waiting(app: Flask, scopes: Scopes, cast: Cast) -> Waiting:
    def look() -> list[Registration]:
        answer_guests(app)
        with scopes.open(cast.mercy_admin.actor) as scope:
            return list(scope.session.scalars(select(Registration)))

    return look


def registered(browse: Browse, box: LetterBox, code: str) -> str:
    """Register, confirm the address, and return it."""
    asked = form(code)
    assert browse(None).post("/register", data=asked).status_code == 200
    assert browse(None).post(box.link(asked["email"])).status_code == 200
    return asked["email"]


def approve(browse: Browse, waiting: Waiting, by: Person, role: str = "technician") -> int:
    (row,) = waiting()
    return browse(by).post(f"/admin/users/registrations/{row.id}/approve", data={"role": role}).status_code


def test_from_a_code_to_a_session(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, code: str, waiting: Waiting
) -> None:
    """The whole way, as the newcomer and the manager walk it."""
    newcomer, asked = browse(None), form(code.lower().replace("-", " "))
    assert f"We sent a mail to {asked['email']}" in newcomer.post("/register", data=asked).text
    link = box.link(asked["email"])
    assert newcomer.get(link).status_code == 200, "a program that opens links confirms nothing"
    assert not waiting()[0].verified_at
    assert "Thank you" in newcomer.post(link).text
    manager = browse(cast.mercy_manager)
    page = manager.get("/admin/users").text
    assert "Nina New" in page
    assert "Confirmed" in page
    assert approve(browse, waiting, cast.mercy_manager, "radiologist") == 302
    assert waiting() == []
    invitation = box.link(asked["email"])
    drawn = re.search(r'class="secret">([A-Z2-7]+)<', newcomer.get(invitation).text)
    assert drawn is not None
    first = pyotp.TOTP(drawn[1])
    wrong = newcomer.post(invitation, data={"password": "another password", "code": first.now()})
    assert wrong.status_code == 400
    assert "chose when you registered" in wrong.text
    assert newcomer.post(invitation, data={"password": PASSWORD, "code": first.now()}).status_code == 302
    with newcomer.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    assert newcomer.post("/login", data={"email": asked["email"], "password": PASSWORD}).location == "/login/code"
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert (
            scope.session.scalars(select(User.role).where(User.email_lookup == scope.lookup.of(asked["email"]))).one()
            == "radiologist"
        )
        kinds = set(scope.session.scalars(select(JournalRow.kind).where(JournalRow.organisation_id == cast.mercy)))
    assert kinds >= {f"accounts.registration.{each}" for each in ("asked", "verified", "approved")}


def test_no_letter_of_ours_carries_a_strangers_words_to_an_address_that_nobody_proved(
    browse: Browse, box: LetterBox, code: str
) -> None:
    """A code hangs on many a wall; whoever has it names any address, and a "name" that would lead its reader elsewhere."""
    asked = form(code, name="Your mailbox is full: go to www.evil.example, or call 0800 1234")
    assert browse(None).post("/register", data=asked).status_code == 200
    assert box.link(asked["email"])
    assert "evil" not in str(box.to(asked["email"])[-1])


def test_a_pending_person_signs_in_nowhere(browse: Browse, box: LetterBox, code: str) -> None:
    email = registered(browse, box, code)
    assert browse(None).post("/login", data={"email": email, "password": PASSWORD}).status_code == 401
    assert browse(None).post("/forgot", data={"email": email}).status_code == 200
    assert len(box.to(email)) == 1, "no account, no link"


def test_whoever_has_an_account_is_told_by_mail_only(
    browse: Browse, box: LetterBox, cast: Cast, scopes: Scopes, code: str, waiting: Waiting
) -> None:
    known, unknown = form(code, email=cast.owner.email), form(code)
    answers = {alike(browse(None).post("/register", data=each), each["email"]) for each in (known, unknown)}
    assert len(answers) == 1
    assert box.to(cast.owner.email)[-1]["Subject"] == "You have an account already"
    assert [row.email_lookup for row in waiting()] == [scopes.lookup.of(unknown["email"])]
    twice = registered(browse, box, code)
    assert alike(browse(None).post("/register", data=form(code, email=twice)), twice) in answers
    assert box.to(twice)[-1]["Subject"] == "Your request is waiting"


def test_the_newest_link_counts_and_works_once(browse: Browse, box: LetterBox, code: str, scopes: Scopes, cast: Cast) -> None:
    asked = form(code)
    browse(None).post("/register", data=asked)
    lost = box.link(asked["email"])
    browse(None).post("/register", data=asked)
    found = box.link(asked["email"])
    assert [browse(None).post(each).status_code for each in (lost, found, found)] == [404, 200, 404]
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert scope.session.scalars(select(AccountToken)).all() == []


def test_nobody_is_let_in_before_the_address_is_confirmed(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, code: str, waiting: Waiting
) -> None:
    browse(None).post("/register", data=form(code))
    assert approve(browse, waiting, cast.mercy_admin) == 409


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("code", "AAAA-BBBB-CCCC", "No organisation has this code"),
        ("code", " ", "Fill this in."),
        ("email", "nina@x.example,eve@y.example", "e-mail address"),
        ("name", " ", "Fill this in."),
        ("password", "too short", "at least 12"),
        ("password", "nina new 12345678", "from your name"),
        ("password", "what mercy the sea has", "organisation"),
    ],
)
def test_the_form_explains(browse: Browse, box: LetterBox, code: str, field: str, value: str, words: str) -> None:
    answer = browse(None).post("/register", data={**form(code), field: value})
    assert answer.status_code == 400
    assert words in answer.text
    assert PASSWORD not in answer.text


def test_without_a_mail_server_the_approver_hands_the_link_over(
    browse: Browse, scopes: Scopes, cast: Cast, code: str, waiting: Waiting
) -> None:
    assert "give you a link" in browse(None).post("/register", data=form(code)).text
    (row,) = waiting()
    answer = browse(cast.mercy_manager).post(f"/admin/users/registrations/{row.id}/approve", data={"role": "viewer"})
    link = re.search(r'value="http[^"]*(/invitation/[^"]+)"', answer.text)
    assert link is not None
    assert "Nina New" in browse(None).get(link[1]).text


def test_a_declined_person_is_told_and_may_ask_again(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, code: str, waiting: Waiting
) -> None:
    email = registered(browse, box, code)
    (row,) = waiting()
    assert browse(cast.mercy_manager).post(f"/admin/users/registrations/{row.id}/decline").status_code == 302
    assert box.to(email)[-1]["Subject"] == "Your request was declined"
    assert waiting() == []
    browse(None).post("/register", data=form(code, email=email))
    assert len(waiting()) == 1


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [
        ("mercy_manager", "manager", 403),
        ("mercy_manager", "admin", 403),
        ("mercy_admin", "admin", 403),
        ("mercy_admin", "manager", 302),
        ("platform_admin", "admin", 302),
        ("mercy_admin", "system", 400),
        ("mercy_admin", "king", 400),
        ("owner", "viewer", 403),
        ("luke_admin", "viewer", 404),
        ("lead", "viewer", 404),
    ],
)
def test_b12_nobody_lets_somebody_in_above_what_they_may_give(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, code: str, who: str, role: str, status: int, waiting: Waiting
) -> None:
    registered(browse, box, code)
    assert approve(browse, waiting, getattr(cast, who), role) == status


def test_a_code_can_be_replaced_and_withdrawn(browse: Browse, cast: Cast, code: str, scopes: Scopes) -> None:
    admin = browse(cast.mercy_admin)
    assert code in admin.get("/admin/users").text
    assert admin.post("/admin/users/code").status_code == 302
    assert browse(None).post("/register", data=form(code)).status_code == 400
    with scopes.open(cast.mercy_admin.actor) as scope:
        newer = codes.code_of(scope, cast.mercy)
    assert newer != code
    admin.post("/admin/users/code", data={"act": "withdraw"})
    assert browse(None).post("/register", data=form(newer)).status_code == 400


def test_strangers_see_no_request_of_another_organisation(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, code: str, waiting: Waiting
) -> None:
    registered(browse, box, code)
    (row,) = waiting()
    unknown = uuid4()
    for who in (cast.luke_admin, cast.strange_admin, cast.lead):
        visitor = browse(who)
        assert "Nina New" not in visitor.get("/admin/users").text
        for verb in ("approve", "decline"):
            answers = {
                alike(visitor.post(f"/admin/users/registrations/{each}/{verb}", data={"role": "viewer"}), each)
                for each in (row.id, unknown)
            }
            assert len(answers) == 1
    assert browse(cast.owner).post(f"/admin/users/registrations/{row.id}/decline").status_code == 403
    assert len(waiting()) == 1
