"""Being asked for a passkey and answering: at sign-in, for step-up and for signatures (W3C Web Authentication Level 3, §7.2)."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from redis import Redis
from sqlalchemy import select
from webauthn import generate_authentication_options, options_to_json, verify_authentication_response
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor, UserVerificationRequirement

from sidecar.accounts import second_factor
from sidecar.accounts.factor_tables import Passkey
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing

CHALLENGE_BYTES = 32
CHALLENGE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Site:
    """Whom a passkey is for: the host of the public address (§5.1.2, rp.id) and the origin its answers must name."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "Site":
        """Return the site of an address; what a request says about its host plays no part."""
        parts = urlsplit(public_url)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True, slots=True)
class Question:
    """A challenge is good once, for two minutes, in the session ``asker`` and for ``purpose`` only."""

    redis: Redis
    site: Site
    asker: str
    purpose: str

    def ask(self) -> bytes:
        """Return a new challenge."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        self.redis.set(self._key, challenge, ex=CHALLENGE_SECONDS)
        return challenge

    def asked(self) -> bytes:
        """Return the challenge and forget it; Invalid when there is none, or none any more."""
        challenge = cast("bytes | None", self.redis.getdel(self._key))
        if challenge is None:
            raise Invalid("This took too long. Try again.")
        return challenge

    @property
    def _key(self) -> str:
        return f"rr:challenge:{self.asker}:{self.purpose}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser sent back (``PublicKeyCredential.toJSON``), and the question it must belong to."""

    credential: dict[str, Any]
    question: Question


def of_person(scope: Scope, user: User) -> list[Passkey]:
    """Return a person's passkeys, the oldest first."""
    return list(scope.session.scalars(select(Passkey).where(Passkey.user_id == user.id).order_by(Passkey.created_at)))


def options(scope: Scope, user: User, question: Question) -> dict[str, Any]:
    """Return the options for ``navigator.credentials.get`` of one person; Missing for who has no passkey."""
    passkeys = of_person(scope, user)
    if not passkeys:
        raise Missing("You have no passkey yet.")
    asked = generate_authentication_options(
        rp_id=question.site.host,
        challenge=question.ask(),
        allow_credentials=descriptors(passkeys),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return cast("dict[str, Any]", json.loads(options_to_json(asked)))


def accept(scope: Scope, seal: Seal, user: User, answer: Answer) -> bool:
    """Say whether the answer proves a passkey of this person, unlocked by themselves. A wrong one counts like a wrong code."""
    current = second_factor.lock(scope, user)
    if second_factor.locked_until(current, now=scope.now):
        return False
    passkey = scope.session.scalar(
        select(Passkey).where(Passkey.user_id == user.id, Passkey.credential_id == _credential_id(answer)).with_for_update()
    )
    used = _checked(answer, passkey) if passkey else None
    if passkey is None or used is None:
        second_factor.count_failure(scope, seal, current, "passkey")
        return False
    passkey.sign_count, passkey.last_used_at = used.new_sign_count, scope.now
    current.factor_failures, current.factor_locked_until = 0, None
    scope.session.flush()
    return True


def descriptors(passkeys: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    """Return how passkeys are named to the browser."""
    return [
        PublicKeyCredentialDescriptor(id=each.credential_id, transports=[AuthenticatorTransport(way) for way in each.transports])
        for each in passkeys
    ]


def _checked(answer: Answer, passkey: Passkey) -> VerifiedAuthentication | None:
    question = answer.question
    try:
        return verify_authentication_response(
            credential=answer.credential,
            expected_challenge=question.asked(),
            expected_rp_id=question.site.host,
            expected_origin=question.site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, Invalid):
        return None


def _credential_id(answer: Answer) -> bytes:
    named = answer.credential.get("rawId")
    try:
        return base64url_to_bytes(named) if isinstance(named, str) else b""
    except ValueError:  # no base64: nobody's
        return b""
