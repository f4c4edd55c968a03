"""Open sessions, here called visits: one Redis hash each, apart from what Flask keeps in a session.

Flask reads a session before a request and writes it back after it: two requests side by side can undo each other. So what
decides whether somebody is let in (began, last act, second factor, current cookie) stands here and changes in one step only.
A visit that is gone stays gone: nothing but a sign-in begins a new one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from redis import Redis

from sidecar.gate.actor import Actor

IDLE = timedelta(minutes=15)
"""Without an act of its person a session ends (45 CFR 164.312(a)(2)(iii))."""
LONGEST = timedelta(hours=12)
"""From sign-in until everybody signs in again, busy or not."""
LOOK = """
local began, seen, sid = unpack(redis.call('HMGET', KEYS[1], 'began', 'seen', 'sid'))
local now = tonumber(ARGV[1])
if not began then return {} end
if now - began > tonumber(ARGV[2]) or now - seen > tonumber(ARGV[3]) then redis.call('DEL', KEYS[1]) return {} end
if ARGV[4] ~= '' and ARGV[4] ~= sid then return {} end
if ARGV[5] == '1' and now > tonumber(seen) then redis.call('HSET', KEYS[1], 'seen', ARGV[1]) end
return redis.call('HGETALL', KEYS[1])
"""
CARRY = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
"""
CHANGE = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return 1 end return 0"


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody sits: what the browser calls itself, and the address it came from."""

    agent: str
    address: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One open session. ``id`` names it in tokens and lists and opens nothing."""

    id: str
    user_id: UUID
    organisation_id: UUID
    began_at: datetime
    seen_at: datetime
    fresh_at: datetime | None
    signed_at: datetime | None
    device: Device

    @property
    def idle_at(self) -> datetime:
        """When it ends if its person does nothing more."""
        return min(self.seen_at + IDLE, self.ends_at)

    @property
    def ends_at(self) -> datetime:
        """When it ends whatever its person does."""
        return self.began_at + LONGEST


def open_visit(redis: Redis, actor: Actor, *, sid: str, now: datetime, device: Device | None = None) -> None:
    """Write down a session that begins now, with its second factor just proved. ``sid``: the hash of the cookie's id."""
    moment, device = str(now.timestamp()), device or Device("", "")
    facts: dict[Any, Any] = {
        "user": str(actor.user_id), "organisation": str(actor.organisation_id), "sid": sid, "agent": device.agent[:400],
        "address": device.address, "began": moment, "seen": moment, "fresh": moment,
    }  # fmt: skip
    with redis.pipeline() as pipe:
        pipe.hset(_key(actor.session), mapping=facts)
        pipe.expire(_key(actor.session), LONGEST + timedelta(hours=1))
        pipe.sadd(_list(actor.user_id), actor.session)
        pipe.expire(_list(actor.user_id), LONGEST + timedelta(hours=1))
        pipe.execute()


def look(redis: Redis, visit: str, *, now: datetime, sid: str = "", act: bool = False) -> Visit | None:
    """Return an open session, or None when it ended, is idle, too old, or ``sid`` is an earlier cookie of it.

    ``act``: its person did something just now, which keeps it from being idle.
    """
    limits = (LONGEST.total_seconds(), IDLE.total_seconds())
    call = cast("Callable[..., list[bytes]]", redis.eval)
    found = call(LOOK, 1, _key(visit), now.timestamp(), *limits, sid, "1" if act else "0")
    if not found:
        return None
    facts = {name.decode(): value.decode() for name, value in zip(found[::2], found[1::2], strict=True)}
    return Visit(
        visit, UUID(facts["user"]), UUID(facts["organisation"]), _moment(facts["began"]), _moment(facts["seen"]),
        _perhaps(facts.get("fresh")), _perhaps(facts.get("signed")), Device(facts["agent"], facts["address"]),
    )  # fmt: skip


def visits_of(redis: Redis, user_id: UUID, *, now: datetime) -> list[Visit]:
    """Return a person's open sessions, the one used last first."""
    names = [name.decode() for name in cast("set[bytes]", redis.smembers(_list(user_id)))]
    found = {name: look(redis, name, now=now) for name in names}
    gone = [name for name, visit in found.items() if visit is None]
    if gone:
        redis.srem(_list(user_id), *gone)
    return sorted((visit for visit in found.values() if visit), key=lambda visit: visit.seen_at, reverse=True)


def forget_gone(redis: Redis, *, now: datetime) -> int:
    """Take sessions that ended off the lists of people who never look at theirs; return how many lists were looked through.

    The sessions themselves run out in Redis an hour after they may be used.
    """
    people = [key.decode() for key in cast("Iterable[bytes]", redis.scan_iter(match=_list_named("*"), count=1000))]
    for key in people:
        visits_of(redis, UUID(key.removeprefix(_list_named(""))), now=now)
    return len(people)


def shut(redis: Redis, user_id: UUID, visit: str) -> None:
    """End a session. What runs beside this finds it gone at its next look."""
    redis.delete(_key(visit))
    redis.srem(_list(user_id), visit)
    redis.srem(_carrying(user_id), visit)


def carry(redis: Redis, user_id: UUID, visit: str) -> None:
    """Write down that an open session began a download: it may go on while its person sits still, not once they are out."""
    call = cast("Callable[..., Any]", redis.eval)
    call(CARRY, 2, _key(visit), _carrying(user_id), visit, int(LONGEST.total_seconds()))


def carries(redis: Redis, user_id: UUID, visit: str) -> bool:
    """Tell whether a session's downloads may go on: nobody ended it since they began."""
    return bool(redis.sismember(_carrying(user_id), visit))


def stop_carrying(redis: Redis, user_id: UUID, *, keep: str = "") -> None:
    """End the downloads of all of a person's sessions but ``keep``, idle ones included."""
    begun = {name.decode() for name in cast("set[bytes]", redis.smembers(_carrying(user_id)))}
    if begun - {keep}:
        redis.srem(_carrying(user_id), *(begun - {keep}))


def note_fresh(redis: Redis, visit: str, *, now: datetime) -> None:
    """Write down that the second factor was proved again."""
    _change(redis, visit, "fresh", str(now.timestamp()))


def note_signed(redis: Redis, visit: str, *, now: datetime) -> None:
    """Write down that this session signed."""
    _change(redis, visit, "signed", str(now.timestamp()))


def renew(redis: Redis, visit: str, *, sid: str) -> None:
    """Give the session another cookie: the earlier one opens nothing from now on."""
    _change(redis, visit, "sid", sid)


def _change(redis: Redis, visit: str, name: str, value: str) -> None:
    """Write one field of a session that is still open, never of one that ended meanwhile."""
    call = cast("Callable[..., Any]", redis.eval)
    call(CHANGE, 1, _key(visit), name, value)


def _key(visit: str) -> str:
    return f"rr:visit:{visit}"


def _list(user_id: UUID | None) -> str:
    return _list_named(str(user_id))


def _list_named(name: str) -> str:
    return f"rr:visits:{name}"


def _carrying(user_id: UUID) -> str:
    return f"rr:carrying:{user_id}"


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


def _perhaps(text: str | None) -> datetime | None:
    return _moment(text) if text else None
