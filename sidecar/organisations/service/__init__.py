"""Everything that changes organisations: tenants, their cells, their application entities, certificates, contracts."""

from sidecar.organisations.service.associations import prune_associations, record_association
from sidecar.organisations.service.cells import bump_policy, choose_character_set, give_ports, record_cell, want_cell
from sidecar.organisations.service.certificates import (
    Issued,
    authority,
    issue_certificate,
    renew_certificate,
    restore_certificate,
    revoke_certificate,
    set_plain_port,
    tls_files,
    without_certificate,
)
from sidecar.organisations.service.contracts import create_contract, end_contract, set_terms
from sidecar.organisations.service.entities import add_entity, add_sender, change_entity, narrow_entity, remove_entity
from sidecar.organisations.service.refusals import dismiss_refusal, record_refusal
from sidecar.organisations.service.tenants import add_hospital, change_organisation, create_organisation
from sidecar.organisations.service.trials import Trial, try_node

__all__ = [
    "Issued",
    "Trial",
    "add_entity",
    "add_hospital",
    "add_sender",
    "authority",
    "bump_policy",
    "change_entity",
    "change_organisation",
    "choose_character_set",
    "create_contract",
    "create_organisation",
    "dismiss_refusal",
    "end_contract",
    "give_ports",
    "issue_certificate",
    "narrow_entity",
    "prune_associations",
    "record_association",
    "record_cell",
    "record_refusal",
    "remove_entity",
    "renew_certificate",
    "restore_certificate",
    "revoke_certificate",
    "set_plain_port",
    "set_terms",
    "tls_files",
    "try_node",
    "want_cell",
    "without_certificate",
]
