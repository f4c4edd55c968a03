"""Pages of a list by cursor: where the last row stood, not how many came before. Rows that come meanwhile move nothing.

A cursor is signed, so it says only what we wrote, and bound to its list and filters: with others it is refused. It holds a
moment and an id, nothing of a patient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from flask import current_app, request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import ColumnElement, tuple_

from sidecar.gate.requests import Paging
from sidecar.kernel.errors import Invalid

Row = TypeVar("Row")
Statement = TypeVar("Statement", bound=Any)


@dataclass(frozen=True, slots=True)
class After:
    """The place of a row in a list ordered by a moment, then by an id of whatever kind the list has."""

    at: datetime
    id: Any

    def below(self, at: Any, row_id: Any) -> ColumnElement[bool]:
        """Return the condition of rows that come later in a list which has the newest first."""
        return tuple_(at, row_id) < tuple_(self.at, self.id)


def read_cursor(asked: Paging, *, read_id: Callable[[str], Any] = UUID) -> After | None:
    """Return where the page begins, None at the beginning. Raises Invalid for a cursor of another list, or not of ours."""
    if not asked.cursor:
        return None
    try:
        at, row_id = _signer(asked).loads(asked.cursor)
        return After(datetime.fromisoformat(at), read_id(row_id))
    except (BadData, ValueError, TypeError) as error:
        raise Invalid("cursor: begin at the first page again; this one belongs to another list.") from error


def newest_first(statement: Statement, asked: Paging, at: Any, row_id: Any, *, read_id: Callable[[str], Any] = UUID) -> Statement:
    """Return the select of one page and one row more, ordered by a moment and an id, the latest first."""
    if (after := read_cursor(asked, read_id=read_id)) is not None:
        statement = statement.where(after.below(at, row_id))
    found: Statement = statement.order_by(at.desc(), row_id.desc()).limit(asked.limit + 1)
    return found


def cut(asked: Paging, rows: Sequence[Row], place: Callable[[Row], After]) -> tuple[Sequence[Row], str | None]:
    """Return the rows of the page and the cursor of the next, None when it was the last. ``rows``: one more than asked."""
    if len(rows) <= asked.limit:
        return rows, None
    last = place(rows[asked.limit - 1])
    return rows[: asked.limit], _signer(asked).dumps([last.at.isoformat(), str(last.id)])


def _signer(asked: Paging) -> URLSafeSerializer:
    """Sign for this list and these filters alone; how many rows one takes at a time may change."""
    filters = asked.model_dump_json(exclude={"cursor", "limit"})
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"cursor|{request.path}|{filters}")
