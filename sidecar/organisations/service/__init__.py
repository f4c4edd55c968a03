"""Everything that changes organisations: tenants, their cells, their senders, their contracts."""

from sidecar.organisations.service.cells import bump_policy, record_cell, want_cell
from sidecar.organisations.service.contracts import create_contract, end_contract
from sidecar.organisations.service.refusals import dismiss_refusal, record_refusal
from sidecar.organisations.service.senders import add_sender, change_sender, register_refused, remove_sender
from sidecar.organisations.service.tenants import add_hospital, change_organisation, create_organisation

__all__ = [
    "add_hospital",
    "add_sender",
    "bump_policy",
    "change_organisation",
    "change_sender",
    "create_contract",
    "create_organisation",
    "dismiss_refusal",
    "end_contract",
    "record_cell",
    "record_refusal",
    "register_refused",
    "remove_sender",
    "want_cell",
]
