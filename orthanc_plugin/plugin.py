"""The glue: the only module that knows Orthanc. Registers the callbacks, starts the threads, translates.

Nothing is decided here. No Python runs per image: Lua asks once per second and sender for admission, and that is also
the sign to look into the change log.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import orthanc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orthanc_plugin import surface
from orthanc_plugin.archive import Archive
from orthanc_plugin.courier import Courier
from orthanc_plugin.decide import Request, bearer, decide
from orthanc_plugin.events import MAXIMUM_INSTANCES, Event, cell_started, timestamp
from orthanc_plugin.harvest import Harvester, encode
from orthanc_plugin.inbox import Inbox
from orthanc_plugin.logtail import LogTail
from orthanc_plugin.loops import Loop, Step
from orthanc_plugin.modalities import difference
from orthanc_plugin.policy import Policy, PolicyError, PolicyFile
from orthanc_plugin.refusals import LogReader, Refusal, Refusals
from orthanc_plugin.senders import Admission, admit
from orthanc_plugin.settings import read
from orthanc_plugin.tokens import TokenError, TokenVerifier

BATCH_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between two looks into the change log: the first image is told at once, a stream in ever larger pieces (a
look costs 4 ms of processor time and 0.17 ms per image, measured)."""
ACTIVE = 3.0
"""Seconds of looking often after the last sign of a sender; Lua gives one per second and sender."""
IDLE_PAUSE = 5.0
WATCH_PAUSE = 1.0
RESERVATION = 1
"""Seconds a reserved event stays away. Short: one courier takes from the queue and holds what it took in memory, so
nobody takes it twice, and after a crash the next process goes on at once."""

SETTINGS = read(os.environ)
POLICY = PolicyFile(SETTINGS.policy_file, cell=SETTINGS.cell, organisation=SETTINGS.organisation)
TOKENS = TokenVerifier()
READY = threading.Event()
REFUSALS = Refusals(time.time)
DENIED: Counter[str] = Counter()
METHODS = {
    orthanc.HttpMethod.GET: "GET",
    orthanc.HttpMethod.POST: "POST",
    orthanc.HttpMethod.PUT: "PUT",
    orthanc.HttpMethod.DELETE: "DELETE",
}
NOT_READY = 2038
"""Orthanc's error code while the database is not open: at the very start and at the very end."""


class OrthancQueue:
    """A durable queue of Orthanc's database (harvest.Queue)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, value: bytes) -> None:
        """Append."""
        orthanc.EnqueueValue(self._name, value)

    def reserve(self) -> tuple[bytes, int] | None:
        """Take the oldest for RESERVATION seconds."""
        value, identifier = orthanc.ReserveQueueValue(self._name, orthanc.QueueOrigin.FRONT, RESERVATION)
        return None if value is None else (value, identifier)

    def acknowledge(self, identifier: int) -> None:
        """Remove for good."""
        orthanc.AcknowledgeQueueValue(self._name, identifier)

    def size(self) -> int:
        """How many values, reserved ones included."""
        return int(orthanc.GetQueueSize(self._name))


class OrthancStore:
    """Durable values in Orthanc's database (harvest.Store)."""

    def load(self, name: str) -> bytes | None:
        """Read."""
        value: bytes | None = orthanc.GetKeyValue("readingroom", name)
        return value

    def save(self, name: str, value: bytes) -> None:
        """Write."""
        orthanc.StoreKeyValue("readingroom", name, value)


def rest_get(uri: str) -> bytes:
    """Orthanc's own REST, inside the process: past the gate."""
    body: bytes = orthanc.RestApiGet(uri)
    return body


def rest_post(uri: str, body: bytes) -> bytes:
    """Orthanc's own REST, inside the process: past the gate."""
    answer: bytes = orthanc.RestApiPost(uri, body)
    return answer


QUEUE = OrthancQueue("readingroom-events")
REFUSED = OrthancQueue("readingroom-refused-events")
STORE = OrthancStore()
ARCHIVE = Archive(rest_get, rest_post, cell=SETTINGS.cell)
INBOX = Inbox(SETTINGS.inbox_url, cell=SETTINGS.cell, secret_file=SETTINGS.secret_file)
COURIER = Courier(QUEUE, REFUSED, INBOX.deliver, orthanc.LogError)


class Work:
    """What the threads keep between two steps; built once the database is open."""

    harvester: Harvester | None = None
    tail: LogTail | None = None
    tail_saved = ""
    active_until = 0.0
    streak = 0
    provisioned: Policy | None = None
    announced = False


def emit(event: Event) -> None:
    """Put an event into the durable queue and send the courier."""
    QUEUE.put(encode(event))
    COURIER_LOOP.wake()


def not_ready(error: Exception) -> bool:
    """Whether Orthanc's database is not open; the hand-written wrappers of the SDK raise another type than the rest."""
    return NOT_READY in error.args or "call the database during its initialization" in str(error)


def ready(step: Step) -> Step:
    """Wait quietly while Orthanc's database is not open; every other error is the loop's to report."""

    def turn() -> float:
        if not READY.is_set():
            return 0.05
        try:
            return step()
        except (orthanc.OrthancException, TypeError) as error:
            if not not_ready(error):
                raise
            return 0.5

    return turn


def news() -> None:
    """An image is coming in now: look into the change log often for a while."""
    Work.active_until = time.monotonic() + ACTIVE
    HARVEST_LOOP.wake()


@ready
def harvest_step() -> float:
    """Move news into the queue. The pause between two looks lets images gather: one event for many."""
    Work.harvester = Work.harvester or Harvester(ARCHIVE, QUEUE, STORE)
    before = Work.harvester.cursor
    more = Work.harvester.harvest()
    found = Work.harvester.cursor != before
    Work.streak = Work.streak + 1 if found else 0
    if found:
        COURIER_LOOP.wake()
    if more:
        return 0.0
    if time.monotonic() > Work.active_until:
        return IDLE_PAUSE
    HARVEST_LOOP.rest(BATCH_PAUSES[min(Work.streak, len(BATCH_PAUSES) - 1)])
    return 0.0


@ready
def courier_step() -> float:
    """Deliver; a wait because of failures is not ended by new events, they wait behind the old ones."""
    pause = COURIER.step()
    if pause is None:
        return IDLE_PAUSE
    if pause > 0:
        COURIER_LOOP.rest(pause)
    return 0.0


def refresh_policy() -> None:
    """Take a new snapshot into force; a broken one is shouted about and the last good one stays."""
    try:
        if POLICY.refresh():
            orthanc.LogWarning(f"policy: revision {POLICY.current.revision} is in force")
    except PolicyError as error:
        orthanc.LogError(f"policy: {error}; revision {POLICY.current.revision} stays in force")


def provision() -> None:
    """Make Orthanc's modalities equal to the registered senders."""
    if Work.provisioned is POLICY.current:
        return
    policy = POLICY.current
    write, delete = difference(policy.senders, json.loads(orthanc.RestApiGet("/modalities?expand")))
    for name in delete:
        orthanc.RestApiDelete(f"/modalities/{name}")
    for name, entry in write.items():
        orthanc.RestApiPut(f"/modalities/{name}", json.dumps(entry).encode())
    Work.provisioned = policy


def watch_log() -> None:
    """Read what Orthanc logged of refused associations and report them."""
    if Work.tail is None:
        position = STORE.load("log-position")
        Work.tail = LogTail(SETTINGS.log_file, position.decode() if position else None)
    for line in Work.tail.lines():
        refusal = LOG_READER.read(line)
        if refusal is not None:
            REFUSALS.record(refusal)
    events = REFUSALS.take()
    for event in events:
        emit(event)
    if events:
        STORE.save("log-position", Work.tail.position().encode())


@ready
def watch_step() -> float:
    """Once a second: policy, senders, refusals."""
    refresh_policy()
    provision()
    watch_log()
    return WATCH_PAUSE


def first_watch_step() -> float:
    """Find out when the database is open, then let everything run."""
    if not READY.is_set():
        try:
            orthanc.RestApiGet("/system")
        except orthanc.OrthancException as error:
            if not not_ready(error):
                raise
            return 0.05
        READY.set()
    return watch_step()


def plugin_versions() -> dict[str, str]:
    """Loaded plugins with their versions."""
    names = json.loads(orthanc.RestApiGet("/plugins"))
    details = (json.loads(orthanc.RestApiGet(f"/plugins/{name}")) for name in names if name != "explorer.js")
    return {each["ID"]: each.get("Version", "") for each in details}


def unknown_routes(version: str) -> list[str]:
    """Routes of this server that nobody reviewed; surveyed once per version, remembered in the database."""
    name = f"unknown-routes-{version}"
    saved = STORE.load(name)
    if saved is None:
        offers = surface.survey("/usr/sbin/Orthanc")
        found = surface.unknown(offers, surface.known(Path(__file__).with_name("known_routes.csv")))
        saved = json.dumps(found).encode()
        STORE.save(name, saved)
    routes: list[str] = json.loads(saved)
    return routes


@ready
def announce_step() -> float:
    """Tell the sidecar once that this cell started, with what."""
    if not Work.announced:
        system = json.loads(orthanc.RestApiGet("/system"))
        routes = unknown_routes(system["Version"])
        for route in routes:
            orthanc.LogError(f"not in the reviewed table of routes, and shut: {route}")
        emit(
            cell_started(
                event_id=str(uuid4()),
                at=timestamp(time.time()),
                system=system,
                plugins=plugin_versions(),
                unknown_routes=routes,
            )
        )
        Work.announced = True
    return 3600.0


def crashed(message: str) -> None:
    """Log an unexpected error of a thread with its traceback."""
    orthanc.LogError(f"{message}\n{traceback.format_exc()}")


HARVEST_LOOP = Loop("rr-harvest", harvest_step, crashed)
COURIER_LOOP = Loop("rr-courier", courier_step, crashed)
WATCH_LOOP = Loop("rr-watch", first_watch_step, crashed)
ANNOUNCE_LOOP = Loop("rr-announce", announce_step, crashed)
LOOPS = (WATCH_LOOP, HARVEST_LOOP, COURIER_LOOP, ANNOUNCE_LOOP)
LOG_READER = LogReader(SETTINGS.aet)


def on_http_request(uri: str, **request: Any) -> bool:
    """The gate: every HTTP request passes here before Orthanc looks at it. An exception is a refusal (500)."""
    asked = Request(METHODS.get(request["method"], ""), uri, request.get("headers", {}), request.get("get", {}))
    token = bearer(asked.headers)
    principal = None
    why = ""
    if token is not None:
        try:
            principal = TOKENS.verify(token, POLICY.current, time.time())
        except TokenError as error:
            why = str(error)
    decision = decide(principal, asked)
    if not decision.allowed:
        DENIED[why or decision.reason] += 1
    elif asked.method == "POST":
        news()
    return decision.allowed


def answer_admission(output: Any, _uri: str, **request: Any) -> None:
    """Lua asks: may this AE title store from this address? HTTP clients never get here, the gate is shut."""
    aet, address, called = request["body"].decode("utf-8", "replace").split("\n", 2)
    admission = admit(POLICY.current.senders, aet, address)
    if admission is Admission.ADMITTED:
        news()
    else:
        REFUSALS.record(Refusal(aet, address, called, admission.value))
    output.AnswerBuffer(admission.value, "text/plain")


def answer_changes(output: Any, _uri: str, **request: Any) -> None:
    """The reconciler's second source: the same events from the same change log."""
    arguments = request.get("get", {})
    try:
        since = int(arguments.get("since", "0"))
        limit = min(int(arguments.get("limit", str(MAXIMUM_INSTANCES))), MAXIMUM_INSTANCES)
    except ValueError:
        since, limit = -1, 0
    if since < 0 or limit < 1:
        output.SendHttpStatusCode(400)
        return
    page = ARCHIVE.page(since, limit)
    answer = {"events": page.events, "last": page.last, "done": page.done}
    output.AnswerBuffer(json.dumps(answer, ensure_ascii=False), "application/json")


def answer_status(output: Any, _uri: str, **_request: Any) -> None:
    """What a person wants to know about a cell that seems silent."""
    harvester = Work.harvester
    answer = {
        "cell": SETTINGS.cell,
        "queue": QUEUE.size(),
        "refused_events": REFUSED.size(),
        "policy": {"revision": POLICY.current.revision, "error": POLICY.error, "senders": len(POLICY.current.senders)},
        "provisioned": Work.provisioned.revision if Work.provisioned else None,
        "courier": {
            "delivered": COURIER.report.delivered,
            "failures_in_a_row": COURIER.report.failures_in_a_row,
            "last_error": COURIER.report.last_error,
            "last_delivery_at": COURIER.report.last_delivery_at,
        },
        "harvested": {
            "instances": harvester.instances if harvester else 0,
            "change": harvester.cursor if harvester else None,
        },
        "refused_associations": REFUSALS.total,
        "denied_requests": dict(DENIED),
        "crashes": {loop.name: loop.crashes for loop in LOOPS},
    }
    output.AnswerBuffer(json.dumps(answer), "application/json")


def stop() -> None:
    """Orthanc has let go of its database: end the threads, so that Python can end."""
    for loop in LOOPS:
        loop.stop(timeout=1.0)
    INBOX.close()


# Callbacks wait for the interpreter's lock; a shorter turn keeps a C-STORE from waiting 5 ms behind the courier's JSON.
sys.setswitchinterval(0.0005)
refresh_policy()
orthanc.RegisterIncomingHttpRequestFilter(on_http_request)
orthanc.RegisterRestCallback("/readingroom/admission", answer_admission)
orthanc.RegisterRestCallback("/readingroom/changes", answer_changes)
orthanc.RegisterRestCallback("/readingroom/status", answer_status)
atexit.register(stop)
for each in LOOPS:
    each.start()
