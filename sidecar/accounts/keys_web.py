"""One's own API keys: list, make (shown once), revoke."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sidecar.accounts import keys
from sidecar.accounts.asking import redis
from sidecar.accounts.ending import LONGEST_CELL_TOKEN
from sidecar.accounts.token_tables import ApiKey
from sidecar.adapters.redis import revoke_session
from sidecar.gate.catalogue import MEANING
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.ui.outcome import tell

bp = Blueprint("keys", __name__)
MINE = Permission.SIGNED_IN
LIVES = ((30, "30 days"), (90, "90 days"), (180, "half a year"), (365, "a year"))


class KeyForm(BaseModel):
    """What a key is for, what it may do, for how many days."""

    model_config = ConfigDict(extra="ignore")
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    scopes: Annotated[list[str], Field(max_length=50)] = []
    days: Annotated[int, Field(ge=1, le=keys.LONGEST_DAYS)]


def _page(scope: Scope, filled: Filled[KeyForm], *, made: ApiKey | None = None, text: str = "") -> str:
    return render_template(
        "account_keys.html",
        keys=keys.keys_in_force(scope, scope.user_id),
        choices=[(each.value, MEANING[each]) for each in MEANING if each in permissions_of(scope.actor)],
        meaning={each.value: words for each, words in MEANING.items()},
        lives=LIVES,
        values={"name": "", "scopes": [], "days": 90, **filled.values},
        errors=filled.errors,
        made=made,
        text=text,
    )


@route(bp, "/account/keys", needs=MINE)
def account_keys(scope: Scope) -> ResponseReturnValue:
    """List one's keys."""
    return _page(scope, Filled(None, {}))


@route(bp, "/account/keys", needs=MINE, methods=("POST",))
def account_make_key(scope: Scope) -> ResponseReturnValue:
    """Make a key and show it, this once."""
    filled = read(KeyForm, {**request.form.to_dict(), "scopes": request.form.getlist("scopes")})
    if filled.value is None:
        return _page(scope, filled), 400
    form = filled.value
    try:
        with tentatively(scope):
            made, text = keys.make_key(scope, name=form.name, scopes=form.scopes, days=form.days)
    except (Invalid, Conflict) as problem:
        return _page(scope, filled.refused("scopes", problem.message)), problem.status
    return _page(scope, Filled(None, {}), made=made, text=text)


@route(bp, "/account/keys/<uuid:key_id>/revoke", needs=MINE, methods=("POST",))
def account_revoke_key(scope: Scope, key_id: UUID) -> ResponseReturnValue:
    """Take a key back."""
    key = keys.revoke_own(scope, key_id)
    shut_in_cells(scope, key)
    tell(f"The key “{key.name}” opens nothing any more.")
    return redirect("/account/keys")


def shut_in_cells(scope: Scope, key: ApiKey) -> None:
    """Let the cells refuse what was opened in them by a key that was taken back."""
    client, until = redis(), scope.now + LONGEST_CELL_TOKEN
    scope.after_commit(lambda: revoke_session(client, key.id.hex, until=until))
