"""What the API of this room accepts."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from sidecar.studies.model import Priority


class AssignTo(BaseModel):
    """To whom."""

    model_config = ConfigDict(extra="forbid")
    user_id: UUID


class NewPriority(BaseModel):
    """How urgent."""

    model_config = ConfigDict(extra="forbid")
    priority: Priority
