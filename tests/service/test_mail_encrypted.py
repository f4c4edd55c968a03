"""Mail over TLS (RFC 8314) and STARTTLS (RFC 3207) to a real server: to who it must be, encrypted, or not at all."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from flask import Flask
from sqlalchemy import text

from sidecar.adapters.certificates import SERVER_LIFE, Pair, issue_server
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import platform_system
from sidecar.gate.scope import Scopes
from tests.cast import Cast
from tests.fakes.collectors import HOST, authority
from tests.service.letter_box import LetterBox, answer_guests, letter_box
from tests.service.test_mail import TO, waiting, write

WAYS = ("tls", "starttls")
USER, PASSWORD = "reading-room", "mail's own password"


@pytest.fixture(scope="module")
def signer() -> Pair:
    return authority()


@pytest.fixture
def quiet(app: Flask, scopes: Scopes) -> None:
    """What earlier tests left on its way is not this test's."""
    answer_guests(app)
    with scopes.open(platform_system()) as scope:
        scope.session.execute(text("DELETE FROM mails"))


@pytest.fixture
def trusted(signer: Pair, tmp_path: Path) -> str:
    file = tmp_path / "authority.pem"
    file.write_text(signer.certificate)
    return str(file)


class Listener:
    """Lets one user in, and keeps who tried and whether the line was encrypted then."""

    def __init__(self) -> None:
        self.tried: list[tuple[str, bool]] = []

    def __call__(self, server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword) -> AuthResult:
        self.tried.append((data.login.decode(), server.transport.get_extra_info("ssl_object") is not None))
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)  # what is not handled is answered with 535


@contextmanager
def server(
    app: Flask, way: str, pair: Pair, tmp_path: Path, trusted: str, listener: Listener | None = None
) -> Iterator[LetterBox]:
    """A mail server with this certificate, that takes nothing in the clear."""
    chain = tmp_path / "server.pem"
    chain.write_bytes(pair.certificate.encode() + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    asked = {"tls": {"ssl_context": context}, "starttls": {"tls_context": context, "require_starttls": True}}[way]
    by_starttls = way == "starttls"  # the only encryption that this server knows of, and so may ask for
    signing_in = {"authenticator": listener, "auth_required": by_starttls, "auth_require_tls": by_starttls} if listener else {}
    with letter_box(app, **asked, **signing_in) as box:
        user, password = (USER, PASSWORD) if listener else ("", "")
        box.smtp = replace(box.smtp, security=way, authority=trusted, user=user, password=password)
        yield box


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("way", WAYS)
def test_a_letter_arrives_encrypted_and_signed_in(
    way: str, app: Flask, scopes: Scopes, seal: Seal, cast: Cast, signer: Pair, tmp_path: Path, trusted: str
) -> None:
    listener = Listener()
    pair = issue_server(signer, HOST, now=datetime.now(UTC))
    write(scopes, seal, cast)
    write(scopes, seal, cast)
    with server(app, way, pair, tmp_path, trusted, listener) as box:
        assert box.deliver() == 2
        assert [each["To"] for each in box.messages] == [TO, TO]
    assert listener.tried == [(USER, True)], "one line, one sign-in, and encrypted before either"
    assert waiting(scopes, cast) == []


def other_authority(_signer: Pair) -> Pair:
    return issue_server(authority("Somebody else"), HOST, now=datetime.now(UTC))


def other_host(signer: Pair) -> Pair:
    return issue_server(signer, "mail.elsewhere.example", now=datetime.now(UTC))


def run_out(signer: Pair) -> Pair:
    return issue_server(signer, HOST, now=datetime.now(UTC) - SERVER_LIFE - timedelta(days=1))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", [other_authority, other_host, run_out])
def test_who_proves_to_be_another_is_told_nothing_and_the_letter_waits(
    way: str, wrong: type, app: Flask, scopes: Scopes, seal: Seal, cast: Cast, signer: Pair, tmp_path: Path, trusted: str
) -> None:
    listener = Listener()
    write(scopes, seal, cast)
    with server(app, way, wrong(signer), tmp_path, trusted, listener) as box:
        assert box.deliver() == 0
        assert (box.messages, listener.tried) == ([], []), "neither letter nor password"
    (mail,) = waiting(scopes, cast)
    assert mail.last_error.startswith("The mail server's certificate is not trusted: ")
    assert mail.due_at is not None, "it is tried again"


@pytest.mark.usefixtures("quiet")
def test_a_server_without_starttls_gets_nothing_in_the_clear(
    app: Flask, scopes: Scopes, seal: Seal, cast: Cast, trusted: str
) -> None:
    """As somebody on the line would strip the offer (RFC 3207 section 6)."""
    write(scopes, seal, cast)
    with letter_box(app) as box:
        box.smtp = replace(box.smtp, security="starttls", authority=trusted)
        assert box.deliver() == 0
        assert box.messages == []
    (mail,) = waiting(scopes, cast)
    assert "does not offer" in mail.last_error
    assert mail.due_at is not None


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_password_is_tried_once_a_round_and_all_letters_wait(
    way: str, app: Flask, scopes: Scopes, seal: Seal, cast: Cast, signer: Pair, tmp_path: Path, trusted: str
) -> None:
    listener = Listener()
    for _ in range(3):
        write(scopes, seal, cast)
    with server(app, way, issue_server(signer, HOST, now=datetime.now(UTC)), tmp_path, trusted, listener) as box:
        box.smtp = replace(box.smtp, password="not it")
        assert box.deliver() == 0
        assert box.messages == []
    assert len(listener.tried) <= 2, "a round tries once (with two mechanisms at most), not once for each letter"
    left = waiting(scopes, cast)
    assert {mail.last_error for mail in left} == {"The mail server refuses the user or password it was given (535)."}
    assert all(mail.due_at is not None for mail in left), "whoever mends the password gets all of them delivered"
