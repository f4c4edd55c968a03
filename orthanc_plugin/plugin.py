"""The glue: the only module that knows Orthanc. Registers the callbacks, starts the threads, translates.

Nothing is decided here. No Python runs per image: the door says a few times a second that images are flowing, and that
is the sign to look into the change log.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orthanc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orthanc_plugin.announce import announcement
from orthanc_plugin.archive import Archive
from orthanc_plugin.courier import Courier
from orthanc_plugin.decide import Request, Verdict
from orthanc_plugin.digests import MOST, digests
from orthanc_plugin.door.addresses import Addresses
from orthanc_plugin.door.news import Listener
from orthanc_plugin.door.records import Records
from orthanc_plugin.events import MAXIMUM_INSTANCES, Event
from orthanc_plugin.explorer import Context
from orthanc_plugin.finding import MalformedError
from orthanc_plugin.gate import Gate
from orthanc_plugin.harvest import Harvester, encode
from orthanc_plugin.holdings import Desk
from orthanc_plugin.inbox import Inbox
from orthanc_plugin.inner_port import keep_inside
from orthanc_plugin.logfile import keep_small
from orthanc_plugin.logtext import one_line
from orthanc_plugin.loops import Loop, Step
from orthanc_plugin.owners import Owners
from orthanc_plugin.pace import IDLE, Pace
from orthanc_plugin.passing import about, native
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.room import Lookout
from orthanc_plugin.routes import ROUTES, unanswered
from orthanc_plugin.sealing import Seals
from orthanc_plugin.settings import read
from orthanc_plugin.stacks import deepen
from orthanc_plugin.tokens import Kind, Principal
from orthanc_plugin.visits import Visits
from orthanc_plugin.watch import PolicyKeeper
from orthanc_plugin.worklist import Worklist, WorklistError

NOT_READY = 2038
"""Orthanc's error code while the database is not open: at the very start and at the very end."""
UNKNOWN = 17
"""Orthanc's error code for a resource that does not exist, and for acknowledging what is not reserved any more."""
CLIENTS_FAULT = frozenset({3, 5, 8, 12, 15, 37})
"""Orthanc's error codes for arguments and bodies that make no sense."""
RESERVATION = 1
"""Seconds a reserved event stays away. Short: one courier takes from the queue and holds what it took in memory, so
nobody takes it twice, and after a crash the next process goes on at once."""
START_UP = 20.0
"""Seconds that Orthanc may take until its REST answers; an error after that is an error."""
STARTED = time.monotonic()
METHODS = {
    orthanc.HttpMethod.GET: "GET",
    orthanc.HttpMethod.POST: "POST",
    orthanc.HttpMethod.PUT: "PUT",
    orthanc.HttpMethod.DELETE: "DELETE",
}


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
        """Remove for good, also when a slow inbox let the reservation run out: take it anew, it is at the front again.

        Without that an inbox that needs longer than RESERVATION would be sent the same events for ever.
        """
        reserved: int | None = identifier
        while reserved is not None and reserved <= identifier:
            if reserved == identifier:
                try:
                    orthanc.AcknowledgeQueueValue(self._name, identifier)
                except orthanc.OrthancException as error:
                    if error.args[0] != UNKNOWN:
                        raise
                else:
                    return
            _, reserved = orthanc.ReserveQueueValue(self._name, orthanc.QueueOrigin.FRONT, RESERVATION)

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


class OrthancRest:
    """Orthanc's own REST inside the process (watch.Rest)."""

    def get(self, uri: str) -> bytes:
        """GET."""
        body: bytes = orthanc.RestApiGet(uri)
        return body

    def find(self, uri: str) -> Any:
        """GET of JSON; None when Orthanc has no such resource (owners.Find)."""
        try:
            return json.loads(orthanc.RestApiGet(uri))
        except orthanc.OrthancException as error:
            if error.args[0] != UNKNOWN:
                raise
            return None

    def post(self, uri: str, body: bytes) -> bytes:
        """POST."""
        answer: bytes = orthanc.RestApiPost(uri, body)
        return answer

    def put(self, uri: str, body: bytes) -> None:
        """PUT."""
        orthanc.RestApiPut(uri, body)

    def delete(self, uri: str) -> None:
        """DELETE."""
        orthanc.RestApiDelete(uri)


SETTINGS = read(os.environ)
QUEUE, REFUSED = OrthancQueue("readingroom-events"), OrthancQueue("readingroom-refused-events")
STORE, REST = OrthancStore(), OrthancRest()
POLICY = PolicyFile(SETTINGS.policy_file, cell=SETTINGS.cell, organisation=SETTINGS.organisation)
KEEPER = PolicyKeeper(POLICY, REST, say=orthanc.LogWarning, shout=lambda said: orthanc.LogError(one_line(said)))
OWNERS = Owners(REST.find, REST.post)
GATE = Gate(POLICY, OWNERS)
EXPLORERS_EXTENSION = "/plugins/explorer.js"
EXTENSION = Path(__file__).with_name("explorer.js").read_bytes()
ANSWERED = (
    r"/(patients|studies|series)",
    r"/patients/([^/]+)",
    r"/patients/([^/]+)/(studies|series|instances)",
    r"/tools/(find|lookup|count-resources)",
    r"/statistics",
    r"/system",
    r"/plugins/explorer\.js",
)
"""Where Orthanc must not answer a reading context: in its place we do, and hand everybody else on."""
SETTINGS.records.mkdir(mode=0o700, parents=True, exist_ok=True)
RECORDS, NEWS = Records(SETTINGS.records), Listener(SETTINGS.news)
DESK = Desk(SETTINGS.desk, REST.post)
ARCHIVE = Archive(REST.get, REST.post, cell=SETTINGS.cell, caller=Addresses(SETTINGS.addresses).caller)


def stored(study: str) -> None:
    """Images of a study were stored and told of."""
    SEALS.note(study)


HARVESTER = Harvester(ARCHIVE, QUEUE, STORE, note=stored)
SEALS = Seals(SETTINGS.sealed, SETTINGS.directory / "storage", REST, HARVESTER, lambda said: orthanc.LogError(one_line(said)))
LOOKOUT = Lookout(SETTINGS.room, orthanc.LogError)
PACE = Pace()
INBOX = Inbox(SETTINGS.inbox_url, cell=SETTINGS.cell, secret_file=SETTINGS.secret_file)
COURIER = Courier(QUEUE, REFUSED, INBOX.deliver, lambda said: orthanc.LogError(one_line(said)))
WORKLIST = Worklist(
    SETTINGS.directory / "worklist.json",
    cell=SETTINGS.cell,
    organisation=SETTINGS.organisation,
)
PASSED: dict[int, str] = {}
"""By thread, the path of the request that the gate let in last: Orthanc answers a request in one thread. Its plugins ask
each other with that request's own headers, so nothing else tells their questions from a caller's."""
READY, ANNOUNCED, ALL_HERE = threading.Event(), threading.Event(), threading.Event()


def emit(event: Event) -> None:
    """Put an event into the durable queue and send the courier."""
    QUEUE.put(encode(event))
    COURIER_LOOP.wake()


VISITS = Visits(emit)


def news(ended: bool = False) -> None:  # noqa: FBT001, FBT002 - what the door's datagram says
    """Images are coming in now, or a sender has just ended: then all of them are here."""
    PACE.news(time.monotonic())
    HARVEST_LOOP.wake()
    if ended:
        ALL_HERE.set()


def when_ready(step: Step) -> Step:
    """Wait quietly while Orthanc's database is not open; every other error is the loop's to report."""

    def turn() -> float:
        if not READY.is_set():
            return 0.05
        return quietly(step)

    return turn


def quietly(step: Step) -> float:
    """Run a step; "not ready" is a pause. The hand-written wrappers of the SDK raise TypeError instead of its own type."""
    try:
        return step()
    except (orthanc.OrthancException, TypeError) as error:
        # While Orthanc starts, its parts come up one after the other and its errors do not say which one is missing.
        if not READY.is_set() and time.monotonic() < STARTED + START_UP:
            return 0.05
        if NOT_READY not in error.args and "call the database during its initialization" not in str(error):
            raise
        return 0.5


def harvest_step() -> float:
    """Move news into the queue. A pause between two looks is not ended by the next image, only by a sender's end."""
    before = HARVESTER.instances
    more = HARVESTER.harvest()
    found = HARVESTER.instances - before
    if found:
        COURIER_LOOP.wake()
    pause = PACE.after(found=found, more=more, now=time.monotonic())
    if pause == IDLE:
        return pause
    ALL_HERE.wait(pause)
    ALL_HERE.clear()
    return 0.0


def courier_step() -> float:
    """Deliver. A wait because of failures is not ended by new events: they wait behind the old ones."""
    pause = COURIER.step()
    if pause is None:
        return IDLE
    COURIER_LOOP.rest(pause)
    return 0.0


def watch_step() -> float:
    """Once a second: policy, modalities, the door's records. Its first success opens the way for the other threads."""
    before = POLICY.current
    KEEPER.refresh()
    if POLICY.current is not before:
        SEAL_LOOP.wake()
    KEEPER.provision()
    READY.set()
    RECORDS.take(emit)
    LOOKOUT.look()
    VISITS.sweep()
    keep_small(SETTINGS.log_file)
    return 1.0


def news_step() -> float:
    """Wait for the door to say that the cell answered somebody."""
    NEWS.wait(news)
    return 0.0


def bolt_inner_port() -> None:
    """Shut Orthanc's own DICOM port to the network, or stop: no cell runs without its door."""
    try:
        strangers = keep_inside(SETTINGS.inner_dicom_port)
    except OSError as error:
        orthanc.LogError(f"the inner DICOM port could not be bolted, the cell stops: {error.strerror}")
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        orthanc.LogWarning(f"the inner DICOM port answers the door only; {strangers} strangers cut")


def announce_step() -> float:
    """Once."""
    if not ANNOUNCED.is_set():
        event = announcement(REST, STORE, json.loads(orthanc.GetConfiguration())["Plugins"])
        for route in event["unknown_routes"]:
            orthanc.LogError(f"not in the reviewed table of routes, and shut: {route}")
        emit(event)
        ANNOUNCED.set()
    return 3600.0


def desk_step() -> float:
    """The door asks which objects a retrieval means."""
    DESK.answer_one()
    return 0.0


def seal_step() -> float:
    """Deleted studies leave the archive, and come back."""
    return SEALS.look(POLICY.current)


def crashed(message: str) -> None:
    """Log an unexpected error of a thread."""
    orthanc.LogError(one_line(message))


WATCH_LOOP = Loop("rr-watch", lambda: quietly(watch_step), crashed)
HARVEST_LOOP = Loop("rr-harvest", when_ready(harvest_step), crashed, unblock=ALL_HERE.set)
COURIER_LOOP = Loop("rr-courier", when_ready(courier_step), crashed)
ANNOUNCE_LOOP = Loop("rr-announce", when_ready(announce_step), crashed)
NEWS_LOOP = Loop("rr-news", news_step, crashed, unblock=NEWS.unblock)
DESK_LOOP = Loop("rr-desk", when_ready(desk_step), crashed, unblock=DESK.unblock)
SEAL_LOOP = Loop("rr-seals", when_ready(seal_step), crashed)
LOOPS = (WATCH_LOOP, HARVEST_LOOP, COURIER_LOOP, ANNOUNCE_LOOP, NEWS_LOOP, DESK_LOOP, SEAL_LOOP)


def request_of(uri: str, request: dict[str, Any]) -> Request:
    """What the gate is told of a request. The filter is given the method as a number, a REST callback as a word."""
    method = request["method"]
    return Request(METHODS.get(method, method), uri, request.get("headers", {}), request.get("get", {}))


def on_http_request(uri: str, **request: Any) -> bool:
    """The gate: every HTTP request passes here before Orthanc looks at it. An exception is a refusal (500)."""
    asked = request_of(uri, request)
    if GATE.admit(asked, OWNERS.uid, VISITS.note).verdict is Verdict.DENY:
        return False
    PASSED[threading.get_ident()] = uri
    if asked.method == "POST":
        news()
    return True


def in_place(asked: Request, principal: Principal, verdict: Verdict, body: bytes) -> bytes | None:
    """The answer in Orthanc's place: a context is answered with its studies, everybody else handed on. None: not found."""
    if asked.path == EXPLORERS_EXTENSION:
        return EXTENSION
    if asked.path == "/system" and principal.kind is not Kind.SERVICE:
        return json.dumps(about(json.loads(REST.get(asked.path)))).encode()
    if verdict is Verdict.ANSWER:
        answer = Context(principal.studies, OWNERS, REST.find, REST.post).answer(asked, body)
        return None if answer is None else json.dumps(answer).encode()
    path = native(asked)
    return REST.get(path) if asked.method == "GET" else REST.post(path, body)


def answer_in_place(output: Any, uri: str, **request: Any) -> None:
    """A route of ANSWERED: judged once more, then answered."""
    asked = request_of(uri, request)
    if PASSED.get(threading.get_ident(), "").startswith("/dicom-web/"):  # Orthanc's DICOMweb asks on behalf of what was let in
        told = REST.get(native(asked)) if asked.method == "GET" else REST.post(uri, request["body"])
        output.AnswerBuffer(told, "application/json")
        return
    principal, decision = GATE.judge(asked)
    if principal is None or decision.verdict is Verdict.DENY:
        output.SendHttpStatusCode(403)
        return
    status, answer = 404, None
    try:
        answer = in_place(asked, principal, decision.verdict, request.get("body", b""))
    except MalformedError:
        status = 400
    except orthanc.OrthancException as error:
        if error.args[0] != UNKNOWN and error.args[0] not in CLIENTS_FAULT:
            raise
        status = 404 if error.args[0] == UNKNOWN else 400
    if answer is None:
        output.SendHttpStatusCode(status)
    else:
        output.AnswerBuffer(answer, "application/javascript" if uri == EXPLORERS_EXTENSION else "application/json")


def answer_changes(output: Any, _uri: str, **request: Any) -> None:
    """The reconciler's second source: the same events from the same change log."""
    arguments = request.get("get", {})
    since, limit = arguments.get("since", "0"), arguments.get("limit", str(MAXIMUM_INSTANCES))
    if not (since.isdecimal() and limit.isdecimal() and int(limit) > 0):
        output.SendHttpStatusCode(400)
        return
    page = ARCHIVE.page(int(since), min(int(limit), MAXIMUM_INSTANCES))
    answer = {"events": page.events, "last": page.last, "done": page.done}
    output.AnswerBuffer(json.dumps(answer, ensure_ascii=False), "application/json")


def answer_digests(output: Any, _uri: str, **request: Any) -> None:
    """What the files of some instances are now (``instances``: their ids, with commas between)."""
    asked = request.get("get", {}).get("instances", "").split(",")
    if len(asked) > MOST or not all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}", each) for each in asked):
        output.SendHttpStatusCode(400)
        return
    output.AnswerBuffer(json.dumps(digests(REST.find, SETTINGS.directory / "storage", asked)), "application/json")


def answer_sealed(output: Any, _uri: str, **request: Any) -> None:
    """How many images of a withheld study are sealed, and which policy archive and seals agree with; DELETE removes them."""
    (study,) = request["groups"]
    if request["method"] == "DELETE":
        SEALS.discard(study)
    told = {"images": SEALS.count(study), "failing": SEALS.failing.get(study, 0), "revision": SEALS.revision}
    output.AnswerBuffer(json.dumps(told), "application/json")


def answer_status(output: Any, _uri: str, **_request: Any) -> None:
    """What a person wants to know about a cell that seems silent."""
    policy, report = POLICY.current, COURIER.report
    answer = {
        "cell": SETTINGS.cell,
        "queue": QUEUE.size(),
        "refused_events": REFUSED.size(),
        "policy": {"revision": policy.revision, "error": POLICY.error, "senders": len(policy.entities)},
        "provisioned": KEEPER.provisioned.revision if KEEPER.provisioned else None,
        "courier": {
            "delivered": report.delivered,
            "failures_in_a_row": report.failures_in_a_row,
            "last_error": report.last_error,
            "last_delivery_at": report.last_delivery_at,
        },
        "harvested": {"instances": HARVESTER.instances, "change": HARVESTER.cursor},
        "room": SETTINGS.room.has(),
        "failing_seals": sum(SEALS.failing.values()),
        "denied_requests": dict(GATE.denied),
        "crashes": {loop.name: loop.crashes for loop in LOOPS},
    }
    output.AnswerBuffer(json.dumps(answer), "application/json")


def answer_worklist(answers: Any, query: Any, _connection: Any) -> None:
    """A modality asks what it is to do (PS3.4 annex K).

    Orthanc let in only who has the service, and cuts the answers to the attributes that were asked for.
    """
    human, no_flags = orthanc.DicomToJsonFormat.HUMAN, orthanc.DicomToJsonFlags.NONE
    asked = json.loads(orthanc.DicomBufferToJson(query.WorklistGetDicomQuery(), human, no_flags, 0))
    try:
        for step in WORKLIST.find(asked):
            answers.WorklistAddAnswer(query, step)
    except WorklistError as error:
        orthanc.LogError(one_line(f"worklist: {error}"))
        raise


def stop() -> None:
    """Orthanc has let go of its database: end the threads, so that Python can end."""
    for loop in LOOPS:
        loop.stop(timeout=1.0)
    INBOX.close()
    if left := VISITS.close():  # the queue is shut already: the next start takes them from here
        RECORDS.write(left)


# A callback waits for the interpreter's lock; a shorter turn keeps it from waiting 5 ms behind the courier's JSON.
sys.setswitchinterval(0.0005)
KEEPER.refresh()
if not deepen():
    orthanc.LogError("the HTTP threads keep their small stacks: deeply nested sequences may end this process")
orthanc.RegisterIncomingHttpRequestFilter(on_http_request)
if unguarded := unanswered(ROUTES, ANSWERED):
    raise RuntimeError(f"the table says we answer these, and nothing does: {unguarded}")
for pattern in ANSWERED:
    orthanc.RegisterRestCallback(pattern, answer_in_place)
orthanc.RegisterRestCallback("/readingroom/changes", answer_changes)
orthanc.RegisterRestCallback("/readingroom/digests", answer_digests)
orthanc.RegisterRestCallback("/readingroom/sealed/([^/]+)", answer_sealed)
orthanc.RegisterRestCallback("/readingroom/status", answer_status)
orthanc.RegisterWorklistCallback2(answer_worklist)
atexit.register(stop)
threading.Thread(target=bolt_inner_port, name="rr-bolt", daemon=True).start()
for each in LOOPS:
    each.start()
