"""One connection from its first byte to its record."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from orthanc_plugin.door import pdu, tls
from orthanc_plugin.door.addresses import Addresses
from orthanc_plugin.door.admission import REJECTIONS, Caller, Outcome, judge
from orthanc_plugin.door.conversation import RETRIEVALS, Find, Rules
from orthanc_plugin.door.passage import Passage
from orthanc_plugin.door.reception import REQUEST_SECONDS, Seats, WaitingRoom, cut, receive_request
from orthanc_plugin.door.relay import relay
from orthanc_plugin.door.retrieving import attend
from orthanc_plugin.door.services import services_of
from orthanc_plugin.door.tally import Record
from orthanc_plugin.entities import Service
from orthanc_plugin.policy import Policy
from orthanc_plugin.room import Room

CELL_SECONDS = 3.0
"""How long a caller waits for a cell that is starting anew; then it is asked to try again later."""
FAREWELL_SECONDS = 1.0
"""How long a refused caller may take to read why."""


@dataclass(slots=True)
class Live:
    """An association that is being relayed."""

    connection: socket.socket
    caller: Caller
    request: pdu.AssociateRequest
    stores: bool


@dataclass(slots=True)
class House:
    """What every association needs of the process."""

    own_aet: str
    inner_port: int
    policy: Callable[[], Policy]
    addresses: Addresses
    answered: Callable[[], None]
    ended: Callable[[], None]
    record: Callable[[Record], None]
    complain: Callable[[str], None]
    find: Find
    room: Room
    waiting: WaitingRoom = field(default_factory=WaitingRoom)
    seats: Seats = field(default_factory=Seats)
    live: dict[int, Live] = field(default_factory=dict)


def serve(house: House, connection: socket.socket, address: str, context: ssl.SSLContext | None) -> None:
    """Receive a caller; `context` is that of the TLS port, None at the plain one."""
    began, caller = time.time(), Caller(address, tls=context is not None)
    house.waiting.enter(connection, address)
    try:
        if context is not None:
            connection, caller = _handshake(house, connection, caller, context)
        raw = receive_request(connection)
        request = pdu.parse(raw[pdu.HEADER :])
    except ssl.SSLError as error:
        house.record(Record(caller, tls.outcome_of(error), began, time.time()))
    except pdu.MalformedError as error:
        _say(connection, error.answer)
        house.record(Record(caller, Outcome.MALFORMED, began, time.time()))
    except TimeoutError:
        house.record(Record(caller, Outcome.TIMEOUT, began, time.time()))
    except EOFError as left:
        if left.args[0]:  # one who sends nothing only tried whether the port is open
            house.record(Record(caller, Outcome.MALFORMED, began, time.time()))
    else:
        house.waiting.leave(connection)
        _receive(house, connection, raw, Record(caller, Outcome.ACCEPTED, began, began), request)
    finally:
        house.waiting.leave(connection)
        connection.close()


def spare_the_disk(house: House) -> bool:
    """Cut those who store while others need the last of the disk; return whether that is so. What was answered for is stored."""
    if not house.room.is_gone():
        return False
    for live in [each for each in house.live.values() if each.stores]:
        cut(live.connection)
    return True


def _handshake(house: House, connection: socket.socket, caller: Caller, context: ssl.SSLContext) -> tuple[ssl.SSLSocket, Caller]:
    connection.settimeout(REQUEST_SECONDS)
    wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    house.waiting.replace(connection, wrapped)
    try:
        wrapped.do_handshake()
    except BaseException:
        house.waiting.leave(wrapped)
        wrapped.close()
        raise
    return wrapped, replace(caller, certificate=tls.fingerprint(wrapped))


def _receive(house: House, connection: socket.socket, raw: bytes, record: Record, request: pdu.AssociateRequest) -> None:
    """Judge a request; refuse it or relay it."""
    caller, policy = record.caller, house.policy()
    services = frozenset(services_of(request.abstract_syntaxes))
    record = replace(record, aet=request.calling, called_aet=request.called, services=services)
    outcome = judge(policy, house.own_aet, caller, request)
    if outcome is Outcome.ACCEPTED and not house.seats.take(caller.address):
        outcome = Outcome.TOO_MANY
    stores = _only_stores(services & policy.services_of(request.calling))
    if outcome is Outcome.ACCEPTED and stores and not house.room.has():
        house.seats.free(caller.address)
        outcome = Outcome.NO_ROOM
        house.complain("the disk has no room for more images: senders are asked to try again later")
    if outcome is not Outcome.ACCEPTED:
        _say(connection, REJECTIONS[outcome].pdu())
        house.record(replace(record, outcome=outcome, ended_at=time.time()))
        return
    house.live[id(connection)] = Live(connection, caller, request, stores)
    moved: tuple[int, int] | None = (len(raw), 0)
    passage = Passage()
    try:
        moved = _relay(house, connection, record, raw, passage)
    finally:  # however it ends, it was, and is on record
        del house.live[id(connection)]
        house.seats.free(caller.address)
        house.ended()
        if moved is not None:
            services &= policy.services_of(request.calling)
            record = replace(record, services=services, bytes_in=moved[0], bytes_out=moved[1], ended_at=time.time())
            house.record(_ended(record, passage))


def _only_stores(services: frozenset[Service]) -> bool:
    """Whether images come in and none go out: who fetches with C-GET proposes to store, too."""
    return Service.STORE in services and Service.GET not in services


def _ended(record: Record, passage: Passage) -> Record:
    """Say how an association ended that was relayed. A destination that is no node stands where the called title would."""
    record = replace(record, objects=passage.objects)
    if passage.unknown:
        return replace(record, outcome=Outcome.UNKNOWN_DESTINATION, called_aet=passage.unknown)
    return replace(record, outcome=Outcome.INCOMPLETE) if passage.failed else record


def _relay(house: House, connection: socket.socket, record: Record, raw: bytes, passage: Passage) -> tuple[int, int] | None:
    """Relay; return the bytes of both directions, None when the cell is away and the caller was asked to come again."""
    try:
        cell = _call_cell(house.inner_port, house.addresses.stand_in(record.caller.address))
    except OSError as error:
        house.complain(f"the cell does not answer: {error.strerror or type(error).__name__}")
        _say(connection, pdu.Rejection.TEMPORARY_CONGESTION.pdu())
        return None
    policy = house.policy()
    retrieves = policy.services_of(record.aet) & RETRIEVALS & record.services
    with cell:
        if retrieves:
            rules = Rules(retrieves, frozenset(each.aet for each in policy.entities if each.host), house.find)
            return attend(connection, cell, raw, rules, passage, answered=house.answered)
        return relay(connection, cell, raw, passage, answered=house.answered)


def _call_cell(port: int, source: str) -> socket.socket:
    """Connect to Orthanc from the caller's stand-in; wait for it while it starts.

    Raises:
        OSError: it did not answer in time.
    """
    deadline = time.monotonic() + CELL_SECONDS
    while True:
        try:
            cell = socket.create_connection(("127.0.0.1", port), timeout=CELL_SECONDS, source_address=(source, 0))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            cell.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cell


def _say(connection: socket.socket, answer: bytes) -> None:
    """Send the last PDU and let the caller close: closing first could destroy the answer on its way (ARTIM timer)."""
    with suppress(OSError):  # whoever hangs up before the answer has chosen not to hear it
        connection.settimeout(FAREWELL_SECONDS)
        connection.sendall(answer)
        socket.socket.shutdown(connection, socket.SHUT_WR)
        connection.recv(4096)
