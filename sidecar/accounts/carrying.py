"""Downloads that outlast their request: handing them to the carrier, and whether they may still go on.

A download ends with its session: signed out, ended from the list, the account disabled, deleted, or of another role by now,
its program's tokens or key revoked, twelve hours over. It does not end because its person sits still: whoever fetches a large
study through a thin line need not move the mouse for it. What the idle session opened otherwise is shut (see ``visits``).
"""

from typing import cast
from uuid import UUID

from flask import current_app
from redis import Redis
from sqlalchemy import select

from sidecar.accounts import visits
from sidecar.accounts.sessions import current_visit
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey, RefreshFamily
from sidecar.adapters import carriages
from sidecar.adapters.carriages import Bearer, Carriage
from sidecar.gate.actor import Actor
from sidecar.gate.scope import Scope, Scopes


def hand_over(scope: Scope, *, url: str = "", token: str = "", file: str = "") -> str:
    """Lay a download ready for the acting person; return where nginx finds it, for X-Accel-Redirect only.

    Args:
        scope: of the request that was let in.
        url: what to fetch from a cell.
        token: what opens the cell for that.
        file: in place of it, a file below the directory of exports.
    """
    redis = cast("Redis", current_app.extensions["readingroom.redis"])
    visit, actor = current_visit(), scope.actor
    ends = [visit.ends_at] if visit else []
    ends += [actor.glass.until] if actor.glass else []
    if visit:
        visits.carry(redis, visit.user_id, visit.id)
    bearer = Bearer(scope.organisation_id, scope.user_id, str(actor.role), actor.session)
    until = min(ends).timestamp() if ends else 0
    return carriages.put(redis, Carriage(bearer, url=url, token=token, file=file, until=until))


def still_open(scopes: Scopes, redis: Redis, bearer: Bearer) -> bool:
    """Tell whether what was begun for somebody may go on: the person is let in as before, and so is what they came with."""
    with scopes.open(Actor(bearer.user_id, bearer.organisation_id, None, None)) as scope:
        role = scope.session.scalar(
            select(User.role).where(
                User.organisation_id == bearer.organisation_id, User.id == bearer.user_id,
                User.disabled_at.is_(None), User.deleted_at.is_(None),
            )
        )  # fmt: skip
        if role != bearer.role:
            return False
        return visits.carries(redis, bearer.user_id, bearer.session) or _program(scope, bearer)


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
