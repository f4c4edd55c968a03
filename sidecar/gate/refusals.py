"""Denials on record, and bounded: who hammers on a door fills neither the journal nor the disk.

A person's first refusals within a window are written one by one, later ones each time their number doubles. The last row
therefore tells at least half of how many there were, and a million attempts are a few dozen rows.
"""

from typing import cast

from flask import current_app, request
from redis import Redis
from sqlalchemy.exc import OperationalError

from sidecar.gate.actor import Actor
from sidecar.gate.events import DoorDenied, DoorMissed
from sidecar.gate.http import current_actor, open_scope
from sidecar.kernel.errors import Busy, Denied, Missing, Problem

WINDOW = 600
"""Seconds from the first refusal until one counts anew."""
EACH = 50
"""So many are written one by one."""


def noted(problem: Problem) -> Problem:
    """Put on record that somebody signed in was denied something, or named an id that is not theirs; return what to answer.

    Called before the answer is sent, in a transaction of its own: that of the request is gone. Busy when it cannot be written.
    """
    actor = current_actor()
    event = _event(problem)
    if event is None or actor.user_id is None or actor.organisation_id is None:
        return problem
    count = _count(actor, event.kind)
    if count > EACH and count & (count - 1):
        return problem
    route = request.url_rule.rule if request.url_rule else ""
    try:
        with open_scope(actor) as scope:
            scope.emit(event(organisation_id=actor.organisation_id, route=route, method=request.method, count=count))
    except Busy as busy:
        return busy
    except OperationalError:
        return Busy("The database is not answering. Try again shortly.")
    return problem


def _event(problem: Problem) -> type[DoorDenied | DoorMissed] | None:
    """Return what a problem is on record as: nothing for a mistyped address, or what has words of its own."""
    if problem.code == Denied.code:
        return DoorDenied
    if problem.code == Missing.code and request.view_args:
        return DoorMissed
    return None


def _count(actor: Actor, kind: str) -> int:
    """Count one more refusal of this person."""
    redis = cast("Redis", current_app.extensions["readingroom.redis"])
    name = f"rr:refused:{actor.user_id}:{kind}"
    with redis.pipeline() as pipe:
        pipe.incr(name)
        pipe.expire(name, WINDOW, nx=True)
        return int(pipe.execute()[0])
