"""What the pages of sharing accept. Each message stands at its field and says what to write instead."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from sidecar.sharing import rules
from sidecar.sharing.model import Verdict, What

Optional = BeforeValidator(lambda value: value or None)


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class GlassForm(_Form):
    """Why, how long, and whom: a patient of one's own organisation, or for the platform a hospital."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]
    minutes: Annotated[int, Field(ge=1, le=rules.MOST_MINUTES)] = rules.MOST_MINUTES
    patient: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    organisation_id: Annotated[UUID | None, Optional] = None


class ReviewForm(_Form):
    """What the review says."""

    verdict: Verdict
    remark: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""


class PersonForm(_Form):
    """Which viewer."""

    user_id: UUID


class LinkForm(_Form):
    """For whom, what, how long, how often, and whether a code is told by another way."""

    recipient: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    what: What = What.REPORT
    days: Annotated[int, Field(ge=1, le=rules.LONGEST_DAYS)] = 7
    most_views: Annotated[int, Field(ge=1, le=rules.MOST_VIEWS)] = 5
    with_code: bool = False


class OpenForm(_Form):
    """The token out of the link, and the code if one was told."""

    token: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    code: Annotated[str, StringConstraints(max_length=40)] = ""
