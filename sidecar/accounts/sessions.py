"""Sessions: Flask-Login over server-side sessions in Redis. The cookie holds a random id and nothing else."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Flask, current_app, g, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface
from redis import Redis
from sqlalchemy import select

from sidecar.accounts.tables import User
from sidecar.adapters.cell_tokens import session_hash
from sidecar.gate.actor import NOBODY, Actor, OrganisationKind, Role
from sidecar.gate.http import scopes
from sidecar.kernel.settings import Settings
from sidecar.organisations.tables import Organisation

LONGEST_SESSION = 12 * 3600
"""Seconds from sign-in until everybody signs in again, busy or not."""
FORM_SESSION = timedelta(hours=1)
"""How long a session lives that nobody signed in to: it holds the token of a form, and anybody can make one."""


class BriefUntilSignedIn(RedisSessionInterface):  # type: ignore[misc]
    """Sessions in Redis that are kept for long only when they are somebody's."""

    def _upsert_session(self, session_lifetime: timedelta, session: ServerSideSession, store_id: str) -> None:
        super()._upsert_session(session_lifetime if "signed_in_at" in session else FORM_SESSION, session, store_id)


class SignedInUser(UserMixin):  # type: ignore[misc]
    """What Flask-Login holds: the actor, looked up anew at each request so that a disabled account is out at once."""

    def __init__(self, actor: Actor, organisation_name: str, zone: str) -> None:
        self.actor = actor
        self.organisation_name = organisation_name
        self.zone = zone

    def get_id(self) -> str:
        """Return the key the session keeps."""
        return f"{self.actor.organisation_id}/{self.actor.user_id}"


def install_sessions(app: Flask, settings: Settings, redis: Redis) -> None:
    """Wire Flask-Session and Flask-Login, and name the actor before each request."""
    app.config.update(
        SESSION_KEY_PREFIX="rr:session:",
        PERMANENT_SESSION_LIFETIME=LONGEST_SESSION,
        # Stored only when changed: a request that runs beside a sign-out or sign-in must not write back what it read before.
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_NAME="rr_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
    )
    app.session_interface = BriefUntilSignedIn(app, client=redis, key_prefix=app.config["SESSION_KEY_PREFIX"], permanent=True)
    manager = LoginManager(app)
    manager.session_protection = None  # readers change address between hotel and hospital; the cookie id is the proof
    manager.user_loader(_load)
    app.before_request(_name_actor)


def _name_actor() -> None:
    user = current_user._get_current_object()  # noqa: SLF001 - Flask-Login's proxy
    g.actor = user.actor if isinstance(user, SignedInUser) else NOBODY


def _load(key: str) -> SignedInUser | None:
    """Return the signed-in person, or None when the session is too old or the account is shut."""
    if time.time() - float(session.get("signed_in_at", 0)) > LONGEST_SESSION:
        return None
    organisation, _, user = key.partition("/")
    return find_signed_in(UUID(organisation), UUID(user), _session_id())


def find_signed_in(organisation_id: UUID, user_id: UUID, sid: str) -> SignedInUser | None:
    """Look the person up inside the walls of the organisation the session was made in."""
    walls = Actor(user_id, organisation_id, None, None)
    with scopes().open(walls) as scope:
        found = scope.session.execute(
            select(User, Organisation)
            .join(Organisation, Organisation.id == User.organisation_id)
            .where(User.id == user_id, User.organisation_id == organisation_id, User.disabled_at.is_(None))
        ).one_or_none()
    if found is None:
        return None
    user, organisation = found
    actor = Actor(user_id, organisation_id, Role(user.role), OrganisationKind(organisation.kind), user.name, session_hash(sid))
    return SignedInUser(actor, organisation.name, user.zone or organisation.zone)


def _session_id() -> str:
    """Return the random id the cookie bears (Flask-Session's own attribute)."""
    return str(session.sid)  # type: ignore[attr-defined]


def _renew() -> None:
    """Empty the session and give it a new id. Flask-Session leaves an empty session's id as it is, hence the order."""
    session["ending"] = True
    current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    session.clear()


def begin(user: User) -> None:
    """Sign a person in under a new session id: whatever id came before is worthless (session fixation)."""
    _renew()
    found = find_signed_in(user.organisation_id, user.id, _session_id())
    if found is None:
        raise RuntimeError("a person just verified cannot be found")
    session["signed_in_at"] = time.time()
    login_user(found)


def end() -> None:
    """Sign out and destroy the server-side session."""
    logout_user()
    _renew()


def session_watch() -> Callable[[], bool]:
    """Return a question that a long answer asks from time to time: is this session still open, and this person still let in?

    For answers made with ``stream_with_context``; each asking is one look into Redis and one short transaction.
    """
    user, sid, began = current_user._get_current_object(), _session_id(), float(session.get("signed_in_at", 0))  # noqa: SLF001
    redis: Redis = current_app.extensions["readingroom.redis"]
    key = f"{current_app.config['SESSION_KEY_PREFIX']}{sid}"

    def still_open() -> bool:
        if not isinstance(user, SignedInUser) or time.time() - began > LONGEST_SESSION or not redis.exists(key):
            return False
        actor = user.actor
        return bool(actor.organisation_id and actor.user_id and find_signed_in(actor.organisation_id, actor.user_id, sid))

    return still_open
