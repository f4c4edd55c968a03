"""What the JSON door to addenda takes and answers."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from sidecar.gate.requests import Asked, Refusal
from sidecar.reports.answers import CheckShown, Revision
from sidecar.reports.model import Purpose, ReportStatus


class AddendumBody(Asked):
    """The words, and what they are for. The revision may stand here or in If-Match."""

    drops_unstorable: ClassVar[bool] = True
    purpose: Purpose
    text: str
    revision: Revision


class AddendumAnswer(BaseModel):
    """An addendum as it is now: a draft, or ``final`` and so the report's ``version``. Only those who write it see it."""

    id: UUID
    report_id: UUID
    status: ReportStatus
    purpose: Purpose
    text: str
    author: str
    revision: int
    saved_at: datetime
    version: int | None
    checks: list[CheckShown]


class StaleAddendumAnswer(Refusal):
    """Somebody saved newer words: they come along, so that nothing is lost."""

    status: Literal["error"] = "error"
    code: str = "stale"
    purpose: Purpose
    text: str
    revision: int
    saved_by: str
    saved_at: datetime
