"""``/api/studies``: the list in pages, its filters, and giving a study to a reader; each sees their own."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import update

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.studies.tables import Study
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import make_study

Browse = Callable[[Person | None], Browser]


def ids(browser: Browser, query: str = "") -> list[str]:
    answer = browser.get(f"/api/studies?{query}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json["studies"]]


def walk(browser: Browser, query: str, between: Callable[[], object]) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        answer = browser.get(f"/api/studies?{query}&cursor={cursor}").json
        found += [each["id"] for each in answer["studies"]]
        between()
        if not (cursor := answer["next"]):
            return found


def at_one_moment(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(Study).values(arrived_at=scope.now - timedelta(hours=1)))


def test_the_list_is_cut_by_the_wall(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    routed = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="CANARY^NAME")
    own = make_study(scopes, cast.mercy)
    other = make_study(scopes, cast.luke, reading=cast.nightowls)
    assert ids(browse(cast.owner)) == [str(own.id), str(routed.id)]
    assert ids(browse(cast.reader)) == [str(other.id), str(routed.id)]
    assert ids(browse(cast.luke_technician)) == [str(other.id)]
    for stranger in (cast.stranger, cast.strange_technician, cast.strange_admin):
        assert browse(stranger).get("/api/studies").json == {"status": "ok", "studies": [], "next": None}
    assert browse(None).get("/api/studies").status_code == 401
    (shown,) = [each for each in browse(cast.reader).get("/api/studies").json["studies"] if each["id"] == str(routed.id)]
    assert (shown["patient_name"], shown["organization_id"]) == ("CANARY^NAME", str(cast.mercy))
    assert shown["organization"].startswith("Mercy Hospital")
    assert "CANARY" not in browse(cast.lead).get("/api/studies").text, "who assigns needs no whole name"


def test_pages_hold_each_study_once_whatever_arrives_meanwhile(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """Some arrived in one moment: the id decides, in Postgres as in the cursor."""
    made = [make_study(scopes, cast.mercy, reading=cast.nightowls).id for _ in range(5)]
    at_one_moment(scopes, cast)
    made += [make_study(scopes, cast.luke, reading=cast.nightowls).id for _ in range(3)]
    found = walk(browse(cast.reader), "limit=2", lambda: make_study(scopes, cast.mercy, reading=cast.nightowls))
    assert sorted(found) == sorted(map(str, made))


def test_filters_narrow(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    stat = make_study(scopes, cast.mercy, reading=cast.nightowls, priority="stat")
    given = make_study(scopes, cast.mercy, reading=cast.nightowls)
    lead = browse(cast.lead)
    assert lead.put(f"/api/studies/{given.id}/assign", json={"user_id": str(cast.reader.user_id)}).status_code == 200
    for query, expected in (
        ("priority=stat", [stat]),
        ("priority=stat,routine", [given, stat]),
        ("status=assigned", [given]),
        ("status=assigned,unread", [given, stat]),
        ("status=final", []),
        (f"assignee_id={cast.reader.user_id}", [given]),
        ("assigned=true", [given]),
        ("assigned=false", [stat]),
        ("modality=CT", [given, stat]),
        ("modality=MR", []),
        (f"organization_id={cast.mercy}", [given, stat]),
        (f"organization_id={cast.luke}", []),
        ("arrived_after=2030-01-01T00:00:00Z", []),
        ("arrived_before=2030-01-01T00:00:00Z", [given, stat]),
        ("arrival=complete&limit=1", [given]),
    ):
        assert ids(lead, query) == [str(each.id) for each in expected], query
    for wrong in (
        "status=open",
        "status=unread&status=assigned",
        "priority=",
        "modality=%00",
        "arrived_after=2030-01-01",
        "limit=0",
        "q=DOE",
        "assignee_id=me",
    ):
        assert lead.get(f"/api/studies?{wrong}").status_code == 400, wrong


def test_giving_a_study_needs_to_have_seen_it(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    lead, address = browse(cast.lead), f"/api/studies/{study.id}"
    tag = lead.get(address).headers["ETag"]
    to = {"user_id": str(cast.reader.user_id)}
    given = lead.put(f"{address}/assign", json=to, headers={"If-Match": tag})
    assert given.json["study"]["assignee_id"] == str(cast.reader.user_id)
    assert lead.get(address).headers["ETag"] == given.headers["ETag"]
    assert lead.put(f"{address}/assign", json={"user_id": None}, headers={"If-Match": tag}).status_code == 412
    back = lead.put(f"{address}/assign", json={"user_id": None}, headers={"If-Match": given.headers["ETag"]})
    assert back.json["study"]["status"] == "unread"
    assert lead.put(f"{address}/assign", json={"user_id": str(cast.stranger.user_id)}).status_code == 400
    assert browse(cast.reader).put(f"{address}/assign", json=to).status_code == 403
    assert browse(cast.mercy_manager).put(f"{address}/assign", json=to).status_code == 403
    for person in (cast.strange_manager, cast.luke_manager):
        unknown = uuid4()
        doors = ("", "/assign")
        for door, method in zip(doors, ("GET", "PUT"), strict=True):
            one = browse(person).ask(method, f"{address}{door}", json=to)
            assert one.status_code == 404
            assert alike(one, study.id) == alike(browse(person).ask(method, f"/api/studies/{unknown}{door}", json=to), unknown)


def test_looking_is_on_record(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    from sidecar.kernel.journal import JournalRow

    study = make_study(scopes, cast.mercy)
    owner = browse(cast.owner)
    owner.get("/api/studies?modality=CT")
    owner.get(f"/api/studies/{study.id}")
    with scopes.open(cast.owner.actor) as scope:
        rows = scope.session.query(JournalRow).filter(JournalRow.actor_id == cast.owner.user_id).order_by(JournalRow.sequence)
        told = [(row.kind, row.study_id) for row in rows if row.kind.startswith("audit.")]
    none: UUID | None = None
    assert told == [("audit.list.shown", none), ("audit.record.shown", study.id)]
