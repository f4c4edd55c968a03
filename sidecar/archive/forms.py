"""What the pages and the API of this room accept. Each message stands at its field and says what to write instead."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sidecar.archive.model import Form, Reason

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
OptionalWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DownloadForm(_Form):
    """How a study is taken along; one series of it where named."""

    form: Literal[Form.ZIP, Form.MEDIA] = Form.ZIP
    series_id: UUID | None = None


class NodeForm(_Form):
    """Where one study goes."""

    node_id: UUID


class SendForm(NodeForm):
    """Which studies go there."""

    study_ids: Annotated[list[UUID], Field(min_length=1)]


class ReasonForm(_Form):
    """First step of a deletion: why."""

    reason: Reason
    explanation: OptionalWords = ""


class DeleteForm(ReasonForm):
    """Second step: the same, and how many images the actor saw when they confirmed."""

    images: Annotated[int, Field(ge=0)]


class HoldForm(_Form):
    """Why a study must be kept, or need not be any longer."""

    reason: Words


class RetentionForm(_Form):
    """For how many years studies are kept."""

    years: Annotated[int, Field(ge=0, le=100)]
