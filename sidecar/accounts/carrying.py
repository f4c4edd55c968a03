"""Downloads that outlast their request: handing them to the carrier, and whether they may still go on.

A download ends with the sight of what is carried (a reading that is over, a deleted study), and with its session: signed out,
ended from the list, the account disabled, deleted, or of another role by now, its program's tokens or key revoked, twelve
hours over. It does not end because its person sits still: whoever fetches a large
study through a thin line need not move the mouse for it. What the idle session opened otherwise is shut (see ``visits``).
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import cast
from uuid import UUID

from flask import current_app
from redis import Redis
from sqlalchemy import Uuid, column, func, select, table

from sidecar.accounts import visits
from sidecar.accounts.sessions import current_visit
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey, RefreshFamily
from sidecar.adapters import carriages
from sidecar.adapters.carriages import Bearer, Carriage
from sidecar.gate.actor import Actor, Glass, Role
from sidecar.gate.scope import Scope, Scopes

STUDIES = table("studies", column("id", Uuid))
"""Of a room above this one, through the same walls."""
LONGEST, LONGEST_SINGLE = timedelta(hours=24), timedelta(hours=1)
"""How long a download takes at most, whoever bears it (a key may be good for a year), and one object for looking."""


def hand_over(  # noqa: PLR0913 - what a carriage is made of
    scope: Scope, *, url: str = "", token: str = "", studies: Iterable[UUID] = (), file: str = "", single: bool = False
) -> str:
    """Lay a download ready for the acting person; return where nginx finds it, for X-Accel-Redirect only.

    Args:
        scope: of the request that was let in.
        url: what to fetch from a cell.
        token: what opens the cell for that.
        studies: whose images these are.
        file: in place of it all, a file below the directory of exports.
        single: one object, or a part of one, for looking at it.
    """
    redis = cast("Redis", current_app.extensions["readingroom.redis"])
    visit, actor = current_visit(), scope.actor
    ends = [scope.now + (LONGEST_SINGLE if single else LONGEST)]
    ends += [visit.ends_at] if visit else []
    ends += [actor.glass.until] if actor.glass else []
    if visit:
        visits.carry(redis, visit.user_id, visit.id)
    glass = actor.glass.id if actor.glass else None
    bearer = Bearer(scope.organisation_id, scope.user_id, str(actor.role), actor.session, tuple(studies), glass)
    until = min(ends).timestamp()
    return carriages.put(redis, Carriage(bearer, url=url, token=token, file=file, until=until, single=single))


def still_open(scopes: Scopes, redis: Redis, bearer: Bearer) -> bool:
    """Tell whether what was begun for somebody may go on: they are let in as before, by what they came with, and see it still."""
    glass = Glass(bearer.glass, scopes.clock()) if bearer.glass else None  # its end is the walls' business
    with scopes.open(Actor(bearer.user_id, bearer.organisation_id, Role(bearer.role), None, glass=glass)) as scope:
        role = scope.session.scalar(
            select(User.role).where(
                User.organisation_id == bearer.organisation_id, User.id == bearer.user_id,
                User.disabled_at.is_(None), User.deleted_at.is_(None),
            )
        )  # fmt: skip
        if role != bearer.role or not _sees(scope, set(bearer.studies)):
            return False
        return visits.carries(redis, bearer.user_id, bearer.session) or _program(scope, bearer)


def _sees(scope: Scope, studies: set[UUID]) -> bool:
    """Say whether all of these still exist for the scope's actor."""
    found = select(func.count()).select_from(STUDIES).where(STUDIES.c.id.in_(studies))
    return not studies or scope.session.scalar(found) == len(studies)


def _program(scope: Scope, bearer: Bearer) -> bool:
    """Look for the family of tokens or the key that bears the session's name."""
    try:
        name = UUID(hex=bearer.session)
    except ValueError:
        return False
    family = select(RefreshFamily.id).where(
        RefreshFamily.id == name,
        RefreshFamily.user_id == bearer.user_id,
        RefreshFamily.ended_at.is_(None),
        RefreshFamily.expires_at > scope.now,
    )
    key = select(ApiKey.id).where(
        ApiKey.id == name, ApiKey.user_id == bearer.user_id, ApiKey.revoked_at.is_(None), ApiKey.expires_at > scope.now
    )
    return scope.session.scalar(family) is not None or scope.session.scalar(key) is not None
