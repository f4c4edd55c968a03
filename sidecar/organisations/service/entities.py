"""Application entities: which AE title may ask what of the own cell, from where, and where we reach it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from sidecar.gate.scope import Scope
from sidecar.organisations import queries, rules
from sidecar.organisations.errors import Taken
from sidecar.organisations.events import EntityAdded, EntityChanged, EntityRemoved
from sidecar.organisations.model import SENDS, Service
from sidecar.organisations.service.cells import bump_policy
from sidecar.organisations.service.refusals import forget_explained
from sidecar.organisations.tables import ApplicationEntity, ClientCertificate


def add_entity(  # noqa: PLR0913 - one form
    scope: Scope,
    *,
    aet: str,
    networks: Sequence[str] = (),
    services: Sequence[str] = SENDS,
    host: str = "",
    port: int = 0,
    description: str = "",
) -> ApplicationEntity:
    """Register an AE title; refusals that it explains are forgotten. Raises Invalid, Unfit, Taken, Missing (no cell)."""
    queries.own_cell(scope)
    entity = ApplicationEntity(organisation_id=scope.organisation_id, id=uuid4(), created_at=scope.now)
    _write(scope, entity, aet=aet, networks=networks, services=services, host=host, port=port, description=description)
    scope.emit(EntityAdded(**_said(entity)))
    return entity


def add_sender(scope: Scope, *, aet: str, network: str, description: str = "") -> ApplicationEntity:
    """Let an AE title send (C-ECHO, C-STORE) from a network; a title that is known may call from there too. Raises Invalid."""
    known = scope.session.scalar(select(ApplicationEntity).where(ApplicationEntity.aet == rules.ae_title(aet)))
    if known is None:
        return add_entity(scope, aet=aet, networks=[network], description=description)
    found = rules.network(network)
    if found in known.networks:
        return known
    return _rewrite(scope, known, networks=[*known.networks, found])


def narrow_entity(scope: Scope, entity_id: UUID, *, network: str) -> ApplicationEntity:
    """Take back one of the networks an AE title may call from. Raises Missing, and Unfit where nothing would be left."""
    entity = queries.entity(scope, entity_id)
    return _rewrite(scope, entity, networks=[each for each in entity.networks if each != rules.network(network)])


def change_entity(  # noqa: PLR0913 - one form
    scope: Scope,
    entity_id: UUID,
    *,
    aet: str,
    networks: Sequence[str],
    services: Sequence[str],
    host: str,
    port: int,
    description: str,
) -> ApplicationEntity:
    """Edit an AE title; its certificates go along when it is renamed. Raises Invalid, Unfit, Taken, Missing."""
    entity = queries.entity(scope, entity_id)
    before = entity.aet
    _write(scope, entity, aet=aet, networks=networks, services=services, host=host, port=port, description=description)
    if entity.aet != before:
        scope.session.execute(update(ClientCertificate).where(ClientCertificate.aet == before).values(aet=entity.aet))
    scope.emit(EntityChanged(**_said(entity)))
    return entity


def remove_entity(scope: Scope, entity_id: UUID) -> ApplicationEntity:
    """Refuse an AE title from now on; what it sent stays. Returns it as it was, so that it can be added again."""
    entity = queries.entity(scope, entity_id)
    scope.session.delete(entity)
    scope.session.flush()
    bump_policy(scope)
    scope.emit(EntityRemoved(**_said(entity)))
    return entity


def _rewrite(scope: Scope, entity: ApplicationEntity, *, networks: Sequence[str]) -> ApplicationEntity:
    kept = {name: getattr(entity, name) for name in ("aet", "services", "host", "port", "description")}
    return change_entity(scope, entity.id, networks=networks, **kept)


def _write(  # noqa: PLR0913 - the row's fields
    scope: Scope,
    entity: ApplicationEntity,
    *,
    aet: str,
    networks: Sequence[str],
    services: Sequence[str],
    host: str,
    port: int,
    description: str,
) -> None:
    """Store the row; the database's own uniqueness decides, so that two who add the same at once cannot both."""
    title = rules.ae_title(aet)
    reached = rules.host_name(host)
    whence = [rules.network(each) for each in networks]
    may = [each.value for each in Service if each in set(services)]
    rules.require_use(whence, may, reached)
    rules.require_port(reached, port)
    try:
        with scope.session.begin_nested():
            entity.aet, entity.networks, entity.services = title, whence, may
            entity.host, entity.port, entity.description = reached, port if reached else 0, description
            scope.session.add(entity)
    except IntegrityError:
        raise Taken("aet", f"{title} is registered already. Edit that entry instead.") from None
    bump_policy(scope)
    forget_explained(scope, entity)


def _said(entity: ApplicationEntity) -> dict[str, Any]:
    return {
        "organisation_id": entity.organisation_id,
        "entity_id": entity.id,
        "aet": entity.aet,
        "networks": ", ".join(entity.networks),
        "services": ", ".join(entity.services),
        "node": f"{entity.host}:{entity.port}" if entity.host else "",
    }
