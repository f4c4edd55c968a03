"""When X happened, then Y. Calls only, one screen: who reacts to what is read here and nowhere else."""

from collections.abc import Callable
from typing import Any

from sidecar.gate.scope import Event, Scope

REACTIONS: dict[type[Event], tuple[Callable[[Scope, Any], None], ...]] = {}


def react(scope: Scope, happened: Event) -> None:
    """Let everything that follows from an event happen in the same transaction."""
    for follow in REACTIONS.get(type(happened), ()):
        follow(scope, happened)
