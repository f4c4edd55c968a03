"""Refresh tokens: opaque, used once, in families. Who uses one a second time ends the family (RFC 9700, 4.14.2).

A client may send one token in two requests at once: two tabs, two threads. One of them gets the next token; the others hear
that they lost a race, and the family lives. A race is what overlaps: the request came in, or first looked at the token,
before the exchange (and whatever raced with it) was through. Whoever comes later uses a spent token, and the house cannot
know whether the thief or the owner is speaking: the family ends, also for whoever holds its newest token. There is no
period of grace. A client whose answer was lost signs in again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, select, update

from sidecar.accounts import opaque
from sidecar.accounts.opaque import Opaque
from sidecar.accounts.tables import User
from sidecar.accounts.token_events import RefreshReused
from sidecar.accounts.token_tables import RefreshFamily, RefreshToken
from sidecar.gate.scope import Scope
from sidecar.kernel.clock import Clock

PREFIX = "rrr_"
LONGEST = timedelta(hours=12)
"""From sign-in until everybody signs in again, as for the pages."""
IDLE = timedelta(minutes=25)
"""An access token's life and the quarter of an hour after which a page would be signed out too."""


class Outcome(StrEnum):
    """How an exchange went."""

    EXCHANGED = "exchanged"
    RACED = "raced"
    REUSED = "reused"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Exchange:
    """How it went and, where it went well, what comes after."""

    outcome: Outcome
    family: RefreshFamily | None = None
    following: Opaque | None = None


def begin(scope: Scope, user: User, *, client: str, address: str) -> tuple[RefreshFamily, Opaque]:
    """Open a family for a person whose password and second factor were proved just now; return it with its first token."""
    family = RefreshFamily(
        organisation_id=user.organisation_id, id=uuid4(), user_id=user.id, client=client[:200], address=address,
        proved_at=scope.now, created_at=scope.now, used_at=scope.now, expires_at=scope.now + LONGEST, ending="",
    )  # fmt: skip
    scope.session.add(family)
    scope.session.flush()
    return family, _issue(scope, family)


def exchange(scope: Scope, presented: Opaque, *, arrived_at: datetime, clock: Clock) -> Exchange:
    """Use a refresh token up and return the next one. ``arrived_at``: when the request came in, by the same ``clock``.

    The scope was opened inside the walls that the token names. The caller commits whatever the outcome: a reuse ends the family.
    """
    asked = select(RefreshToken).where(RefreshToken.hash == presented.hash)
    seen = scope.session.scalar(asked)
    if seen is None:
        return Exchange(Outcome.REFUSED)
    came_before = seen.spent_at is None
    token = scope.session.scalars(asked.with_for_update().execution_options(populate_existing=True)).one()
    family = scope.session.scalars(select(RefreshFamily).where(RefreshFamily.id == token.family_id)).one()
    if family.ended_at is not None or not _in_force(family, scope.now) or not _may_sign_in(scope, family):
        return Exchange(Outcome.REFUSED)
    if token.spent_at is None:
        return _follow(scope, token, family, clock)
    if came_before or arrived_at < token.spent_at:
        token.spent_at = max(token.spent_at, clock())
        return Exchange(Outcome.RACED)
    _end(scope, family, "reused")
    scope.emit_refusal(RefreshReused(organisation_id=family.organisation_id, user_id=family.user_id, family_id=family.id))
    return Exchange(Outcome.REUSED, family)


def end_family(scope: Scope, family_id: UUID) -> RefreshFamily | None:
    """Sign a program out; return its family, None when it had ended or is not the actor's."""
    family = scope.session.scalar(
        select(RefreshFamily).where(RefreshFamily.id == family_id, RefreshFamily.user_id == scope.user_id)
    )
    if family is None or family.ended_at is not None:
        return None
    _end(scope, family, "signed-out")
    return family


def open_families(scope: Scope, user_id: UUID) -> list[RefreshFamily]:
    """Return a person's signed-in programs, the one used last first."""
    found = scope.session.scalars(
        select(RefreshFamily)
        .where(RefreshFamily.user_id == user_id, RefreshFamily.ended_at.is_(None), RefreshFamily.expires_at > scope.now)
        .order_by(RefreshFamily.used_at.desc())
    )
    return [family for family in found if _in_force(family, scope.now)]


def revoke_families(scope: Scope, user_id: UUID, *, ending: str = "revoked") -> tuple[str, ...]:
    """End all of a person's families; return what their sessions are called in tokens, for the cells to refuse.

    The access tokens of an ended family open nothing from the commit on: each request looks at its family.
    """
    ended = scope.session.scalars(
        update(RefreshFamily)
        .where(RefreshFamily.user_id == user_id, RefreshFamily.ended_at.is_(None))
        .values(ended_at=scope.now, ending=ending)
        .returning(RefreshFamily.id)
    )
    return tuple(family_id.hex for family_id in ended)


def prove(scope: Scope, family_id: UUID) -> bool:
    """Write down that the second factor was proved again just now; False when the family has ended."""
    written = scope.session.execute(
        update(RefreshFamily)
        .where(RefreshFamily.id == family_id, RefreshFamily.user_id == scope.user_id, RefreshFamily.ended_at.is_(None))
        .values(proved_at=scope.now)
    )
    return cast("CursorResult[None]", written).rowcount == 1


def _follow(scope: Scope, token: RefreshToken, family: RefreshFamily, clock: Clock) -> Exchange:
    family.used_at = scope.now
    following = _issue(scope, family)
    scope.session.flush()
    token.spent_at = clock()
    return Exchange(Outcome.EXCHANGED, family, following)


def _issue(scope: Scope, family: RefreshFamily) -> Opaque:
    made = opaque.make(PREFIX, family.organisation_id)
    scope.session.add(
        RefreshToken(organisation_id=family.organisation_id, hash=made.hash, family_id=family.id, issued_at=scope.now)
    )
    return made


def _may_sign_in(scope: Scope, family: RefreshFamily) -> bool:
    asked = select(User.id).where(User.id == family.user_id, User.disabled_at.is_(None), User.deleted_at.is_(None))
    return scope.session.scalar(asked) is not None


def _in_force(family: RefreshFamily, now: datetime) -> bool:
    return now < family.expires_at and now - family.used_at < IDLE


def _end(scope: Scope, family: RefreshFamily, ending: str) -> None:
    family.ended_at, family.ending = scope.now, ending
