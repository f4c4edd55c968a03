"""What the worker does for guests: look the address up, and write to it."""

from uuid import UUID

from sidecar.accounts import asked, registration, reset
from sidecar.accounts.asked import Asked
from sidecar.accounts.office import Office
from sidecar.accounts.passwords import Kept
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.mail.service import configured


def answer_guests(workshop: Workshop) -> None:
    """Answer whoever asked since the last tick."""
    answer_all(workshop.scopes, Office(workshop.seal, workshop.redis, configured(workshop.settings)))


def answer_all(scopes: Scopes, office: Office) -> None:
    """Answer everybody who waits, each in transactions of their own."""
    for each in asked.take_all(office.redis, office.seal):
        if each.organisation_id:
            _register(scopes, office, each)
        else:
            _send_links(scopes, office, each)


def _register(scopes: Scopes, office: Office, each: Asked) -> None:
    inside = Actor(None, UUID(each.organisation_id), None, None)
    with scopes.open(inside, request_id=each.request_id, address=each.address) as scope:
        kept = Kept(each.password_hash, each.password_pepper)
        registration.ask(scope, office, email=each.email, name=each.name, kept=kept)


def _send_links(scopes: Scopes, office: Office, each: Asked) -> None:
    with scopes.open(NOBODY, login=each.email) as asking:
        found = reset.accounts_of(asking, each.email)
    for organisation_id, user_id in found:
        inside = Actor(None, organisation_id, None, None)
        with scopes.open(inside, request_id=each.request_id, address=each.address) as scope:
            reset.send(scope, office, user_id)
