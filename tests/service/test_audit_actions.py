"""Every access leaves exactly one trace of each thing that happened, complete and before the answer; else it is refused."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from flask import Flask
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from sidecar.accounts.member_tables import RoleChange
from sidecar.adapters.lookups import Lookup
from sidecar.audit.vocabulary import code_of
from sidecar.gate.actor import Role
from sidecar.gate.refusals import EACH
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.kernel.canonical import canonical
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_orders import FORM
from tests.service.test_reports_web import TEXT

Browse = Callable[[Person | None], Browser]
Row = dict[str, Any]


class Entry(BaseModel):
    """What PS3.15 A.5.2 asks of every event, as the journal holds it: nothing more, nothing less."""

    model_config = ConfigDict(extra="forbid")
    at: AwareDatetime
    kind: str = Field(pattern=r"^[a-z]+(\.[a-z-]+){2}$")
    actor: UUID | None
    actor_organisation: UUID | None
    name: str
    role: Role | None
    address: str
    request: str
    outcome: Literal[0, 4, 8, 12]
    study: UUID | None
    study_uid: str = Field(default="1", pattern=r"^[0-9.]{1,64}$")
    facts: dict[str, Any]
    glass: UUID | None = None
    link: UUID | None = None


@pytest.fixture
def told(services: Instance) -> Iterator[Callable[[TestResponse], list[Row]]]:
    """Return what one request put on record, in whomever's chain, in order: the database's superuser sees all."""
    with postgres.connect(services.layout, postgres.DATABASE) as connection:

        def rows(answer: TestResponse) -> list[Row]:
            found = connection.execute(
                "SELECT body FROM journal WHERE body LIKE %s ORDER BY organisation_id, sequence",
                (f'%"request":"{answer.headers["X-Request-Id"]}"%',),
            ).fetchall()
            return [json.loads(str(body)) for (body,) in found]

        yield rows


Told = Callable[[TestResponse], list[Row]]


class Play:
    """Sixty actions of the cast, each with what it must put on record."""

    def __init__(self, browse: Browse, cast: Cast, scopes: Scopes, told: Told) -> None:
        self.browse, self.cast, self.scopes, self.told = browse, cast, scopes, told
        self.study = make_study(scopes, cast.mercy, reading=cast.nightowls)
        self.other = make_study(scopes, cast.mercy, reading=cast.nightowls)
        self.done = 0
        self.entries: list[Row] = []
        self.wrong: list[str] = []

    def act(self, person: Person | None, method: str, path: str, *expected: str, **options: Any) -> TestResponse:
        answer = self.browse(person).ask(method, path, **options)
        answer.get_data()  # an export comes piece by piece
        rows = self.told(answer)
        self.done += 1
        self.entries += rows
        kinds = sorted(row["kind"] for row in rows)
        if kinds != sorted(expected):
            self.wrong.append(f"{method} {path} ({answer.status_code}): expected {sorted(expected)}, found {kinds}")
        return answer


def look(play: Play) -> None:
    """Lists, searches, previews, desks."""
    cast, study = play.cast, play.study
    for person in (cast.reader, cast.lead):
        play.act(person, "GET", "/worklist", "audit.list.shown")
    play.act(cast.reader, "GET", "/worklist/changes?since=0")  # the same list, refreshed: one look
    play.act(cast.reader, "POST", "/worklist/rows", "audit.list.shown", data={"q": "Doe", "view": "open"})
    play.act(
        cast.reader,
        "GET",
        "/worklist/changes?since=0&q=Doe",
    )
    play.act(cast.second_reader, "GET", "/worklist/changes?since=0", "audit.list.shown")
    play.act(cast.reader, "GET", f"/worklist/{study.id}/preview", "studies.study.opened")
    play.act(cast.lead, "GET", f"/worklist/{study.id}/assign", "audit.record.shown")
    for person in (cast.owner, cast.mercy_admin):
        play.act(person, "GET", "/hospital", "audit.list.shown")
    play.act(cast.owner, "POST", "/hospital/rows", "audit.list.shown", data={"q": "Jane"})
    play.act(cast.owner, "GET", f"/reading/{study.id}", "studies.study.opened")
    play.act(cast.owner, "GET", f"/reading/{study.id}/images", "studies.study.opened")
    play.act(cast.owner, "GET", "/dicom-web/own/studies", "audit.list.shown")
    play.act(cast.owner, "GET", "/dicom-web/own/studies?PatientName=Doe*", "audit.list.shown")
    for verb in ("download", "send", "delete"):
        play.act(cast.mercy_manager, "GET", f"/studies/{study.id}/{verb}", "audit.record.shown")
    for page in ("jobs", "deleted", "retention"):
        play.act(cast.mercy_manager, "GET", f"/archive/{page}", "audit.list.shown")
    play.act(cast.mercy_manager, "GET", "/exports/new", "audit.list.shown")
    play.act(cast.mercy_manager, "POST", "/exports/studies", "audit.list.shown", data={"q": "Doe"})
    play.act(cast.reader, "GET", "/worklist/views")  # numbers only


def read(play: Play) -> None:
    """From claiming to the printed report."""
    cast, study = play.cast, play.study
    play.act(cast.reader, "POST", f"/worklist/{study.id}/claim", "assignment.study.claimed")
    opened = play.act(
        cast.reader,
        "POST",
        "/api/reports",
        "assignment.reading.started",
        "reports.report.opened",
        json={"study_id": str(study.id)},
    )
    report = opened.json["id"]  # type: ignore[index]
    play.act(cast.reader, "POST", "/api/reports", "reports.report.read", json={"study_id": str(study.id)})
    play.act(cast.reader, "PUT", f"/api/reports/{report}/draft", "reports.report.saved", json={"sections": TEXT, "revision": 0})
    play.act(cast.second_reader, "GET", f"/api/reports/{report}", "reports.report.read")
    play.act(cast.reader, "GET", f"/reading/{study.id}/review", "reports.report.read")
    proof = {"password": PASSWORD, "code": "000000", "meaning": "author", "revision": 1}
    play.act(cast.reader, "POST", f"/api/reports/{report}/sign", "accounts.user.sign-in-failed", json=proof)
    # The first signature of a house makes its certificate; signing sets an end to the group's access.
    signing = ("reports.report.signed", "reports.authority.made", "studies.reading.end-set")
    play.act(cast.reader, "POST", f"/api/reports/{report}/sign", *signing, json={**proof, "code": cast.reader.code()})
    for person in (cast.owner, cast.reader):
        play.act(person, "GET", f"/reports/{report}", "reports.report.read")
        play.act(person, "GET", f"/reports/{report}/report.pdf", "reports.report.read")
    play.act(cast.owner, "GET", f"/api/reports/{report}", "reports.report.read")


def keep(play: Play) -> None:
    """Orders, holds, deletion, people, configuration."""
    cast, study = play.cast, play.other
    play.act(cast.owner, "GET", "/orders", "audit.list.shown")
    play.act(cast.owner, "POST", "/orders", "orders.order.added", data=FORM)
    order = re.findall(r"/orders/([0-9a-f-]{36})", play.act(cast.owner, "GET", "/orders?day=", "audit.list.shown").text)[0]
    play.act(cast.owner, "GET", f"/orders/{order}", "audit.record.shown")
    play.act(cast.owner, "POST", f"/orders/{order}", "orders.order.changed", data={**FORM, "modality": "MR"})
    play.act(cast.owner, "POST", f"/orders/{order}/status", "orders.order.moved", data={"status": "arrived"})
    play.act(cast.lead, "POST", f"/api/studies/{study.id}/priority", "studies.study.prioritised", json={"priority": "stat"})
    play.act(cast.mercy_manager, "POST", f"/studies/{study.id}/hold", "archive.hold.set", data={"reason": "case 1"})
    play.act(cast.mercy_manager, "POST", f"/studies/{study.id}/hold/lift", "archive.hold.lifted", data={"reason": "over"})
    play.act(cast.mercy_manager, "GET", f"/studies/{study.id}/archive.zip", "archive.study.downloaded")
    play.act(cast.mercy_manager, "GET", f"/api/studies/{study.id}/download?form=media", "archive.study.downloaded")
    deletion = {"reason": "test-images", "explanation": "", "images": "2"}
    play.act(cast.owner, "POST", f"/studies/{study.id}/delete", "archive.study.deleted", data=deletion)
    play.act(cast.mercy_admin, "POST", "/archive/retention", "archive.retention.changed", data={"years": "12"})
    someone = {"email": f"new.{uuid4().hex[:8]}@example.org", "name": "New Person", "role": "technician"}
    play.act(cast.mercy_admin, "POST", "/admin/users", "accounts.user.invited", data=someone)
    shut = ("accounts.user.disabled", "accounts.user.sessions-ended")
    play.act(cast.mercy_admin, "POST", f"/admin/users/{cast.colleague.user_id}/disable", *shut)


def dare(play: Play) -> None:
    """What is dear: coming in, roles, the broken glass, what leaves the house by a link or without names."""
    cast, study = play.cast, play.study
    proof = {"email": cast.luke_admin.email, "password": PASSWORD, "code": cast.luke_admin.code()}
    play.act(None, "POST", "/api/auth/login", "accounts.user.signed-in", json=proof)
    play.act(
        cast.mercy_admin,
        "POST",
        f"/admin/users/{cast.own_radiologist.user_id}/role",
        "accounts.role.change-asked",
        data={"role": "viewer"},
    )
    with play.scopes.open(cast.mercy_admin.actor) as scope:
        change = scope.session.scalars(select(RoleChange.id)).one()
    accepted = f"/admin/users/role-changes/{change}"
    ended = ("accounts.role.changed", "accounts.user.sessions-ended")
    play.act(cast.mercy_manager, "POST", accepted, *ended, data={"decision": "accept"})
    why = {"patient": "P1", "reason": "Bleeding, needs the old images", "minutes": "5"}
    play.act(cast.mercy_admin, "POST", "/glass", "sharing.glass.broken", "alerts.alert.raised", data=why)
    link = {"recipient": "Dr. Kim", "what": "report", "days": "7", "most_views": "2"}
    play.act(
        cast.mercy_manager, "POST", f"/studies/{study.id}/access/links", "sharing.link.made", "audit.record.shown", data=link
    )
    play.act(
        cast.mercy_manager,
        "POST",
        f"/studies/{study.id}/access/people",
        "sharing.study.shared",
        data={"user_id": str(cast.colleague.user_id)},
    )
    asked = {"study": str(study.id), "project": "P", "reason": "Research"}
    play.act(cast.mercy_manager, "POST", "/exports", "deidentification.export.asked", data=asked)


def refuse(play: Play) -> None:
    """Who may not, who is nobody, who asks for what is not theirs; and looking at the journal itself."""
    cast, study = play.cast, play.study
    play.act(cast.owner, "GET", "/admin/audit", "gate.door.denied")
    play.act(cast.reader, "GET", "/admin/cells", "gate.door.denied")
    play.act(cast.reader, "GET", "/orders", "gate.door.denied")
    play.act(cast.stranger, "GET", f"/reading/{study.id}", "gate.door.missed")
    play.act(cast.luke_manager, "GET", f"/studies/{study.id}/archive.zip", "gate.door.missed")
    play.act(
        None, "POST", "/login", "accounts.user.sign-in-failed", data={"email": cast.lead.email, "password": "wrong wrong 12"}
    )
    play.act(None, "GET", f"/reading/{study.id}")  # nobody: led to the sign-in page
    play.act(cast.mercy_admin, "GET", "/admin/audit", "audit.journal.shown")
    play.act(cast.mercy_admin, "GET", f"/admin/audit/studies/{study.id}", "audit.journal.shown")
    play.act(cast.mercy_admin, "POST", "/admin/audit/patient", "audit.journal.shown", data={"patient_id": "P1"})
    play.act(cast.mercy_admin, "POST", "/admin/audit/export", "audit.journal.exported", data={"form": "csv"})
    play.act(cast.reader, "POST", "/logout", "accounts.user.signed-out")


def test_c01_c02_sixty_actions_leave_exactly_their_events_and_each_is_complete(
    browse: Browse, cast: Cast, scopes: Scopes, told: Told
) -> None:
    """C01: none missing, none twice, with ids of PS3.15 A.5. C02: the schema holds for every one of them."""
    play = Play(browse, cast, scopes, told)
    for act in (look, read, dare, keep, refuse):
        act(play)
    assert play.done >= 60
    assert not play.wrong, "\n".join(play.wrong)
    for row in play.entries:
        entry = Entry.model_validate(row)
        assert 110100 <= int(code_of(entry.kind).event.code) <= 110114
        assert entry.at.utcoffset() == datetime.now(UTC).utcoffset()
        assert len(row["at"].split(".")[1]) == len("123+00:00")  # milliseconds, UTC
        assert entry.actor is not None or entry.facts.get("user_id"), row
        assert entry.study is None or row.get("study_uid"), row
        assert entry.address
    text_of_all = json.dumps(play.entries)
    for name in ("Doe", "Jane", "19700101", "Pulmonary"):
        assert name not in text_of_all
    assert {row["outcome"] for row in play.entries if row["kind"].startswith("gate.")} == {4}


def test_c02_the_clock_of_the_journal_and_that_of_the_database_agree_within_a_second(cast: Cast, scopes: Scopes) -> None:
    with scopes.open(cast.owner.actor) as scope:
        other = scope.session.scalar(text("SELECT clock_timestamp()"))
        assert abs((other - scope.now).total_seconds()) < 1


def test_a_list_is_one_look_until_another_quarter_of_an_hour_or_question(
    browse: Browse, cast: Cast, scopes: Scopes, told: Told
) -> None:
    make_study(scopes, cast.mercy, reading=cast.nightowls)
    reader = browse(cast.reader)
    first = told(reader.get("/worklist"))
    assert (first[0]["facts"]["place"], first[0]["facts"]["shown"]) == ("worklist", 1)
    assert told(reader.get("/worklist/changes?since=0")) == []
    searched = told(reader.post("/worklist/rows", data={"q": "Doe"}))
    assert searched[0]["facts"]["filters"] == ["q", "view"]
    assert searched[0]["facts"]["asked"] != first[0]["facts"]["asked"]
    again = told(reader.post("/worklist/rows", data={"q": "Doe"}))
    assert again[0]["facts"]["asked"] == searched[0]["facts"]["asked"]  # recognised, not readable


def test_nobody_spells_out_from_an_export_of_the_journal_whom_others_searched_for(
    browse: Browse, cast: Cast, told: Told, app: Flask
) -> None:
    """An administrator, for whom patients are masked, tries names and numbers on what an entry keeps of a search."""
    (searched,) = told(browse(cast.owner).post("/hospital/rows", data={"q": "PID-4711"}))
    (seen,) = told(browse(cast.mercy_admin).post("/admin/audit/patient", data={"patient_id": "PID-4711"}))
    tries: tuple[tuple[Row, Row], ...] = ((searched, {"q": "PID-4711"}), (seen, {"patient_id": "PID-4711"}))
    for row, asked in tries:
        assert row["facts"]["filters"] == sorted(asked)
        said = canonical({"organisation": cast.mercy, "place": row["facts"]["place"], "asked": asked})
        assert row["facts"]["asked"] != hashlib.sha256(said.encode()).hexdigest()[:32]
        key = app.extensions["readingroom.settings"].secret("lookup_key")  # who runs the house can tell, asked by an auditor
        assert row["facts"]["asked"] == Lookup(key).mark(said)


def test_c04_what_cannot_be_put_on_record_is_refused_and_not_done(
    services: Instance, browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    """The sink is gone: the application may not append. Reading, changing and listing answer 503; nothing is lost after."""
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    reader, before = browse(cast.reader), count(services, cast)
    with without_journal(services):
        for method, path in (
            ("GET", "/worklist"),
            ("GET", f"/reading/{study.id}"),
            ("GET", f"/worklist/{study.id}/preview"),
            ("POST", f"/worklist/{study.id}/claim"),
        ):
            answer = reader.ask(method, path)
            assert (answer.status_code, "Doe" in answer.text) == (503, False), path
            assert answer.headers["Retry-After"]
        assert browse(cast.owner).get("/admin/audit").status_code == 503  # not even a denial is given unrecorded
    assert count(services, cast) == before
    page = reader.get(f"/worklist/{study.id}/preview").text
    assert "Claimed" not in page
    assert count(services, cast) == before + 1


class without_journal:  # noqa: N801 - reads as a sentence
    """Nobody can append to the journal for a while."""

    def __init__(self, services: Instance) -> None:
        self.services = services

    def _say(self, statement: Any) -> None:
        with postgres.connect(self.services.layout, postgres.DATABASE) as connection:
            connection.execute(statement)

    def __enter__(self) -> None:
        self._say("REVOKE EXECUTE ON FUNCTION journal_append(uuid, text) FROM readingroom_app")

    def __exit__(self, *_: object) -> None:
        self._say("GRANT EXECUTE ON FUNCTION journal_append(uuid, text) TO readingroom_app")


def count(services: Instance, cast: Cast) -> int:
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        found = connection.execute(
            "SELECT count(*) FROM journal WHERE organisation_id = ANY(%s)", ([cast.mercy, cast.nightowls],)
        ).fetchone()
    return int(str(found[0])) if found else 0


def test_who_hammers_on_a_door_does_not_fill_the_journal(browse: Browse, cast: Cast, app: Flask, told: Told) -> None:
    redis, name = app.extensions["readingroom.redis"], f"rr:refused:{cast.owner.user_id}:gate.door.denied"
    door = browse(cast.owner)
    assert [row["facts"]["count"] for row in told(door.get("/admin/audit"))] == [1]
    assert 0 < redis.ttl(name) <= 600
    redis.incrby(name, EACH - 2)
    assert told(door.get("/admin/audit"))[0]["facts"]["count"] == EACH
    assert told(door.get("/admin/audit")) == []
    redis.set(name, 1023)
    assert [row["facts"] for row in told(door.get("/admin/audit"))] == [{"count": 1024, "method": "GET", "route": "/admin/audit"}]
    assert told(door.get("/admin/audit")) == []


def test_a_study_made_elsewhere_keeps_its_uid_in_the_record(browse: Browse, cast: Cast, scopes: Scopes, told: Told) -> None:
    study: Made = make_study(scopes, cast.mercy, reading=cast.nightowls)
    row = told(browse(cast.reader).get(f"/reading/{study.id}/images"))[0]
    assert (row["study_uid"], row["name"], row["role"]) == (study.uid, "Dr. Nora Reader", "radiologist")
