"""Sessions: Flask-Login over server-side sessions in Redis. The cookie holds a random id and nothing else.

Whether a session is open, how long it was idle and when its second factor was proved stands in ``visits``, apart from what
Flask keeps: requests side by side never write that back. Only a page begins a session (see ``gate.problems``).
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from flask import Flask, Request, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface
from flask_wtf.csrf import generate_csrf
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import select

from sidecar.accounts import visits
from sidecar.accounts.service import password_mark
from sidecar.accounts.tables import User
from sidecar.accounts.visits import LONGEST, Device, Visit
from sidecar.adapters.cell_tokens import session_hash
from sidecar.gate.actor import NOBODY, Actor, OrganisationKind, Role
from sidecar.gate.http import scopes
from sidecar.gate.problems import navigates
from sidecar.kernel.errors import Busy
from sidecar.kernel.settings import Settings
from sidecar.organisations.tables import Organisation

FORM_SESSION = timedelta(hours=1)
"""How long a session lives that nobody signed in to: it holds the token of a form, and anybody can make one."""
PENDING_SECONDS = 300
"""How long a right password waits for its second factor."""


class BriefUntilSignedIn(RedisSessionInterface):  # type: ignore[misc]
    """Sessions in Redis that are kept for long only when they are somebody's."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """Read the session; without Redis there is none to read, and the request is told so once it has begun."""
        try:
            return super().open_session(app, request)
        except RedisError:
            g.session_lost = True
            return self.make_null_session(app)

    def _upsert_session(self, session_lifetime: timedelta, session: ServerSideSession, store_id: str) -> None:
        super()._upsert_session(session_lifetime if "visit" in session else FORM_SESSION, session, store_id)


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
        PERMANENT_SESSION_LIFETIME=LONGEST,
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
    if g.get("session_lost"):
        raise Busy("Sessions cannot be read just now. Nothing you saved is lost; try again shortly.")
    user = current_user._get_current_object()  # noqa: SLF001 - Flask-Login's proxy
    g.actor = user.actor if isinstance(user, SignedInUser) else NOBODY


def _load(key: str) -> SignedInUser | None:
    """Return the signed-in person, or None when the session ended, was idle, is too old, or the account is shut."""
    # An act is a page asked for or a form sent. What a page's scripts and images ask for may go on for hours with nobody in
    # front of it; a script that saw somebody move says so at /session/alive.
    visit = visits.look(_redis(), session.get("visit", ""), now=_now(), sid=session_hash(_session_id()), act=navigates())
    if visit is None or key != f"{visit.organisation_id}/{visit.user_id}":
        return None
    found = find_signed_in(visit)
    g.visit = visit if found else None
    return found


def find_signed_in(visit: Visit) -> SignedInUser | None:
    """Look the person up inside the walls of the organisation the session was made in."""
    walls = Actor(visit.user_id, visit.organisation_id, None, None)
    with scopes().open(walls) as scope:
        found = scope.session.execute(
            select(User, Organisation)
            .join(Organisation, Organisation.id == User.organisation_id)
            .where(User.id == visit.user_id, User.organisation_id == visit.organisation_id)
            .where(User.disabled_at.is_(None), User.deleted_at.is_(None))
        ).one_or_none()
    if found is None:
        return None
    user, organisation = found
    actor = Actor(
        user.id, user.organisation_id, Role(user.role), OrganisationKind(organisation.kind), user.name, visit.id,
        fresh_at=visit.fresh_at, signed_at=visit.signed_at,
    )  # fmt: skip
    return SignedInUser(actor, organisation.name, user.zone or organisation.zone)


def current_visit() -> Visit | None:
    """Return the session of this request, None where nobody is signed in."""
    return cast("Visit | None", g.get("visit"))


def _session_id() -> str:
    """Return the random id the cookie bears (Flask-Session's own attribute)."""
    return str(session.sid)  # type: ignore[attr-defined]


def _redis() -> Redis:
    return cast("Redis", current_app.extensions["readingroom.redis"])


def _now() -> datetime:
    return scopes().clock()


def _renew() -> None:
    """Empty the session and give it a new id. Flask-Session leaves an empty session's id as it is, hence the order."""
    session["ending"] = True
    current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    session.clear()


def half_open(user: User, *, next_page: str) -> None:
    """Remember, under a new session id, that a person's password was right: the second factor is still to come."""
    _renew()
    session["pending"] = [str(user.organisation_id), str(user.id), time.time(), password_mark(user)]
    session["next"] = next_page
    generate_csrf()


def pending() -> tuple[UUID, UUID] | None:
    """Return organisation and person of whoever has given the password, until PENDING_SECONDS are over."""
    found = session.get("pending")
    if not found or time.time() - float(found[2]) > PENDING_SECONDS:
        return None
    return UUID(found[0]), UUID(found[1])


def still_pending(user: User) -> bool:
    """Say whether it was this person's present password that was given: a new one ends what began with the one before."""
    return bool(session["pending"][3] == password_mark(user))


def begin(user: User) -> None:
    """Sign a person in under a new session id: whatever id came before is worthless (session fixation)."""
    _renew()
    sid = session_hash(_session_id())
    walls = Actor(user.id, user.organisation_id, None, None, session=sid)
    device = Device(request.headers.get("User-Agent", ""), request.remote_addr or "")
    visits.open_visit(_redis(), walls, sid=sid, now=_now(), device=device)
    visit = visits.look(_redis(), sid, now=_now())
    found = find_signed_in(visit) if visit else None
    if found is None:
        raise RuntimeError("a person just verified cannot be found")
    session["visit"] = sid
    login_user(found)
    generate_csrf()  # now: two pages asked for side by side would each make one, and one of them be refused


def confirm() -> None:
    """The person proved the second factor again: that is written down, and the session goes on under another cookie."""
    visit = current_visit()
    if visit is None:
        raise RuntimeError("only somebody signed in confirms")
    current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    visits.renew(_redis(), visit.id, sid=session_hash(_session_id()))
    visits.note_fresh(_redis(), visit.id, now=_now())


def end() -> None:
    """Sign out and destroy the server-side session."""
    if visit := current_visit():
        visits.shut(_redis(), visit.user_id, visit.id)
    logout_user()
    _renew()


def session_watch() -> Callable[[], bool]:
    """Return a question that a long answer asks from time to time: is this session still open, and this person still let in?

    For answers made with ``stream_with_context``; each asking is one look into Redis and one short transaction. Asking is
    no act: a page that only waits for news becomes idle like any other.
    """
    by_token = cast("Callable[[], bool] | None", g.get("bearer_open"))
    if by_token is not None:
        return by_token
    name, redis = session.get("visit", ""), _redis()

    def still_open() -> bool:
        visit = visits.look(redis, name, now=_now())
        return visit is not None and find_signed_in(visit) is not None

    return still_open
