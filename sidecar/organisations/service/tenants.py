"""Tenants: creating organisations, and hospitals with their cell."""

from collections.abc import Callable
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.adapters.listening import port_is_free
from sidecar.gate.actor import OrganisationKind
from sidecar.gate.scope import Scope
from sidecar.organisations import policy, rules
from sidecar.organisations.errors import Taken
from sidecar.organisations.events import CellWanted, OrganisationChanged, OrganisationCreated
from sidecar.organisations.model import Places, Wanted
from sidecar.organisations.service.cells import ONE_AT_A_TIME, ports_of
from sidecar.organisations.tables import Cell, Organisation


def create_organisation(
    scope: Scope, *, kind: OrganisationKind, name: str, zone: str = "UTC", letterhead: str = ""
) -> Organisation:
    """Create a tenant; raise Taken when the name is another's."""
    policy.require_platform(scope.actor)
    _require_free_name(scope, name, of=None)
    created = Organisation(id=uuid4(), kind=kind.value, name=name, zone=zone, letterhead=letterhead, created_at=scope.now)
    scope.session.add(created)
    scope.session.flush()
    scope.emit(OrganisationCreated(organisation_id=created.id, organisation_kind=kind.value))
    return created


def change_organisation(scope: Scope, organisation_id: UUID, *, name: str, zone: str, letterhead: str) -> Organisation:
    """Edit a tenant's name, zone and letterhead; signed reports keep what was printed on them."""
    policy.require_platform(scope.actor)
    found: Organisation = scope.one(select(Organisation).where(Organisation.id == organisation_id))
    _require_free_name(scope, name, of=organisation_id)
    if (found.name, found.zone, found.letterhead) != (name, zone, letterhead):
        found.name, found.zone, found.letterhead = name, zone, letterhead
        scope.session.flush()
        scope.emit(OrganisationChanged(organisation_id=organisation_id))
    return found


def add_hospital(  # noqa: PLR0913 - one form
    scope: Scope,
    *,
    name: str,
    places: Places,
    zone: str = "UTC",
    letterhead: str = "",
    aet: str = "",
    free: Callable[[int], bool] = port_is_free,
) -> Cell:
    """Create a provider and the cell it will own for good, in one transaction. The worker brings the cell up.

    ``aet`` is the cell's AE title; left empty, it is made from the name. Raises Taken (name, aet) and Conflict (no port).
    """
    policy.require_platform(scope.actor)
    scope.session.execute(ONE_AT_A_TIME)
    cells = list(scope.session.scalars(select(Cell)))
    titles, ports = {each.aet for each in cells}, ports_of(cells)
    if aet and rules.ae_title(aet) in titles:
        raise Taken("aet", "Another hospital's cell has this AE title; two alike are easily confused.")
    owner = create_organisation(scope, kind=OrganisationKind.PROVIDER, name=name, zone=zone, letterhead=letterhead)
    cell = Cell(
        organisation_id=owner.id,
        id=uuid4(),
        aet=rules.ae_title(aet) if aet else rules.derive_aet(name, titles),
        dicom_port=rules.choose_port(places.dicom, ports, free),
        http_port=rules.choose_port(places.http, ports, free),
        inner_dicom_port=rules.choose_port(places.inner_dicom, ports, free),
        dicom_tls_port=rules.choose_port(places.dicom_tls, ports, free),
        policy_revision=1,
        created_at=scope.now,
    )
    scope.session.add(cell)
    scope.session.flush()
    scope.emit(CellWanted(organisation_id=owner.id, cell_id=cell.id, wanted=Wanted.RUNNING.value))
    return cell


def _require_free_name(scope: Scope, name: str, *, of: UUID | None) -> None:
    other = scope.session.scalar(select(Organisation.id).where(Organisation.name == name))
    if other not in {None, of}:
        raise Taken("name", f"There is already an organisation called {name}.")
