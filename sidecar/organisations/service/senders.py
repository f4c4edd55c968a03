"""Senders: which AE title may send to the own cell, and from where."""

from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError

from sidecar.gate.scope import Scope
from sidecar.organisations import queries, rules
from sidecar.organisations.errors import Taken
from sidecar.organisations.events import SenderAdded, SenderChanged, SenderRemoved
from sidecar.organisations.service.cells import bump_policy
from sidecar.organisations.service.refusals import forget_admitted
from sidecar.organisations.tables import Sender


def add_sender(scope: Scope, *, aet: str, network: str, description: str = "") -> Sender:
    """Register a sender; refusals that it explains are forgotten. Raises Invalid, Taken, Missing (no cell)."""
    queries.own_cell(scope)
    sender = Sender(organisation_id=scope.organisation_id, id=uuid4(), created_at=scope.now)
    _write(scope, sender, rules.ae_title(aet), rules.network(network), description)
    scope.emit(SenderAdded(organisation_id=sender.organisation_id, sender_id=sender.id, aet=sender.aet, network=sender.network))
    return sender


def register_refused(scope: Scope, *, aet: str, address: str, description: str = "") -> Sender:
    """Register a refused caller from exactly the address it called from."""
    return add_sender(scope, aet=aet, network=rules.network_of(address), description=description)


def change_sender(scope: Scope, sender_id: UUID, *, aet: str, network: str, description: str) -> Sender:
    """Edit a sender. Raises Invalid, Taken, Missing."""
    sender = queries.sender(scope, sender_id)
    _write(scope, sender, rules.ae_title(aet), rules.network(network), description)
    scope.emit(SenderChanged(organisation_id=sender.organisation_id, sender_id=sender.id, aet=sender.aet, network=sender.network))
    return sender


def remove_sender(scope: Scope, sender_id: UUID) -> Sender:
    """Refuse a sender from now on; what it sent stays. Returns it as it was, so that it can be added again."""
    sender = queries.sender(scope, sender_id)
    scope.session.delete(sender)
    scope.session.flush()
    bump_policy(scope)
    scope.emit(SenderRemoved(organisation_id=sender.organisation_id, sender_id=sender.id, aet=sender.aet, network=sender.network))
    return sender


def _write(scope: Scope, sender: Sender, aet: str, network: str, description: str) -> None:
    """Store the row; the database's own uniqueness decides, so that two who add the same at once cannot both."""
    try:
        with scope.session.begin_nested():
            sender.aet, sender.network, sender.description = aet, network, description
            scope.session.add(sender)
    except IntegrityError:
        raise Taken("network", f"{aet} is already registered from {network}.") from None
    bump_policy(scope)
    forget_admitted(scope, aet=aet, network=network)
