"""Pages of a list by cursor: where the last row stood, not how many came before. Rows that come meanwhile move nothing.

A cursor is signed, so it says only what we wrote, and bound to its list and filters: with others it is refused. It holds a
moment and an id, nothing of a patient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from flask import current_app, request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import ColumnElement, tuple_

from sidecar.gate.requests import Paging
from sidecar.kernel.errors import Invalid

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class After:
    """The place of a row in a list ordered by a moment, then by id."""

    at: datetime
    id: UUID

    def below(self, at: object, row_id: object) -> ColumnElement[bool]:
        """Return the condition of rows that come later in a list which has the newest first."""
        return tuple_(at, row_id) < tuple_(self.at, self.id)


def read_cursor(asked: Paging) -> After | None:
    """Return where the page begins, None at the beginning. Raises Invalid for a cursor of another list, or not of ours."""
    if not asked.cursor:
        return None
    try:
        at, row_id = _signer(asked).loads(asked.cursor)
        return After(datetime.fromisoformat(at), UUID(row_id))
    except (BadData, ValueError, TypeError) as error:
        raise Invalid("cursor: begin at the first page again; this one belongs to another list.") from error


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
