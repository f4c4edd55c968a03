"""A create that is asked twice happens once: the Idempotency-Key header.

The key is a person's own: another person, of the same organisation or another, may use the same. Only what succeeded is
remembered; a refusal changed nothing and may be asked again. Two requests at once: the second waits for the first to commit
and gives its answer. Key and request are kept as keyed hashes, the answer is sealed: it may hold a name or a link.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from sidecar.adapters.seals import Seal
from sidecar.gate.locks import waiting_for
from sidecar.gate.scope import Scope
from sidecar.gate.tables import IdempotentRequest
from sidecar.kernel.errors import Conflict, Invalid, Unfit

HEADER = "Idempotency-Key"
LIFE = timedelta(hours=24)
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes over the wire: status and JSON text."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Once:
    """What makes one request the same as another: its key, and everything it says."""

    key: str
    request: bytes
    secret: bytes
    seal: Seal

    def answer(self, scope: Scope, make: Callable[[], Reply]) -> Reply:
        """Return the answer of ``make``, called at most once per key until it expires.

        Raises Unfit when the key came with another request before, Conflict when the first one takes longer than one waits.
        """
        if not self._is_first(scope):
            return self._earlier(scope)
        reply = make()
        sealed = self.seal.close(reply.body, place=self._place(scope))
        remember = update(IdempotentRequest).where(*self._row(scope))
        scope.session.execute(remember.values(answer_status=reply.status, answer=sealed))
        return reply

    def _is_first(self, scope: Scope) -> bool:
        """Write the key down; False when somebody did so before and it has not run out."""
        row = insert(IdempotentRequest).values(
            organisation_id=scope.organisation_id,
            user_id=scope.user_id,
            key_hash=self._hash(b"key", self.key.encode()),
            request_hash=self._hash(b"request", self.request),
            expires_at=scope.now + LIFE,
        )
        new = {name: row.excluded[name] for name in ("request_hash", "expires_at")}
        anew = row.on_conflict_do_update(
            constraint="pk_idempotent_requests",
            set_={**new, "answer_status": None, "answer": None},
            where=IdempotentRequest.expires_at <= scope.now,
        )
        with waiting_for("The first request with this Idempotency-Key is still being answered. Ask again shortly."):
            return scope.session.scalar(anew.returning(IdempotentRequest.user_id)) is not None

    def _earlier(self, scope: Scope) -> Reply:
        found: IdempotentRequest = scope.one(select(IdempotentRequest).where(*self._row(scope)))
        if not hmac.compare_digest(found.request_hash, self._hash(b"request", self.request)):
            raise Unfit("This Idempotency-Key was used for another request. Use a new one for each.")
        if found.answer_status is None or found.answer is None:
            raise RuntimeError("a create was remembered without its answer")
        try:
            return Reply(found.answer_status, self.seal.open(found.answer, place=self._place(scope)))
        except InvalidTag as error:  # the keys were changed meanwhile
            raise Conflict("This was done, but its answer cannot be given again. Look at what is there.") from error

    def _row(self, scope: Scope) -> tuple[ColumnElement[bool], ...]:
        return (
            IdempotentRequest.organisation_id == scope.organisation_id,
            IdempotentRequest.user_id == scope.user_id,
            IdempotentRequest.key_hash == self._hash(b"key", self.key.encode()),
        )

    def _hash(self, what: bytes, value: bytes) -> bytes:
        return hmac.digest(self.secret, what + b"|" + value, hashlib.sha256)

    def _place(self, scope: Scope) -> str:
        return f"idempotent_requests|{scope.user_id}|{self._hash(b'key', self.key.encode()).hex()}"


def clean_key(given: str | None) -> str:
    """Return the key of a request; Invalid when there is none or it is no plain text of at most 255 characters."""
    key = (given or "").strip().strip('"')
    if not key or len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise Invalid(f"Send {HEADER}: a new one for each create, such as a random UUID.")
    return key
