"""What the worker does for accounts: answer guests (look the address up, and write to it), and forget what ended long ago."""

from uuid import UUID

from sidecar.accounts import asked, registration, reset, visits
from sidecar.accounts.asked import Asked
from sidecar.accounts.forgetting import forget_ended
from sidecar.accounts.office import Office
from sidecar.accounts.passwords import Kept
from sidecar.gate.actor import NOBODY, Actor, system_actor
from sidecar.gate.machine import Workshop, everybody
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.mail.service import configured


def answer_guests(workshop: Workshop) -> None:
    """Answer whoever asked since the last tick."""
    answer_all(workshop.scopes, Office(workshop.seal, workshop.redis, configured(workshop.settings)))


def forget(workshop: Workshop) -> None:
    """Delete what ended long ago, organisation by organisation, and open sessions' names that outlived them."""
    for organisation_id in everybody(workshop.scopes):
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            forget_ended(scope, mails=configured(workshop.settings))
    visits.forget_gone(workshop.redis, now=utc_now())


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
    with scopes.open(NOBODY, login=scopes.lookup.of(each.email)) as asking:
        found = reset.accounts_of(asking, each.email)
    for organisation_id, user_id in found:
        inside = Actor(None, organisation_id, None, None)
        with scopes.open(inside, request_id=each.request_id, address=each.address) as scope:
            reset.send(scope, office, user_id)
