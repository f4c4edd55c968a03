"""Words of a study's life."""

from enum import StrEnum


class Arrival(StrEnum):
    """Whether images may still come."""

    ARRIVING = "arriving"
    COMPLETE = "complete"


class Status(StrEnum):
    """How far the reading is."""

    UNREAD = "unread"
    ASSIGNED = "assigned"
    READING = "reading"
    PRELIMINARY = "preliminary"
    FINAL = "final"


class Priority(StrEnum):
    """Requested Procedure Priority (0040,1003), reduced to what a worklist needs. Order: STAT first."""

    STAT = "stat"
    URGENT = "urgent"
    ROUTINE = "routine"


PRIORITY_RANK = {Priority.STAT: 0, Priority.URGENT: 1, Priority.ROUTINE: 2}
