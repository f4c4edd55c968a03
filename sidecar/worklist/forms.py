"""What the list's pages accept. A filter that means nothing is an error told in words, not a list that silently ignores it."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sidecar.kernel.errors import Invalid
from sidecar.studies.model import Priority, Status
from sidecar.worklist.model import Direction, Filters, Sort, View

LONGEST_SEARCH = 200
Given = BeforeValidator(lambda value: value or None)
"""An empty field of a form is no filter."""


class Asked(BaseModel):
    """The filters as they come from a form or an address."""

    model_config = ConfigDict(extra="ignore")
    view: View = View.OPEN
    q: Annotated[str, Field(max_length=LONGEST_SEARCH)] = ""
    modality: Annotated[str, Field(max_length=16)] = ""
    site: Annotated[UUID | None, Given] = None
    status: Annotated[Status | None, Given] = None
    priority: Annotated[Priority | None, Given] = None
    assignee: Annotated[UUID | None, Given] = None
    hours: Annotated[Annotated[int, Field(ge=1, le=8760)] | None, Given] = None
    sort: Sort = Sort.URGENCY
    direction: Direction = Direction.ASC


def read_filters(fields: Mapping[str, str]) -> Filters:
    """Return the filters of a request; Invalid names the field that means nothing."""
    known = {name: value.replace("\x00", "") for name, value in fields.items() if name in Asked.model_fields}
    try:
        return Filters(**Asked.model_validate(known).model_dump())
    except ValidationError as error:
        names = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        raise Invalid(f"The list does not understand: {names}.") from error


def read_cursor(fields: Mapping[str, str]) -> int:
    """Return the cursor a list was drawn with."""
    since = fields.get("since", "")
    if not since.isdecimal() or len(since) > 18:  # noqa: PLR2004 - a signed 64-bit number
        raise Invalid("since must be the cursor of a list.")
    return int(since)
