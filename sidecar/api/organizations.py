"""JSON: ``/api/organizations``: one's own and those one has a contract with; for the platform all, and making them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from flask import Blueprint, current_app
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import select

from sidecar.gate import api
from sidecar.gate.actor import OrganisationKind
from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Paging, Shown, Told
from sidecar.gate.scope import Scope
from sidecar.gate.zones import known_zones
from sidecar.organisations import queries, service
from sidecar.organisations.model import Places
from sidecar.organisations.tables import Organisation

bp = Blueprint("api_organizations", __name__)


def _zone(name: str) -> str:
    if name not in known_zones():
        raise ValueError("Write a time zone such as Europe/Berlin or America/New_York.")
    return name


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Zone = Annotated[str, AfterValidator(_zone), Field(description="An IANA time zone, such as Europe/Berlin.")]
Letterhead = Annotated[str, Field(max_length=1000, description="Printed on its reports.")]


class OrganizationShown(Shown):
    """An organisation: a hospital (provider), a reading group, or the platform."""

    id: UUID
    kind: OrganisationKind
    name: str
    zone: str
    letterhead: str
    created_at: datetime


class OrganizationAnswer(Told):
    """One organisation."""

    organization: OrganizationShown


class OrganizationsAsked(Paging):
    """Which organisations."""

    kind: OrganisationKind | None = None


class OrganizationsAnswer(Told):
    """A page of organisations, the newest first; ``next`` is the cursor of the following one."""

    organizations: list[OrganizationShown]
    next: str | None


class OrganizationChange(Asked):
    """What may be changed of an organisation; signed reports keep what was printed on them."""

    name: Name
    zone: Zone
    letterhead: Letterhead


class NewOrganization(Asked):
    """A new one. A provider gets its archive with it."""

    kind: Annotated[OrganisationKind, Field(json_schema_extra={"enum": ["provider", "reading_group"]})]
    name: Name
    zone: Zone = "UTC"
    letterhead: Letterhead = ""


def _shown(found: Organisation) -> OrganizationShown:
    return OrganizationShown.model_validate(found)


@api.route(bp, "/api/organizations", needs=Permission.CONTRACT_READ, query=OrganizationsAsked, answer=OrganizationsAnswer)
def list_organizations(scope: Scope, query: OrganizationsAsked) -> OrganizationsAnswer:
    """List the organisations you may see."""
    wanted = select(Organisation)
    wanted = wanted.where(Organisation.kind == query.kind) if query.kind else wanted
    found = scope.session.scalars(newest_first(wanted, query, Organisation.created_at, Organisation.id)).all()
    rows, following = cut(query, found, lambda each: After(each.created_at, each.id))
    return OrganizationsAnswer(organizations=[_shown(each) for each in rows], next=following)


@api.route(bp, "/api/organizations/<uuid:organisation_id>", needs=Permission.CONTRACT_READ, answer=OrganizationAnswer, etag=True)
def show_organization(scope: Scope, organisation_id: UUID) -> OrganizationAnswer:
    """Show one."""
    return OrganizationAnswer(organization=_shown(queries.organisation(scope, organisation_id).organisation))


@api.route(
    bp,
    "/api/organizations",
    needs=Permission.ORGANISATION_MANAGE,
    methods=("POST",),
    body=NewOrganization,
    answer=OrganizationAnswer,
    status=201,
    idempotent=True,
)
def add_organization(scope: Scope, body: NewOrganization) -> OrganizationAnswer:
    """Add a hospital with its archive, or a reading group."""
    facts = body.model_dump(exclude={"kind"})
    if body.kind is OrganisationKind.PROVIDER:
        places = Places.of(current_app.extensions["readingroom.settings"])
        made = service.add_hospital(scope, **facts, places=places).organisation_id
    else:
        made = service.create_organisation(scope, kind=body.kind, **facts).id
    return show_organization(scope, made)


@api.route(
    bp,
    "/api/organizations/<uuid:organisation_id>",
    needs=Permission.ORGANISATION_MANAGE,
    methods=("PUT",),
    body=OrganizationChange,
    answer=OrganizationAnswer,
    etag=show_organization,
)
def change_organization(scope: Scope, organisation_id: UUID, body: OrganizationChange) -> OrganizationAnswer:
    """Change name, time zone and letterhead."""
    service.change_organisation(scope, organisation_id, **body.model_dump())
    return show_organization(scope, organisation_id)
