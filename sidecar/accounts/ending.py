"""Shutting every door of a person at once: after a password reset, a change of role, a lost device, a disabled account."""

from datetime import timedelta
from uuid import UUID

from redis import Redis
from sqlalchemy import select

from sidecar.accounts import events, links, tokens, visits
from sidecar.accounts.tables import User
from sidecar.adapters.redis import revoke_session
from sidecar.gate.scope import Scope

LONGEST_CELL_TOKEN = timedelta(seconds=300)
"""After this no cell token of an ended session is still in force (see adapters.cell_tokens)."""


def end_everywhere(scope: Scope, redis: Redis, user_id: UUID, *, keep: str = "") -> None:
    """End all sessions and refresh tokens of a person but the session ``keep``, and the links that were asked for in them.

    An address that a thief named would else still take the place of the owner's.

    Sessions end before the commit: should Redis not answer, the change that wanted them ended is refused with it. Once more
    after the commit, for whoever signed in between with what is being changed. Live lines and running downloads look at
    their session every few seconds and stop; the cells are told which sessions they must refuse.
    """
    user: User = scope.one(select(User).where(User.id == user_id))
    links.withdraw(scope, user_id)
    families = tokens.revoke_families(scope, user_id)
    for family in families:
        revoke_session(redis, family, until=scope.now + LONGEST_CELL_TOKEN)
    ended = _end(scope, redis, user_id, keep)
    scope.after_commit(lambda: _again(scope, redis, user_id, keep))
    scope.emit(events.SessionsEnded(organisation_id=user.organisation_id, user_id=user_id, sessions=ended + families, kept=keep))


def end_one(scope: Scope, redis: Redis, user_id: UUID, session: str) -> None:
    """End one session of a person, of a browser or of a program, by its name in tokens."""
    user: User = scope.one(select(User).where(User.id == user_id))
    _shut(scope, redis, user_id, session)
    tokens.end_family(scope, UUID(hex=session))
    scope.emit(events.SessionsEnded(organisation_id=user.organisation_id, user_id=user_id, sessions=(session,)))


def _end(scope: Scope, redis: Redis, user_id: UUID, keep: str) -> tuple[str, ...]:
    open_visits = [visit.id for visit in visits.visits_of(redis, user_id, now=scope.now) if visit.id != keep]
    for visit in open_visits:
        _shut(scope, redis, user_id, visit)
    visits.stop_carrying(redis, user_id, keep=keep)
    return tuple(open_visits)


def _again(scope: Scope, redis: Redis, user_id: UUID, keep: str) -> None:
    _end(scope, redis, user_id, keep)


def _shut(scope: Scope, redis: Redis, user_id: UUID, visit: str) -> None:
    visits.shut(redis, user_id, visit)
    revoke_session(redis, visit, until=scope.now + LONGEST_CELL_TOKEN)
