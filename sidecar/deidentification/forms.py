"""What the pages accept: an export to make, and decisions about held images."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from sidecar.deidentification.model import Decision, Option, Rectangle

LARGEST_SIDE = 100_000
"""Pixels; no image has more."""
MOST_MASKS = 50

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


def _rectangles(written: object) -> list[Rectangle]:
    """Read "left,top,right,bottom" in pixels of the image, several parted by semicolons."""
    found = [_rectangle(each) for each in str(written).split(";") if each.strip()]
    if len(found) > MOST_MASKS:
        raise ValueError(f"At most {MOST_MASKS} rectangles.")
    return found


def _rectangle(text: str) -> Rectangle:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(each.strip().isdecimal() and int(each) <= LARGEST_SIDE for each in numbers):  # noqa: PLR2004
        raise ValueError("Write a rectangle as left,top,right,bottom in pixels.")
    left, top, right, bottom = (int(each) for each in numbers)
    if left >= right or top >= bottom:
        raise ValueError("A rectangle needs a width and a height.")
    return Rectangle(left, top, right, bottom)


class AskForm(BaseModel):
    """An export to make."""

    model_config = ConfigDict(extra="forbid")

    study: Annotated[list[UUID], Field(min_length=1)]
    project: Line
    option: list[Option] = []
    heads: bool = False
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class DecisionForm(BaseModel):
    """What was decided of some held images."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[list[str], Field(min_length=1)]
    decision: Decision
    masks: Annotated[list[Rectangle], BeforeValidator(_rectangles)] = []
