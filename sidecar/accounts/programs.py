"""How a program signs in for a person: password, second factor, tokens. The steps of a request that is nobody's yet.

Each opens the walls it needs and no more, as the pages do. Nothing gives tokens but ``prove_code``, and ``refresh`` of a
family that began there.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import request
from sqlalchemy import select

from sidecar.accounts import events, second_factor, service, sessions, tokens
from sidecar.accounts.asking import redis, seal
from sidecar.accounts.bearer import access_tokens
from sidecar.accounts.ending import LONGEST_CELL_TOKEN
from sidecar.accounts.opaque import Opaque
from sidecar.accounts.sso import policy as sso
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import RefreshFamily
from sidecar.accounts.tokens import Outcome
from sidecar.adapters.access_tokens import ACCESS, CHALLENGE, CHALLENGE_LIFE, BadTokenError, Bearer
from sidecar.adapters.redis import revoke_session
from sidecar.gate import limits, pace
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.http import request_id, scopes
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Unauthenticated

WRONG = "E-mail address or password is not right."
WRONG_CODE = "The code is wrong or was already used. Wait for the next one."
NO_FACTOR = "This account has no second factor yet. Use the invitation link you were given."
PROOFS = ("pwd", "otp")
"""How tokens' owners proved who they are (RFC 8176)."""


@dataclass(frozen=True, slots=True)
class Proved:
    """Whose password was right. ``mark``: which one it was (service.password_mark)."""

    organisation_id: UUID
    user_id: UUID
    mark: str


@dataclass(frozen=True, slots=True)
class SignedInProgram:
    """What a program goes on with."""

    access: str
    refresh: Opaque


def prove_password(*, email: str, password: str) -> Proved:
    """Return whose password this is. Unauthenticated, in one and the same time, for whatever is not right.

    Raises Denied for an account without a second factor, or whose organisation wants its own sign-in: only who knows the
    password hears that.
    """
    with pace.evenly(), _open(NOBODY, login=scopes().lookup.of(email)) as asking:
        user = service.check_password(asking, email=email, password=password)
    if user is None:
        raise Unauthenticated(WRONG)
    with _open(Actor(user.id, user.organisation_id, None, None)) as asking:
        sso.refuse_password(asking)
    if user.totp_sealed is None:
        raise Denied(NO_FACTOR)
    return Proved(user.organisation_id, user.id, service.password_mark(user))


def challenge(proved: Proved) -> tuple[str, int]:
    """Return what says that the password was right, and for how many seconds it does."""
    said = Bearer(proved.organisation_id, proved.user_id, proved.mark, None, PROOFS[:1])
    return access_tokens().mint(CHALLENGE, said, now=scopes().clock()), int(CHALLENGE_LIFE.total_seconds())


def challenged(text: str) -> Proved:
    """Return whose challenge this is; raise Unauthenticated."""
    try:
        said = access_tokens().read(CHALLENGE, text, now=scopes().clock())
    except BadTokenError as error:
        raise Unauthenticated("This challenge is not valid, or not any more. Begin with the password again.") from error
    return Proved(said.organisation_id, said.user_id, said.session)


def prove_code(proved: Proved, *, code: str) -> SignedInProgram:
    """Use up a code and open a family of tokens. Unauthenticated when the code is wrong, used, or the account is locked."""
    limits.count_account(str(proved.user_id))
    with _open(Actor(proved.user_id, proved.organisation_id, None, None)) as asking:
        user = asking.one(select(User).where(User.id == proved.user_id))
        present = user.disabled_at is None and service.password_mark(user) == proved.mark  # a new one ends what is half done
        good = present and second_factor.verify(asking, seal(), user, code=code)
        if good:
            agent = request.headers.get("User-Agent", "")
            family, first = tokens.begin(asking, user, client=agent, address=request.remote_addr or "")
            asking.emit(events.SignedIn(organisation_id=user.organisation_id, user_id=user.id))
    if not good:
        raise Unauthenticated(WRONG_CODE)
    return SignedInProgram(_access(family), first)


def refresh(presented: Opaque, *, arrived_at: datetime) -> tuple[Outcome, SignedInProgram | None]:
    """Exchange a refresh token; what a second use ended is ended in the cells too."""
    with _open(Actor(None, presented.organisation_id, None, None)) as asking:
        went = tokens.exchange(asking, presented, arrived_at=arrived_at, clock=scopes().clock)
        if went.outcome is Outcome.EXCHANGED and went.family is not None:
            limits.count_account(went.family.id.hex)
        if went.outcome is Outcome.REUSED and went.family is not None:
            _end_in_cells(asking, went.family.id.hex)
    if went.family is None or went.following is None:
        return went.outcome, None
    return went.outcome, SignedInProgram(_access(went.family), went.following)


def sign_out(scope: Scope) -> None:
    """End what this request signed in with: a program's family, or the browser's session."""
    scope.emit(events.SignedOut(organisation_id=scope.organisation_id, user_id=scope.user_id))
    if sessions.current_visit() is None:
        tokens.end_family(scope, UUID(hex=scope.actor.session))
    else:
        sessions.end()
    _end_in_cells(scope, scope.actor.session)


def _access(family: RefreshFamily) -> str:
    said = Bearer(family.organisation_id, family.user_id, family.id.hex, family.proved_at, PROOFS)
    return access_tokens().mint(ACCESS, said, now=scopes().clock())


def _end_in_cells(scope: Scope, session: str) -> None:
    """Let the cells refuse what was opened in them under a session that ends now."""
    client, until = redis(), scope.now + LONGEST_CELL_TOKEN
    scope.after_commit(lambda: revoke_session(client, session, until=until))


def _open(actor: Actor, *, login: str = "") -> AbstractContextManager[Scope]:
    return scopes().open(actor, login=login, request_id=request_id(), address=request.remote_addr or "")
