"""The components of an electronic signature (21 CFR 11.200, 11.300): asked of the acting person, whoever else is in the house."""

from dataclasses import dataclass
from datetime import timedelta

from redis import Redis
from sqlalchemy import select

from sidecar.accounts import passkey_proof, second_factor, service, visits
from sidecar.accounts.passkey_proof import Answer
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Unauthenticated

WINDOW = timedelta(hours=1)
"""After a signature, the next one of the same session needs one component only; later, or in another session, both."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the signer gave: "" or None where nothing was given. Never logged, never stored.

    ``code`` is of the authenticator or the printed set. ``redis``: where it is written down that this session signed.
    """

    password: str
    code: str
    seal: Seal
    redis: Redis | None = None
    passkey: Answer | None = None

    def __repr__(self) -> str:
        return "Proof(…)"


def needs_both(scope: Scope) -> bool:
    """Say whether this session's next signature asks both components: its first, and the first after a long pause."""
    last = scope.actor.signed_at
    return last is None or scope.now - last >= WINDOW


def has_passkey(scope: Scope) -> bool:
    """Say whether the acting person can sign with a passkey."""
    return bool(passkey_proof.of_person(scope, _acting(scope)))


def verify_signature(scope: Scope, proof: Proof) -> User:
    """Ask the acting person's own components; raise Unauthenticated in words for the signer unless all given ones are right.

    At a session's first signature both the password and a second factor, at each next within WINDOW at least one (21 CFR
    11.200(a)(1)). Denied until an administrator has verified who this is (11.100(b)). Wrong ones are counted and lock, as at
    sign-in. Nothing but the failed attempt is lost: the draft stands.
    """
    user = second_factor.lock(scope, _acting(scope))
    if user.identity_verified_at is None:
        raise Denied("Nobody has confirmed your identity for signatures yet. Ask your administrator. Your draft is kept.")
    if second_factor.locked_until(user, now=scope.now):
        raise Unauthenticated("Too many wrong passwords or codes: signing is refused for a while. Your draft is kept.")
    second = bool(proof.code.strip()) or proof.passkey is not None
    if needs_both(scope) and not (proof.password and second):
        raise Unauthenticated("Your first signature of this session asks for your password and a code or passkey.")
    if not proof.password and not second:
        raise Unauthenticated("Give your password, a code or a passkey.")
    if proof.password and not service.right_password(user, proof.password):
        second_factor.count_failure(scope, proof.seal, user, "password")
        raise Unauthenticated("The password is not right. Your draft is kept.")
    if proof.passkey is not None and not passkey_proof.accept(scope, proof.seal, user, proof.passkey):
        raise Unauthenticated("This passkey was not accepted. Your draft is kept.")
    if proof.code.strip() and not second_factor.verify(scope, proof.seal, user, code=proof.code):
        raise Unauthenticated("The code is wrong or was already used. Wait for the next one. Your draft is kept.")
    _note(scope, proof, fresh=second)
    return user


def _acting(scope: Scope) -> User:
    user: User = scope.one(select(User).where(User.id == scope.user_id, User.disabled_at.is_(None)))
    return user


def _note(scope: Scope, proof: Proof, *, fresh: bool) -> None:
    """Once the signature stands, write down at the session that it signed."""
    redis, visit, now = proof.redis, scope.actor.session, scope.now
    if redis is None or not visit:
        return
    scope.after_commit(lambda: visits.note_signed(redis, visit, now=now))
    if fresh:
        scope.after_commit(lambda: visits.note_fresh(redis, visit, now=now))
