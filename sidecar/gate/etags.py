"""Nobody changes what they have not seen: ETag and If-Match (RFC 9110 §8.8.3, §13.1.1)."""

import hashlib
import re

from sqlalchemy import text

from sidecar.gate.locks import waiting_for
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Changed, NeedsPrecondition

TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
STATE = re.compile(r'"[0-9a-f]{32}"')
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def tag_of(body: bytes) -> str:
    """Return the strong ETag of a representation: it is the same exactly when the representation is."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tags(header: str | None) -> frozenset[str]:
    """Return the tags of an If-Match or If-None-Match header; ``{"*"}`` for whatever there is."""
    value = (header or "").strip()
    return frozenset({"*"}) if value == "*" else frozenset(TAG.findall(value))


def need(header: str | None) -> frozenset[str]:
    """Return the tags of If-Match; NeedsPrecondition when an update comes without.

    A tag that we gave came to the client as a weak one if the public door compressed its answer. It still names the same
    state, and ours are all strong: without this, whoever takes gzip could change nothing that is longer than a kilobyte.
    """
    named = frozenset(tag.removeprefix("W/") for tag in tags(header))
    if not named:
        raise NeedsPrecondition("Send If-Match with the ETag of what you change, as you read it last.")
    return named


def is_state(header: str | None) -> bool:
    """Say whether If-Match names a state by a tag of ``tag_of``, and not a revision by its number."""
    return any(STATE.fullmatch(tag) for tag in need(header))


def revision(header: str | None) -> int | None:
    """Return the revision that If-Match names, for a thing whose tag is its revision; None for whatever there is."""
    (named,) = list(need(header))[:1]
    number = named.strip('"')
    if named == "*":
        return None
    if not number.isdecimal() or len(number) > 9:  # noqa: PLR2004 - fits an integer column
        raise Changed("If-Match names no revision of this. Read it again before you change it.")
    return int(number)


def refuse_changed(named: frozenset[str], current: bytes) -> None:
    """Raise Changed unless the caller saw the present representation."""
    if "*" not in named and tag_of(current) not in named:
        raise Changed("It was changed since you read it. Read it again before you change it.")


def hold(scope: Scope, name: str) -> None:
    """Let only one update of this thing through the API at a time, until the transaction ends; read anew what was read."""
    with waiting_for("Somebody else is changing it right now. Ask again shortly."):
        scope.session.execute(LOCK, {"name": name})
    scope.session.expire_all()
