"""Programs at the door: ``Authorization: Bearer`` with an access token or an API key (RFC 6750, 2.1), never in an address.

Whoever brings one is that and nothing else: a cookie beside it is not looked at, and a bad one is refused, not passed over.
Nothing sends it by itself, as a browser does a cookie: so it needs no token against forged requests.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Flask, current_app, g, request
from sqlalchemy import select

from sidecar.accounts import keys, opaque
from sidecar.accounts.sessions import SignedInUser
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey, RefreshFamily
from sidecar.adapters.access_tokens import ACCESS, AccessTokens, BadTokenError
from sidecar.gate.actor import NOBODY, Actor, OrganisationKind, Role
from sidecar.gate.http import scopes
from sidecar.kernel.errors import Unauthenticated
from sidecar.organisations.tables import Organisation

SCHEME = "Bearer "
REFUSED = "This token is not valid, or not any more. Sign in again, or make a new key."


def install_bearer(app: Flask, tokens: AccessTokens) -> None:
    """Let a bearer token name the actor, after the sessions have looked at the cookie."""
    app.extensions["readingroom.access_tokens"] = tokens
    app.before_request(_name_bearer)


def access_tokens() -> AccessTokens:
    """Return what signs and reads this application's tokens."""
    tokens: AccessTokens = current_app.extensions["readingroom.access_tokens"]
    return tokens


def _name_bearer() -> None:
    said = request.headers.get("Authorization")
    if said is None or request.path.startswith("/intake/"):  # the cells' own door asks in its own words
        return
    g.bearer = True
    text = said.removeprefix(SCHEME)
    found = _find(text) if said.startswith(SCHEME) else None
    g.bearer_open = lambda: _find(text) is not None  # for answers that go on (sessions.session_watch)
    g.actor, g._login_user = (found.actor, found) if found else (NOBODY, None)  # noqa: SLF001 - what Flask-Login keeps there
    g.visit = None  # a cookie's session is not this request's
    g.bad_bearer = found is None


def refuse_bad_bearer() -> None:
    """Refuse who brought a token that is none. Runs after the limits have counted the attempt."""
    if g.get("bad_bearer"):
        raise Unauthenticated(REFUSED)


def _find(text: str) -> SignedInUser | None:
    key = opaque.read(keys.PREFIX, text)
    if key is not None:
        return _by_key(key)
    try:
        said = access_tokens().read(ACCESS, text, now=scopes().clock())
        family_id = UUID(said.session)
    except (BadTokenError, ValueError):
        return None
    return _by_family(said.organisation_id, said.user_id, family_id)


def _by_family(organisation_id: UUID, user_id: UUID, family_id: UUID) -> SignedInUser | None:
    """Look at the person and at the family on every request: both may have ended since the token was signed."""
    with scopes().open(Actor(user_id, organisation_id, None, None)) as scope:
        asked = _with_owner(RefreshFamily).where(
            User.id == user_id,
            RefreshFamily.id == family_id,
            RefreshFamily.ended_at.is_(None),
            RefreshFamily.expires_at > scope.now,
        )
        found = scope.session.execute(asked).one_or_none()
    if found is None:
        return None
    family, user, organisation = found
    return _signed_in(user, organisation, session=family.id.hex, proved_at=family.proved_at)


def _by_key(presented: opaque.Opaque) -> SignedInUser | None:
    """Look the key up inside the walls it names, with its owner as they are now."""
    with scopes().open(Actor(None, presented.organisation_id, None, None)) as scope:
        asked = _with_owner(ApiKey).where(
            ApiKey.hash == presented.hash, ApiKey.revoked_at.is_(None), ApiKey.expires_at > scope.now
        )
        found = scope.session.execute(asked).one_or_none()
        if found is None:
            return None
        key, user, organisation = found
        keys.note_use(scope, key, address=request.remote_addr or "")
    return _signed_in(user, organisation, session=key.id.hex, scopes=frozenset(key.scopes))


def _with_owner(row: type[RefreshFamily] | type[ApiKey]) -> Any:
    """Return the select of a proof, whose it is and where, as long as they may sign in at all."""
    return (
        select(row, User, Organisation)
        .join(User, (User.organisation_id == row.organisation_id) & (User.id == row.user_id))
        .join(Organisation, Organisation.id == User.organisation_id)
        .where(User.disabled_at.is_(None), User.deleted_at.is_(None))
    )


def _signed_in(
    user: User,
    organisation: Organisation,
    *,
    session: str,
    scopes: frozenset[str] | None = None,
    proved_at: datetime | None = None,
) -> SignedInUser:
    actor = Actor(
        user.id, user.organisation_id, Role(user.role), OrganisationKind(organisation.kind), user.name, session,
        scopes=scopes, fresh_at=proved_at,
    )  # fmt: skip
    return SignedInUser(actor, organisation.name, user.zone or organisation.zone)
