"""What the web application hands to the carrier: one download, under a name that is used once. It stays inside, in Redis.

The caller learns neither the name nor what is behind it: nginx is sent to it by X-Accel-Redirect and asks the carrier.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from typing import cast
from uuid import UUID

from redis import Redis

INTERNAL, SINGLE = "/__carried/", "/__single/"
"""The locations of nginx that nobody outside can name: for downloads, and for single answers of viewer and Explorer."""
SECONDS = 60
"""How long a download waits to be begun."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """For whom something is carried: what was true of them when they were let in. ``session`` as in the gate's Actor.

    ``studies``: what they carry, which they must still see, by the broken ``glass`` they came with if any.
    """

    organisation_id: UUID
    user_id: UUID
    role: str
    session: str
    studies: tuple[UUID, ...] = ()
    glass: UUID | None = None


@dataclass(frozen=True, slots=True)
class Carriage:
    """One download: ``url`` of a cell with the token for it, or ``file`` below the directory of exports.

    ``until``: when it ends in any case (epoch seconds); 0: when its bearer's session does. ``single``: one object or a part
    of it, for looking: a page asks for many side by side, so they wait for each other instead of being refused.
    """

    bearer: Bearer
    url: str = ""
    token: str = ""
    file: str = ""
    until: float = 0
    single: bool = False


def put(client: Redis, carriage: Carriage) -> str:
    """Lay a download ready; return the address to send nginx to."""
    name = secrets.token_hex(16)
    client.set(_key(name), json.dumps(asdict(carriage), default=str), ex=SECONDS)
    return (SINGLE if carriage.single else INTERNAL) + name


def take(client: Redis, name: str) -> Carriage | None:
    """Return what lies ready under a name, once; None when there is nothing, or not any more."""
    found = cast("bytes | None", client.getdel(_key(name)))
    if found is None:
        return None
    told = json.loads(found)
    who = told.pop("bearer")
    bearer = Bearer(
        UUID(who["organisation_id"]), UUID(who["user_id"]), who["role"], who["session"],
        tuple(map(UUID, who["studies"])), UUID(who["glass"]) if who["glass"] else None,
    )  # fmt: skip
    return Carriage(bearer, **told)


def _key(name: str) -> str:
    return f"rr:carriage:{name}"
