"""What somebody may do who is not signed in: register, show that an address is theirs, ask for a new password, choose it.

Each step opens the walls it needs and no more: first those of the one row that a code, an address or a link names, then those of
the organisation it belongs to. Whether an address has an account is not looked up here at all (see ``asked``): known and unknown
ones get one answer for one and the same work.
"""

from contextlib import AbstractContextManager
from typing import cast
from uuid import UUID

from flask import current_app, request
from redis import Redis

from sidecar.accounts import asked, codes, identity, links, registration, reset, rules
from sidecar.accounts.asked import Asked
from sidecar.accounts.links import Purpose
from sidecar.accounts.office import Office
from sidecar.adapters.seals import Seal
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
    address, person = _address(email), _person(name)
    if len(person) > LONGEST_NAME:
        raise Invalid("Write your name, as it shall stand under reports.")
    with _open(NOBODY, login=codes.normal(code)) as asking:
        organisation_id = codes.organisation_of(asking, code)
    with _open(_within(organisation_id)) as scope:
        house = registration.organisation_name(scope, organisation_id)
    kept = registration.check(email=address, name=person, house=house, password=password)
    _ask(Asked(address, *_door(), str(organisation_id), person, kept.hash, kept.pepper))


def forgot(*, email: str) -> None:
    """Ask for a link to every account with this address. Raises nothing: whether there is one is looked up later."""
    _ask(Asked(email.strip().lower(), *_door()))


def _ask(wish: Asked) -> None:
    here = office()
    asked.put(here.redis, here.seal, wish)


def _door() -> tuple[str, str]:
    return request_id(), request.remote_addr or ""


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


def _person(name: str) -> str:
    try:
        return rules.person_name(name)
    except ValueError as fault:
        raise Invalid(str(fault)) from fault


def _address(email: str) -> str:
    try:
        return rules.email_address(email.strip().lower())
    except ValueError as fault:
        raise Invalid(str(fault)) from fault
