"""What somebody may do who is not signed in: register, show that an address is theirs, ask for a new password, choose it.

Each step opens the walls it needs and no more: first those of the one row that a code, an address or a link names, then those of
the organisation it belongs to. Known and unknown addresses get one answer, after one and the same time.
"""

from contextlib import AbstractContextManager
from typing import cast
from uuid import UUID

from flask import current_app, request
from redis import Redis

from sidecar.accounts import codes, identity, links, registration, reset, rules
from sidecar.accounts.links import Purpose
from sidecar.accounts.office import Office
from sidecar.adapters.seals import Seal
from sidecar.gate import pace
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.http import request_id, scopes
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.mail.service import configured

LONGEST_NAME = 120


def office() -> Office:
    """Return this application's office."""
    found = current_app.extensions
    mails = configured(found["readingroom.settings"])
    return Office(cast("Seal", found["readingroom.seal"]), cast("Redis", found["readingroom.redis"]), mails)


def register(*, code: str, email: str, name: str, password: str) -> None:
    """Ask for an account; the next step comes by mail. Raises Invalid for a bad password, address, name or code."""
    with pace.evenly():
        address, person = _address(email), " ".join(name.split())
        if not 0 < len(person) <= LONGEST_NAME:
            raise Invalid("Write your name, as it shall stand under reports.")
        kept = registration.check(email=address, name=person, password=password)
        with _open(NOBODY, login=codes.normal(code)) as asking:
            organisation_id = codes.organisation_of(asking, code)
        with _open(_within(organisation_id)) as scope:
            registration.ask(scope, office(), email=address, name=person, kept=kept)


def forgot(*, email: str) -> None:
    """Send a link to every account with this address; to none when there is none. Raises nothing that tells which."""
    with pace.evenly():
        address = email.strip().lower()
        with _open(NOBODY, login=address) as asking:
            found = reset.accounts_of(asking, address)
        for organisation_id, user_id in found:
            with _open(_within(organisation_id)) as scope:
                reset.send(scope, office(), user_id)


def purpose_of(token: str) -> Purpose:
    """Return what a link is good for, without using it; Missing for one that opens nothing."""
    with _open(NOBODY, login=links.hash_of(token)) as asking:
        return Purpose(links.find(asking, token, *Purpose).purpose)


def reset_password(*, token: str, password: str) -> None:
    """Choose a new password by a link. Raises Missing for one that opens nothing, Invalid for a bad password."""
    owner = _owner(token, Purpose.RESET)
    with _open(owner) as scope:
        reset.choose(scope, office(), token=token, password=password)


def verify(token: str) -> Purpose:
    """Use up a link that proves an address: a newcomer's, or a member's new one. Raises Missing."""
    owner = _owner(token, Purpose.REGISTRATION, Purpose.EMAIL)
    with _open(owner) as scope:
        link = links.use(scope, token, Purpose.REGISTRATION, Purpose.EMAIL)
        if link.purpose == Purpose.EMAIL:
            identity.confirm_address(scope, office(), link)
        else:
            registration.verify(scope, link.subject_id)
        return Purpose(link.purpose)


def _owner(token: str, *purposes: Purpose) -> Actor:
    """Return whom a link lets act: its person, or, for a newcomer, nobody inside the organisation."""
    with _open(NOBODY, login=links.hash_of(token)) as asking:
        link = links.find(asking, token, *purposes)
    if link.purpose == Purpose.REGISTRATION:
        return _within(link.organisation_id)
    return Actor(link.subject_id, link.organisation_id, None, None)


def _within(organisation_id: UUID) -> Actor:
    return Actor(None, organisation_id, None, None)


def _open(actor: Actor, *, login: str = "") -> AbstractContextManager[Scope]:
    return scopes().open(actor, login=login, request_id=request_id(), address=request.remote_addr or "")


def _address(email: str) -> str:
    try:
        return rules.email_address(email.strip().lower())
    except ValueError as fault:
        raise Invalid(str(fault)) from fault
