"""Who opened an earlier version of a report, and who of them has seen the newest: a part of the hospital's page of the report."""

from dataclasses import replace
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from sidecar.accounts import asking
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.organisations.tables import Organisation
from sidecar.reports import queries
from sidecar.sharing import links, readings
from sidecar.sharing.readings import Reader
from sidecar.sharing.tables import ShareLink
from sidecar.sharing.web.blueprint import bp


@route(bp, "/reports/<uuid:report_id>/readers", needs=Permission.SHARE_MANAGE)
def readers(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """Show them to those of the owner who decide who sees a study; to others the report has no such page."""
    report = queries.get(scope, report_id)
    if report.organisation_id != scope.organisation_id:
        raise Missing
    newest = queries.versions(scope, report_id)[0]
    found = readings.of_earlier(scope, report, newest)
    return render_template(
        "_report_readers.html",
        newest=newest.version,
        readers=[_named(scope, each) for each in found],
        houses=_houses(scope, {each.organisation_id for each in found if each.organisation_id} - {scope.organisation_id}),
        told=readings.told(scope, report, newest.version),
    )


def _named(scope: Scope, reader: Reader) -> Reader:
    """Put for whom a link was made in the place of a name."""
    if reader.organisation_id:
        return reader
    link: ShareLink = scope.one(select(ShareLink).where(ShareLink.id == reader.id))
    return replace(reader, name=links.recipient_of(scope, asking.seal(), link))


def _houses(scope: Scope, ids: set[UUID]) -> dict[UUID, str]:
    """Return the names of the organisations that readers of elsewhere belong to."""
    if not ids:
        return {}
    found = scope.session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids)))
    return {row.id: row.name for row in found}
