"""Mail: written with what it tells, delivered to a real server until it arrives, and never lying open on the way."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import platform_system
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Conflict
from sidecar.kernel.settings import SettingsError, Smtp
from sidecar.mail import jobs, rules
from sidecar.mail.service import post
from sidecar.mail.tables import Mail
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.service.letter_box import HOUSE, LetterBox, answer_guests, letter_box

TO = "somebody@hospital.example"


@pytest.fixture
def box(app: Flask, scopes: Scopes) -> Iterator[LetterBox]:
    answer_guests(app)
    with scopes.open(platform_system()) as scope:  # what earlier tests left on its way is not this test's
        scope.session.execute(text("DELETE FROM mails"))
    with letter_box(app) as found:
        yield found


def write(scopes: Scopes, seal: Seal, cast: Cast, *, to: str = TO, path: str = "") -> None:
    with scopes.open(cast.mercy_admin.actor) as scope:
        post(scope, seal, organisation_id=cast.mercy, to=to, subject="Grüße\nBcc: x@y.z", text="Ein Brief.", path=path)


def waiting(scopes: Scopes, cast: Cast) -> list[Mail]:
    with scopes.open(cast.mercy_admin.actor) as scope:
        return list(scope.session.scalars(select(Mail).order_by(Mail.created_at)))


def later(scopes: Scopes, cast: Cast, *, by: timedelta = timedelta(0)) -> None:
    """Let a pause be over."""
    with scopes.open(cast.mercy_admin.actor) as scope:
        for mail in scope.session.scalars(select(Mail)):
            mail.due_at, mail.created_at = scope.now, mail.created_at - by


def test_a_letter_arrives_once_and_is_gone(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    write(scopes, seal, cast, path="/reset/abc")
    assert box.deliver() == 1
    assert box.deliver() == 0
    (message,) = box.messages
    assert message["To"] == TO
    assert message["Subject"] == "Grüße Bcc: x@y.z", "a line end in a subject makes no header"
    assert "Bcc" not in message
    assert message["Auto-Submitted"] == "auto-generated"
    assert f"\n{HOUSE}/reset/abc\n" in message.get_content()
    assert waiting(scopes, cast) == []


def test_nothing_of_a_letter_lies_open(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    write(scopes, seal, cast, path="/reset/secret-token")
    with scopes.open(cast.mercy_admin.actor) as scope:
        stored = scope.session.scalar(text("SELECT string_agg(m::text, '') FROM mails m"))
    assert stored
    for word in (TO, "Brief", "secret-token"):
        assert word not in stored
        assert word.encode().hex() not in stored


def test_a_letter_of_what_was_rolled_back_never_leaves(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    with pytest.raises(Conflict), scopes.open(cast.mercy_admin.actor) as scope:
        post(scope, seal, organisation_id=cast.mercy, to=TO, subject="x", text="x")
        raise Conflict("no")
    assert box.deliver() == 0


def test_a_busy_server_is_asked_again_later_with_the_same_message_id(
    box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast
) -> None:
    box.answers = ["451 try again"]
    write(scopes, seal, cast)
    assert box.deliver() == 0
    (mail,) = waiting(scopes, cast)
    assert mail.attempts == 1
    assert mail.last_error == "The mail server answered 451."
    assert mail.due_at == pytest.approx(mail.created_at + rules.FIRST_PAUSE, abs=timedelta(seconds=5))
    assert box.deliver() == 0, "it is not due yet"
    later(scopes, cast)
    assert box.deliver() == 1
    assert box.messages[0]["Message-ID"] == f"<{mail.id}@example.org>"


def test_a_server_that_is_away_stops_nothing(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast, app: Flask) -> None:
    write(scopes, seal, cast)
    box.smtp = Smtp("127.0.0.1", 9, "plain", "a@b.c", "", "")
    assert box.deliver() == 0
    assert "ConnectionRefusedError" in waiting(scopes, cast)[0].last_error


def test_what_the_server_never_takes_is_given_up_and_shown_to_the_administrator(
    box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast, browse: Callable[[Person | None], Browser]
) -> None:
    box.refused = frozenset({TO})
    write(scopes, seal, cast)
    write(scopes, seal, cast, to="other@hospital.example")
    assert box.deliver() == 1, "one that cannot be delivered stops no other"
    (mail,) = waiting(scopes, cast)
    assert mail.due_at is None
    shown = browse(cast.mercy_admin).get("/admin/users").text
    assert "The mail server refuses the recipient (550). 1 given up." in shown
    assert "does not get through" not in browse(cast.luke_admin).get("/admin/users").text


def test_after_two_days_it_is_forgotten(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    box.answers = ["451 try again"] * 2
    write(scopes, seal, cast)
    later(scopes, cast, by=rules.LIFE - timedelta(minutes=1))
    box.deliver()
    assert waiting(scopes, cast)[0].due_at is None
    later(scopes, cast, by=timedelta(hours=1))
    jobs.forget_old(scopes)
    assert waiting(scopes, cast) == []


def test_two_workers_send_it_once(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for _ in range(6):
        write(scopes, seal, cast)
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(lambda _turn: box.deliver(), range(2))) == 6
    assert len({message["Message-ID"] for message in box.messages}) == len(box.messages) == 6


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"RR_SMTP_HOST": "mail", "RR_SMTP_SECURITY": "ssl"}, "RR_SMTP_SECURITY"),
        ({"RR_SMTP_HOST": "mail", "RR_SMTP_PORT": "x"}, "RR_SMTP_PORT"),
        ({"RR_SMTP_HOST": "mail"}, "RR_SMTP_FROM"),
        ({"RR_SMTP_HOST": "mail", "RR_SMTP_FROM": "a@b.c", "RR_SMTP_USER": "me"}, "smtp_password"),
        ({"RR_SMTP_HOST": "mail", "RR_SMTP_FROM": "a@b.c", "RR_SMTP_AUTHORITY": "/nowhere.pem"}, "RR_SMTP_AUTHORITY"),
    ],
)
def test_half_a_mail_server_is_refused_at_start(app: Flask, given: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        Smtp.from_values(given, app.extensions["readingroom.settings"].secrets_dir)


def test_strangers_see_no_mail_of_another_organisation(box: LetterBox, scopes: Scopes, seal: Seal, cast: Cast) -> None:
    write(scopes, seal, cast)
    for who in (cast.strange_admin, cast.luke_admin, cast.nightowls_admin):
        with scopes.open(who.actor) as scope:
            assert scope.session.scalars(select(Mail)).all() == []
