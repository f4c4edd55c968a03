"""Reading the list. The walls give each organisation its own; nothing here names one.

**Changes without gaps.** Every study bears the id of the transaction that touched it last. A question for changes first asks
Postgres for the oldest transaction still running (``pg_snapshot_xmin``), then reads the rows touched at or after the cursor, and
hands that oldest id out as the next cursor. What a running transaction will yet commit bears an id not below it, so the next
question finds it, whenever it commits; what is found twice does no harm.
"""

from typing import Any

from sqlalchemy import Select, Text, and_, cast, func, select, text
from sqlalchemy.orm import aliased

from sidecar.gate.scope import Scope
from sidecar.organisations.tables import Organisation
from sidecar.studies.deletion import seeing_deleted
from sidecar.studies.tables import Study
from sidecar.worklist import columns
from sidecar.worklist.model import Changes, Direction, Filters, Found, Listing, View, Viewer

SHOWN = 200
"""Rows of one list: more than anybody reads in one night; the search narrows the rest."""
CHANGED = 500
"""Changed rows in one answer. Not below what one transaction may touch (``studies.service.BATCH``)."""
OLDEST_RUNNING = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")


def listing(scope: Scope, filters: Filters, viewer: Viewer, *, limit: int = SHOWN) -> Listing:
    """Return the first rows of the list in its order, how many there are in all, and the cursor to ask for changes with."""
    cursor = scope.session.scalars(OLDEST_RUNNING).one()
    belongs = columns.belongs(filters, viewer)
    sort = columns.order(filters.sort)
    rows = scope.session.execute(
        _rows(filters, func.count().over())
        .where(belongs)
        .order_by(sort.desc() if filters.direction is Direction.DESC else sort)
        .limit(limit)
    ).all()
    found = [Found(study, site, priors, key) for study, site, priors, key, _total in rows]
    return Listing(found, rows[0][-1] if rows else 0, cursor)


def changes(scope: Scope, filters: Filters, viewer: Viewer, *, since: int, limit: int = CHANGED) -> Changes:
    """Return what was touched since the cursor, oldest first; what is no longer in this list comes as gone.

    The view of what is due soon gains rows by the clock alone, so all that is in it comes each time.
    """
    cursor = scope.session.scalars(OLDEST_RUNNING).one()
    belongs = and_(columns.belongs(filters, viewer), Study.deleted_at.is_(None))
    touched = Study.changed_xid >= since
    with seeing_deleted(scope):  # to say of them that they are gone
        rows = scope.session.execute(
            _rows(filters, belongs.label("belongs"))
            .where(touched | belongs if filters.view is View.SOON else touched)
            .order_by(Study.changed_xid)
            .limit(limit)
        ).all()
    found = [Found(study, site, priors, key, gone=not there) for study, site, priors, key, there in rows]
    if len(found) == limit and found[-1].study.changed_xid > since:
        return Changes(found, min(cursor, found[-1].study.changed_xid), more=found[-1].study.changed_xid < cursor)
    return Changes(found, cursor)


def one(scope: Scope, study: Study, filters: Filters) -> Found:
    """Return one study as a row of the list: the answer to something done to it."""
    row = scope.session.execute(
        _rows(filters, Study.id).where(Study.organisation_id == study.organisation_id, Study.id == study.id)
    ).one()
    return Found(*row[:4])


def counts(scope: Scope, viewer: Viewer) -> dict[View, int]:
    """Return how many studies each saved view holds, in one reading."""
    wanted = [func.count().filter(columns.in_view(view, viewer)).label(view.value) for view in View]
    worth_counting = columns.in_view(View.OPEN, viewer) | columns.in_view(View.ARRIVING, viewer)
    row = scope.session.execute(select(*wanted).where(worth_counting | columns.in_view(View.SIGNED, viewer))).one()
    return dict(zip(View, row, strict=True))


def modalities(scope: Scope, viewer: Viewer) -> list[str]:
    """Return the modalities among open studies."""
    each = func.unnest(Study.modalities_in_study)
    found = select(each.label("modality")).where(columns.in_view(View.OPEN, viewer)).distinct().order_by("modality")
    return list(scope.session.scalars(found))


def sites(scope: Scope, viewer: Viewer) -> list[tuple[str, str]]:
    """Return (id, name) of the owners of open studies."""
    owners = select(Study.organisation_id).where(columns.in_view(View.OPEN, viewer))
    found = select(cast(Organisation.id, Text), Organisation.name).where(Organisation.id.in_(owners)).order_by(Organisation.name)
    return [(key, name) for key, name in scope.session.execute(found)]


def _rows(filters: Filters, extra: Any) -> Select[Any]:
    """Select study, site, number of priors the caller may see, sort key, and one thing more."""
    prior = aliased(Study)
    priors = (
        select(func.count())
        .where(
            prior.organisation_id == Study.organisation_id,
            prior.patient_id == Study.patient_id,
            prior.id != Study.id,
            Study.patient_id != "",
            prior.deleted_at.is_(None),
        )
        .correlate(Study)
        .scalar_subquery()
    )
    return select(Study, Organisation.name, priors, columns.order(filters.sort), extra).join(
        Organisation, Organisation.id == Study.organisation_id
    )
