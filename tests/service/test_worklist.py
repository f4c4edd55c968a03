"""The list: what belongs, in which order, what has changed, and that nothing of it is anybody else's."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from sidecar.adapters.redis import publish_changes
from sidecar.assignment import service as assignment
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Invalid
from sidecar.studies import service as studies
from sidecar.studies.model import Priority
from sidecar.studies.queries import worked_on
from sidecar.worklist import forms, queries, stream
from sidecar.worklist.model import Direction, Filters, Found, Sort, View, Viewer
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.factories.arrivals import arrived
from tests.factories.studies import make_study

Browse = Callable[[Person | None], Browser]
NOW = datetime.now(UTC)


def look(scopes: Scopes, person: Person, **filters: Any) -> list[Found]:
    with scopes.open(person.actor) as scope:
        return queries.listing(scope, Filters(**filters), viewer(person)).rows


def ids(found: list[Found]) -> list[UUID]:
    return [each.study.id for each in found]


def viewer(person: Person) -> Viewer:
    return Viewer(person.user_id, NOW, NOW.replace(hour=0, minute=0, second=0, microsecond=0), worked_on(person.actor))


@pytest.fixture
def five(cast: Cast, scopes: Scopes) -> dict[str, UUID]:
    """Five studies the night owls read, one that stays with its owner."""
    kept: dict[str, Any] = {
        "stat": {"priority": "stat", "priority_rank": 0, "due_at": NOW + timedelta(minutes=50), "patient_name": "Ünal^Özge"},
        "urgent": {"priority": "urgent", "priority_rank": 1, "due_at": NOW + timedelta(minutes=20), "patient_id": "100%_X"},
        "mine": {"assignee_id": cast.reader.user_id, "assignee_name": "Dr. Nora Reader", "status": "assigned"},
        "arriving": {"arrival": "arriving", "modalities_in_study": ["MR", "SR"], "study_description": "Brain\\stem"},
        "signed": {"status": "final", "signed_at": NOW, "accession_number": "ACC77"},
    }
    made = {name: make_study(scopes, cast.mercy, reading=cast.nightowls, **elements).id for name, elements in kept.items()}
    return {**made, "own": make_study(scopes, cast.mercy).id}


def test_views_and_their_counts(cast: Cast, scopes: Scopes, five: dict[str, UUID]) -> None:
    expected = {
        View.OPEN: {"stat", "urgent", "mine", "arriving"},
        View.MINE: {"mine"},
        View.UNASSIGNED: {"stat", "urgent", "arriving"},
        View.STAT: {"stat"},
        View.SOON: {"urgent"},
        View.ARRIVING: {"arriving"},
        View.SIGNED: {"signed"},
    }
    names = {study_id: name for name, study_id in five.items()}
    found = {view: {names[each] for each in ids(look(scopes, cast.reader, view=view))} for view in View}
    assert found == expected
    with scopes.open(cast.reader.actor) as scope:
        assert queries.counts(scope, viewer(cast.reader)) == {view: len(members) for view, members in expected.items()}
    with scopes.open(cast.stranger.actor) as scope:
        assert set(queries.counts(scope, viewer(cast.stranger)).values()) == {0}
    assert "own" in {names[each] for each in ids(look(scopes, cast.own_radiologist))}


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("ünal", {"stat"}), ("ÖZGE unal", set()), ("özge ünal ct", {"stat"}), ("100%_", {"urgent"}), ("%", {"urgent"}),
        ("_", {"urgent"}), ("stem", {"arriving"}), ("n\\s", {"arriving"}), ("mr sr", {"arriving"}), ("ACC77", set()),
        ("mercy chest", {"stat", "urgent", "mine"}), ("   ", {"stat", "urgent", "mine", "arriving"}),
    ],
)  # fmt: skip
def test_search(cast: Cast, scopes: Scopes, five: dict[str, UUID], q: str, names: set[str]) -> None:
    known = {study_id: name for name, study_id in five.items()}
    assert {known[each] for each in ids(look(scopes, cast.reader, q=q))} == names


def test_filters(cast: Cast, scopes: Scopes, five: dict[str, UUID]) -> None:
    lukes = make_study(scopes, cast.luke, reading=cast.nightowls, arrived_at=NOW - timedelta(hours=30)).id
    assert ids(look(scopes, cast.reader, modality="MR")) == [five["arriving"]]
    assert ids(look(scopes, cast.reader, site=cast.luke)) == [lukes]
    assert ids(look(scopes, cast.reader, priority=Priority.STAT)) == [five["stat"]]
    assert ids(look(scopes, cast.reader, assignee=cast.reader.user_id)) == [five["mine"]]
    assert lukes not in ids(look(scopes, cast.reader, hours=24))
    assert look(scopes, cast.reader, site=cast.third) == []


@pytest.mark.parametrize("sort", Sort)
def test_the_key_shown_is_the_order_of_the_list(cast: Cast, scopes: Scopes, five: dict[str, UUID], sort: Sort) -> None:
    up = look(scopes, cast.reader, sort=sort)
    keys = [each.sort for each in up]
    assert keys == sorted(keys)
    assert len(set(keys)) == 4
    down = look(scopes, cast.reader, sort=sort, direction=Direction.DESC)
    assert ids(down) == ids(up)[::-1]
    if sort is Sort.URGENCY:
        assert ids(up)[:2] == [five["stat"], five["urgent"]]
    if sort is Sort.ASSIGNED:
        assert ids(up)[0] == five["mine"]


def test_priors_are_the_same_owners_same_patient_and_visible(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    make_study(scopes, cast.mercy, reading=cast.nightowls, status="final")
    make_study(scopes, cast.mercy)
    make_study(scopes, cast.luke, reading=cast.nightowls)
    make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="")
    make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="")
    priors = {each.study.id: each.priors for each in look(scopes, cast.reader)}
    assert priors[study.id] == 1
    assert sorted(priors.values()) == [0, 0, 0, 1]
    assert {each.study.id: each.priors for each in look(scopes, cast.own_radiologist)}[study.id] == 2


def changed(scopes: Scopes, person: Person, since: int, **filters: Any) -> tuple[dict[UUID, bool], int]:
    with scopes.open(person.actor) as scope:
        found = queries.changes(scope, Filters(**filters), viewer(person), since=since)
    return {each.study.id: each.gone for each in found.rows}, found.cursor


def test_what_changed_comes_and_what_left_the_list_comes_as_gone(cast: Cast, scopes: Scopes, five: dict[str, UUID]) -> None:
    _, cursor = changed(scopes, cast.reader, 0)
    with scopes.open(cast.reader.actor) as scope:
        assignment.claim(scope, five["stat"])
    rows, cursor = changed(scopes, cast.reader, cursor, view=View.UNASSIGNED)
    assert rows[five["stat"]] is True
    assert five["mine"] not in rows
    assert changed(scopes, cast.reader, cursor, view=View.UNASSIGNED)[0].get(five["urgent"]) is None
    assert changed(scopes, cast.stranger, 0)[0] == {}


def test_no_change_is_missed_whoever_commits_first(cast: Cast, scopes: Scopes) -> None:
    """A transaction that began earlier and commits later than one already seen: the classic gap of counting cursors."""
    slow, quick = (make_study(scopes, cast.mercy, reading=cast.nightowls).id for _ in range(2))
    _, cursor = changed(scopes, cast.reader, 0)
    wrote, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with scopes.open(cast.lead.actor) as scope:
            studies.set_priority(scope, slow, priority=Priority.STAT)
            wrote.set()
            assert go_on.wait(10)

    holding = threading.Thread(target=hold)
    holding.start()
    assert wrote.wait(10)
    with scopes.open(cast.reader.actor) as scope:
        assignment.claim(scope, quick)
    seen, cursor = changed(scopes, cast.reader, cursor)
    assert quick in seen
    assert slow not in seen
    go_on.set()
    holding.join()
    seen, _ = changed(scopes, cast.reader, cursor)
    assert slow in seen


def test_no_change_is_missed_among_many_writers(cast: Cast, scopes: Scopes) -> None:
    """Twelve writers, one reader that only ever follows its cursor: in the end it knows the last count of every study."""
    known: dict[UUID, int] = {}
    cursor = 0

    def follow() -> None:
        nonlocal cursor
        with scopes.open(cast.reader.actor) as scope:
            found = queries.changes(scope, Filters(), viewer(cast.reader), since=cursor, limit=40)
        known.update({each.study.id: each.study.instance_count for each in found.rows})
        cursor = found.cursor

    def write(writer: int) -> None:
        for step in range(8):
            with scopes.open(system_actor(cast.mercy if writer % 2 else cast.luke)) as scope:
                studies.register_arrival(scope, arrived([step * 12 + writer], study=f"1.2.{step % 5}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        follow()
    for thread in threads:
        thread.join()
    follow()
    follow()
    truth = {each.study.id: each.study.instance_count for each in look(scopes, cast.reader)}
    assert sum(truth.values()) == 96
    assert known == truth


def test_a_flood_of_changes_comes_in_pieces(cast: Cast, scopes: Scopes) -> None:
    made = {make_study(scopes, cast.mercy, reading=cast.nightowls).id for _ in range(12)}
    seen: set[UUID] = set()
    since, more = 0, True
    while more:
        with scopes.open(cast.reader.actor) as scope:
            found = queries.changes(scope, Filters(), viewer(cast.reader), since=since, limit=5)
        seen |= set(ids(found.rows))
        since, more = found.cursor, found.more
    assert seen == made


def test_filters_that_mean_nothing_are_named() -> None:
    for field, value in {"view": "x", "sort": "x", "site": "x", "hours": "0", "status": "x", "q": "x" * 201}.items():
        with pytest.raises(Invalid, match=field):
            forms.read_filters({field: value})
    assert forms.read_filters({"site": "", "status": "", "hours": "", "nonsense": "x"}) == Filters()
    for since in ("", "-1", "x", "9" * 19, "1.5"):
        with pytest.raises(Invalid):
            forms.read_cursor({"since": since})


def test_the_page_and_its_fragments(cast: Cast, scopes: Scopes, five: dict[str, UUID], browse: Browse) -> None:
    reader = browse(cast.reader)
    page = reader.get("/worklist").get_data(as_text=True)
    assert f'id="study-{five["stat"]}"' in page
    assert f'id="study-{five["own"]}"' not in page
    assert "Mercy Hospital" in page
    listed = reader.post("/worklist/rows", data={"q": "özge", "view": "open"}).get_data(as_text=True)
    assert re.findall(r'id="study-([^"]+)"', listed) == [str(five["stat"])]
    cursor = re.search(r'data-cursor="(\d+)"', page)
    assert cursor
    claimed = reader.post(f"/worklist/{five['stat']}/claim", data={"sort": "urgency"})
    assert "<strong>You</strong>" in claimed.get_data(as_text=True)
    answer = reader.get(f"/worklist/changes?since={cursor[1]}&view=unassigned")
    assert "data-gone" in answer.get_data(as_text=True)
    assert int(answer.headers["X-Worklist-Cursor"]) >= int(cursor[1])
    assert reader.post("/worklist/changes", data={"since": cursor[1], "q": "özge"}).status_code == 200
    assert 'aria-current="page"' in reader.get("/worklist/views?view=mine").get_data(as_text=True)
    preview = reader.get(f"/worklist/{five['mine']}/preview").get_data(as_text=True)
    assert "First image arrived" in preview
    assert "Your organisation reads it under contract" in preview
    lead = browse(cast.lead)
    assert "Dr. Sam Second" in lead.get(f"/worklist/{five['urgent']}/assign").get_data(as_text=True)
    given = lead.post(f"/worklist/{five['urgent']}/assign", data={"reader": str(cast.second_reader.user_id)})
    assert "Dr. Sam Second" in given.get_data(as_text=True)
    assert lead.post(f"/worklist/{five['urgent']}/assign", data={"reader": ""}).status_code == 200
    assert lead.post(f"/worklist/{five['urgent']}/assign", data={"reader": "x"}).status_code == 400


def test_home_leads_everybody_to_their_work(cast: Cast, browse: Browse) -> None:
    doors = {
        "reader": "/worklist", "lead": "/worklist", "own_radiologist": "/worklist", "owner": "/hospital",
        "colleague": "/hospital", "mercy_admin": "/admin/users", "platform_admin": "/admin/organisations",
    }  # fmt: skip
    for name, door in doors.items():
        assert browse(getattr(cast, name)).get("/").headers["Location"] == door
    assert browse(None).get("/").headers["Location"].startswith("/login")
    for nobody_here in (cast.platform_admin, cast.nightowls_admin):
        assert browse(nobody_here).get("/worklist").status_code == 403


@pytest.mark.parametrize(
    ("method", "door", "person"),
    [
        ("GET", "preview", "stranger"), ("POST", "claim", "stranger"), ("POST", "release", "stranger"),
        ("GET", "assign", "strange_manager"), ("POST", "assign", "strange_manager"),
    ],
)  # fmt: skip
def test_a_stranger_and_an_unknown_id_hear_the_same(
    cast: Cast, five: dict[str, UUID], browse: Browse, method: str, door: str, person: str
) -> None:
    browser = browse(getattr(cast, person))
    form = {"reader": str(cast.stranger.user_id)} if method == "POST" and door == "assign" else {}
    for accept in ("text/html", "application/json"):
        strange, unknown = (
            browser.ask(method, f"/worklist/{one}/{door}", data=form, headers={"Accept": accept})
            for one in (five["stat"], uuid4())
        )
        assert strange.status_code == unknown.status_code == 404
        assert without_token(strange.data) == without_token(unknown.data)


def without_token(page: bytes) -> bytes:
    """The page without what differs between any two requests: the CSRF token and the second it was made in."""
    return re.sub(rb'content="[^"]*"|value="[^"]*"|\d\d:\d\d:\d\d[^"]*', b"", page)


def test_the_live_line_says_look_to_whom_it_concerns(cast: Cast, app: Flask) -> None:
    redis = app.extensions["readingroom.redis"]
    open_session = threading.Event()
    open_session.set()
    line = stream.changes(app.extensions["readingroom.changes"], cast.nightowls, still_signed_in=open_session.is_set)
    assert next(line).endswith(stream.LOOK)  # at once: catch up
    publish_changes(redis, [cast.luke, cast.third])
    publish_changes(redis, [cast.mercy, cast.nightowls])
    assert next(line) == stream.LOOK
    line.close()


def test_the_live_line_ends_with_the_session(cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    answers = iter([True, True, False])
    line = stream.changes(app.extensions["readingroom.changes"], cast.third, still_signed_in=lambda: next(answers))
    assert list(line)[1:] == [stream.ALIVE, stream.ALIVE]


def test_the_live_line_over_http_holds_no_connection(
    cast: Cast, app: Flask, scopes: Scopes, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    browser = browse(cast.reader)
    answer = browser.client.get("/worklist/events", headers={"Accept": "text/event-stream"}, buffered=False)
    assert answer.mimetype == "text/event-stream"
    parts: Iterator[bytes] = answer.iter_encoded()
    assert next(parts).decode().endswith(stream.LOOK)
    assert next(parts).decode() == stream.ALIVE
    assert scopes.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert browser.post("/logout").status_code == 302
    assert {part.decode() for part in parts} <= {stream.ALIVE, stream.LOOK}  # and then it ends
    assert browse(None).get("/worklist/events", headers={"Accept": "application/json"}).status_code == 401


def test_losing_redis_loses_no_change(cast: Cast, scopes: Scopes, app: Flask) -> None:
    """What happened stands even when nobody could be told: the browser's next question brings it."""
    redis = app.extensions["readingroom.redis"]
    deaf = type(redis).from_url("redis://127.0.0.1:1/0")
    told = replace(scopes, after_events=lambda _events: publish_changes(deaf, [cast.nightowls]))
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    _, cursor = changed(scopes, cast.reader, 0)
    with told.open(cast.reader.actor) as scope:
        assignment.claim(scope, study.id)
    assert study.id in changed(scopes, cast.reader, cursor)[0]
    deaf.close()
