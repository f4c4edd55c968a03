"""What of signing in is over is forgotten one day: late enough for whoever looks into a theft, and not kept for ever.

Nothing here decides whether a token opens something: what is deleted has opened nothing for long. The journal keeps who signed
in, made a key and took it back, six years; the rows below only held what the house compared with.
"""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, or_, select, tuple_, update

from sidecar.accounts.member_events import RemainsForgotten
from sidecar.accounts.member_tables import AccountToken, Registration
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey, RefreshFamily
from sidecar.gate.scope import Scope
from sidecar.kernel.db import Base

FAMILIES_KEPT = timedelta(days=30)
"""After its last token ran out, 12 hours from its sign-in: a stolen token that comes back is told apart from one that never was
as long as its family could live, and a month more for whoever looks for where it leaked."""
LINKS_KEPT = timedelta(days=1)
"""After they ran out. Whoever opens one hears the same as from one that never was."""
KEYS_KEPT = timedelta(days=400)
"""After they were revoked or ran out: longer than any key lives, and than four quarterly reviews of who may do what."""
UNPROVEN_KEPT = timedelta(days=7)
"""Requests for an account whose address nobody has shown to be theirs: the link for that lives for a day."""
MOST = 5000
"""Rows of a kind in one transaction; the rest goes the next time."""


def forget_ended(scope: Scope, *, mails: bool) -> RemainsForgotten | None:
    """Delete what ended long ago in the acting organisation; return what that was, None for nothing.

    ``mails``: mail leaves this house. Where none does nobody can show that an address is theirs: requests wait for a person.
    """
    own, now = scope.organisation_id, scope.now
    families = or_(
        and_(RefreshFamily.ended_at.is_not(None), RefreshFamily.ended_at <= now - FAMILIES_KEPT),
        RefreshFamily.expires_at <= now - FAMILIES_KEPT,
    )
    links = _delete(scope, AccountToken, AccountToken.organisation_id == own, AccountToken.expires_at <= now - LINKS_KEPT)
    unproven = (Registration.verified_at.is_(None), Registration.created_at <= now - UNPROVEN_KEPT)
    gone = RemainsForgotten(
        organisation_id=own,
        families=_delete(scope, RefreshFamily, RefreshFamily.organisation_id == own, families),
        links=links + _withdraw_invitations(scope, now - LINKS_KEPT),
        keys=_delete(scope, ApiKey, ApiKey.organisation_id == own, _ended(now - KEYS_KEPT)),
        registrations=_delete(scope, Registration, Registration.organisation_id == own, *unproven) if mails else 0,
    )
    if not (gone.families or gone.links or gone.keys or gone.registrations):
        return None
    scope.emit(gone)
    return gone


def _ended(before: datetime) -> ColumnElement[bool]:
    return or_(and_(ApiKey.revoked_at.is_not(None), ApiKey.revoked_at <= before), ApiKey.expires_at <= before)


def _withdraw_invitations(scope: Scope, before: datetime) -> int:
    """Forget the hashes of invitations that ran out; the account waits for another invitation."""
    over = (User.organisation_id == scope.organisation_id, User.invitation_expires_at <= before)
    done = scope.session.execute(update(User).where(*over).values(invitation_hash=None, invitation_expires_at=None))
    return cast("CursorResult[None]", done).rowcount


def _delete(scope: Scope, table: type[Base], *which: ColumnElement[bool]) -> int:
    keys = table.__table__.primary_key.columns  # type: ignore[attr-defined]
    some = select(*keys).where(*which).limit(MOST)
    done = scope.session.execute(delete(table).where(tuple_(*keys).in_(some)), execution_options={"synchronize_session": False})
    return cast("CursorResult[None]", done).rowcount
