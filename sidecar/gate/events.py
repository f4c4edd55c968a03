"""What the doors themselves have to tell: somebody who is signed in was turned away."""

from dataclasses import dataclass
from typing import ClassVar

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _TurnedAway(Event):
    """``route`` is the pattern, never the path; ``count`` how often this person met this within the window."""

    kind: ClassVar[str] = ""
    outcome: ClassVar[int] = 4
    route: str
    method: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorDenied(_TurnedAway):
    """A role asked for what it may never do (PS3.15 A.5.3.12, Security Alert: Use of Restricted Function)."""

    kind: ClassVar[str] = "gate.door.denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorMissed(_TurnedAway):
    """Somebody named a thing by its id that does not exist, or is another organisation's: from outside it is the same."""

    kind: ClassVar[str] = "gate.door.missed"
