"""Links somebody is sent: 256 random bits, kept as a hash, good once and for a while, for one purpose and one person."""

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, select

from sidecar.accounts import addresses
from sidecar.accounts.member_tables import AccountToken
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing


class Purpose(StrEnum):
    """What a link is good for, and for nothing else."""

    REGISTRATION = "registration"
    EMAIL = "e-mail"
    RESET = "reset"


LIFE = {Purpose.REGISTRATION: timedelta(days=1), Purpose.EMAIL: timedelta(hours=2), Purpose.RESET: timedelta(minutes=30)}
SPENT = "This link was used already, or has run out, or a newer one was sent. Ask for a new one."


def hash_of(token: str) -> str:
    """Return what is stored of a link; a scope opened with ``login=`` this sees whose it is."""
    return "link:" + hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def make(  # noqa: PLR0913 - what a link is
    scope: Scope, seal: Seal, *, organisation_id: UUID, purpose: Purpose, subject_id: UUID, email: str
) -> str:
    """Return the token of a new link; earlier ones of the same person for the same purpose open nothing any more."""
    withdraw(scope, subject_id, purpose)
    token = secrets.token_urlsafe(32)
    link = AccountToken(
        organisation_id=organisation_id,
        hash=hash_of(token),
        purpose=purpose.value,
        subject_id=subject_id,
        expires_at=scope.now + LIFE[purpose],
    )
    link.email_sealed = addresses.sealed(scope, seal, link, email)
    scope.session.add(link)
    scope.session.flush()
    return token


def withdraw(scope: Scope, subject_id: UUID, *purposes: Purpose) -> None:
    """Make the links of a person worthless: those for these purposes, or all."""
    named = [each.value for each in purposes or Purpose]
    scope.session.execute(
        delete(AccountToken).where(AccountToken.subject_id == subject_id, AccountToken.purpose.in_(named)),
        execution_options={"synchronize_session": False},
    )


def find(scope: Scope, token: str, *purposes: Purpose) -> AccountToken:
    """Return what a link is about, without using it up; Missing says what to do about one that opens nothing."""
    row = scope.session.scalar(select(AccountToken).where(AccountToken.hash == hash_of(token)))
    if row is None or row.expires_at <= scope.now or row.purpose not in purposes:
        raise Missing(SPENT)
    return row


def use(scope: Scope, token: str, *purposes: Purpose) -> AccountToken:
    """Use a link up: returns for exactly one of those who come at once; Missing for all others."""
    found = find(scope, token, *purposes)
    taken = scope.session.execute(
        delete(AccountToken).where(AccountToken.hash == found.hash).returning(AccountToken.hash),
        execution_options={"synchronize_session": False},
    ).all()
    if not taken:
        raise Missing(SPENT)
    return found
