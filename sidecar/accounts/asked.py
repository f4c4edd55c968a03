"""What guests asked for, on its way to the worker.

The door writes every request down and answers: whether the address has an account is looked up afterwards, by somebody whose time
nobody measures (CWE-208). Sealed, in Redis; what is lost with Redis is asked for again.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

from redis import Redis

from sidecar.adapters.seals import Seal

LIST = "rr:guests"
PLACE = "redis|guests|asked"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. With an organisation it is a registration there, without one somebody forgot a password.

    ``request_id`` and ``address`` are the door's, for the journal.
    """

    email: str
    request_id: str
    address: str
    organisation_id: str = ""
    name: str = ""
    password_hash: str = ""
    password_pepper: int = 0


def put(redis: Redis, seal: Seal, asked: Asked) -> None:
    """Write a request down."""
    redis.rpush(LIST, seal.close(json.dumps(asdict(asked)).encode(), place=PLACE))


def take_all(redis: Redis, seal: Seal) -> Iterator[Asked]:
    """Take one after the other, the first comer first, until there is none."""
    while sealed := cast("bytes | None", redis.lpop(LIST)):
        yield Asked(**json.loads(seal.open(sealed, place=PLACE)))
