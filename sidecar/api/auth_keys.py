"""JSON: ``/api/auth/keys``: one's own keys for machines. A key makes no keys: these doors ask for a person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from sidecar.accounts import keys
from sidecar.accounts.asking import redis
from sidecar.accounts.ending import LONGEST_CELL_TOKEN
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.token_tables import ApiKey
from sidecar.adapters.redis import revoke_session
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Shown, Told
from sidecar.gate.scope import Scope

bp = Blueprint("api_auth_keys", __name__)
MINE = Permission.SIGNED_IN


class NewKey(Asked):
    """What the key is for, what it may do, and for how many days."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=50, description="Permissions, of those you hold yourself.")]
    days: Annotated[int, Field(ge=1, le=keys.LONGEST_DAYS)] = 90


class KeyShown(Shown):
    """A key; ``hint`` are its last letters."""

    id: UUID
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    address: Annotated[str, Field(description="Where it was used from last.")]


class KeyAnswer(Told):
    """One key. ``text`` is the key itself, told once, when it is made."""

    key: KeyShown
    text: str | None = None


class KeysAnswer(Told):
    """One's keys."""

    keys: list[KeyShown]


def _shown(key: ApiKey) -> KeyShown:
    return KeyShown.model_validate(key)


@api.route(bp, "/api/auth/keys", needs=MINE, answer=KeysAnswer)
def auth_keys(scope: Scope) -> KeysAnswer:
    """List your keys that open anything."""
    return KeysAnswer(keys=[_shown(each) for each in keys.keys_in_force(scope, scope.user_id)])


@api.route(
    bp, "/api/auth/keys", needs=MINE, methods=("POST",), body=NewKey, answer=KeyAnswer, status=201, idempotent=True,
    refusals=(401, 403, 409), proof=need_fresh,
)  # fmt: skip
def auth_make_key(scope: Scope, body: NewKey) -> KeyAnswer:
    """Make a key. It is told this once."""
    key, text = keys.make_key(scope, name=body.name.strip(), scopes=body.scopes, days=body.days)
    return KeyAnswer(key=_shown(key), text=text)


@api.route(bp, "/api/auth/keys/<uuid:key_id>", needs=MINE, methods=("DELETE",), answer=KeyAnswer)
def auth_revoke_key(scope: Scope, key_id: UUID) -> KeyAnswer:
    """Take a key back: it opens nothing any more."""
    key = keys.revoke_own(scope, key_id)
    client, until = redis(), scope.now + LONGEST_CELL_TOKEN
    scope.after_commit(lambda: revoke_session(client, key.id.hex, until=until))
    return KeyAnswer(key=_shown(key))
