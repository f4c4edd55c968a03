"""The list of studies: newest arrival first, in pages that do not move, by one statement that reads a page and no more."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field
from sqlalchemy import ColumnElement, Select, Text, and_, any_, func, literal, select, text, true, union_all

from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.organisations.tables import Organisation
from sidecar.studies.model import Arrival, Priority, Status
from sidecar.studies.tables import Study

CAREFUL = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),"
    " set_config('enable_bitmapscan', 'off', true)"
)
"""The best plan depends on what is asked and by whom; compiling a statement would take longer than running it. A bitmap of all
one may see, which the wall's "owned or read" suggests, forgets the order that the indexes have: a page would be cut from
everything instead of read from the top."""


class StudiesAsked(Paging):
    """Which studies. Every field narrows. Names and numbers of patients are no filters here: addresses end up in logs."""

    status: Annotated[list[Status], Field(default_factory=list, min_length=1, max_length=5)]
    priority: Annotated[list[Priority], Field(default_factory=list, min_length=1, max_length=3)]
    arrival: Arrival | None = None
    modality: Annotated[str, Field(max_length=16, pattern=r"^[A-Z0-9_ ]*$", description="Modality (0008,0060).")] = ""
    assignee_id: UUID | None = None
    assigned: Annotated[bool | None, Field(description="Whether somebody has it.")] = None
    organization_id: Annotated[UUID | None, Field(description="Whose study it is.")] = None
    arrived_after: Annotated[AwareDatetime | None, Field(description="From this moment on.")] = None
    arrived_before: Annotated[AwareDatetime | None, Field(description="Before this moment.")] = None
    due_before: Annotated[AwareDatetime | None, Field(description="Unsigned ones that are due before this moment.")] = None


def page(scope: Scope, asked: StudiesAsked) -> tuple[Sequence[tuple[Study, str]], str | None]:
    """Return the studies of a page, each with its owner's name, and the cursor of the next page."""
    scope.session.execute(CAREFUL)
    rows = scope.session.execute(statement(scope, asked)).all()
    shown, following = cut(asked, rows, lambda row: After(row[0].arrived_at, row[0].id))
    return [(row[0], row[1]) for row in shown], following


def statement(scope: Scope, asked: StudiesAsked) -> Select[Study, str]:
    """Return the select of a page and one row more.

    What is seen is the wall's decision. It says "owned by us or read by us", which no single index can put in order; so each
    part is read from its own index, as far as the page needs, and they are merged.
    """
    parts = [_newest(asked, and_(part, *_conditions(asked))) for part in _parts(scope)]
    newest = union_all(*parts).subquery("newest")
    owner = select(Organisation.name).where(Organisation.id == Study.organisation_id).scalar_subquery()
    same = and_(Study.organisation_id == newest.c.organisation_id, Study.id == newest.c.id)
    return (
        select(Study, func.coalesce(owner, ""))
        .join(newest, same)
        .order_by(Study.arrived_at.desc(), Study.id.desc())
        .limit(asked.limit + 1)
    )


def _parts(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Return what is worked on as conditions that one index each can serve (see ``studies.queries.worked_on``).

    Years of studies that a group signed and sees no more would otherwise be looked through for each page.
    """
    if scope.actor.glass is not None:
        return (true(),)
    own = scope.organisation_id
    read_here = and_(Study.reading_organisation_id == own, Study.organisation_id != own)
    return (
        Study.organisation_id == own,
        and_(read_here, Study.reading_ends_at.is_(None)),
        and_(read_here, Study.reading_ends_at > scope.now),
    )


def _newest(asked: StudiesAsked, wanted: ColumnElement[bool]) -> Any:
    keys = select(Study.organisation_id, Study.id).where(wanted)
    return newest_first(keys, asked, Study.arrived_at, Study.id).subquery().select()


def _conditions(asked: StudiesAsked) -> list[ColumnElement[bool]]:
    """Return the condition of each filter that was given."""
    given = asked.model_dump(exclude_defaults=True, exclude={"limit", "cursor"})
    return [FILTERS[name](value) for name, value in given.items() if value not in ([], "", None)]


FILTERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "status": Study.status.in_,
    "priority": Study.priority.in_,
    "arrival": lambda how: Study.arrival == how,
    "modality": lambda code: literal(code, Text) == any_(Study.modalities_in_study),
    "assignee_id": lambda who: Study.assignee_id == who,
    "assigned": lambda yes: Study.assignee_id.is_not(None) if yes else Study.assignee_id.is_(None),
    "organization_id": lambda owner: Study.organisation_id == owner,
    "arrived_after": lambda at: Study.arrived_at >= at,
    "arrived_before": lambda at: Study.arrived_at < at,
    "due_before": lambda at: and_(Study.due_at < at, Study.status != Status.FINAL),
}
