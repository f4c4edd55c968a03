"""Sending studies to the own organisation's nodes: asked for, handed over, followed, stopped, tried again."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from sidecar.adapters.cell_work import Progress
from sidecar.adapters.outbound import OwnGround
from sidecar.archive import service
from sidecar.archive.jobs.sending import follow
from sidecar.archive.tables import Job
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.organisations import service as organisations
from sidecar.studies import queries as studies
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.fakes.cell_work import FakeWork

Browse = Callable[[Person | None], Browser]
GROUND = OwnGround(frozenset(), frozenset(), local=False)


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, series=(4,))


def add_node(scopes: Scopes, person: Person, aet: str, *, host: str = "10.9.8.7") -> UUID:
    reached = {"host": host, "port": 104, "services": ()} if host else {"networks": ["10.9.8.7/32"]}
    with scopes.open(person.actor) as scope:
        return organisations.add_entity(scope, aet=aet, **reached).id  # type: ignore[arg-type]


@pytest.fixture
def node(scopes: Scopes, cast: Cast) -> UUID:
    return add_node(scopes, cast.owner, "PACS")


@pytest.fixture
def work(scopes: Scopes, cast: Cast, study: Made) -> FakeWork:
    with scopes.open(cast.owner.actor) as scope:
        return FakeWork(held={studies.get(scope, study.id).orthanc_id}, known={"PACS"})


def asked(scopes: Scopes, person: Person, study: Made, node: UUID) -> Job:
    with scopes.open(person.actor) as scope:
        return service.send(scope, [study.id], node_id=node)[0]


def now(scopes: Scopes, person: Person, job: Job) -> Job:
    with scopes.open(person.actor) as scope:
        return scope.session.scalars(select(Job).where(Job.id == job.id)).one()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254"])
def test_nothing_is_sent_to_what_leads_to_the_platform_itself(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made, work: FakeWork, host: str
) -> None:
    """Whoever registered it: the name is judged when it is used."""
    node = add_node(scopes, cast.owner, "PACS", host=host)
    job = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert (now(scopes, cast.owner, job).state, work.asked) == ("failed", [])
    assert "PACS leads to the platform itself" in browse(cast.owner).get("/archive/jobs").text
    assert "leads to the platform" not in browse(cast.luke_technician).get("/archive/jobs").text


def test_a_send_is_handed_to_the_owners_cell_and_followed_to_its_end(
    scopes: Scopes, cast: Cast, study: Made, node: UUID, work: FakeWork
) -> None:
    job = asked(scopes, cast.owner, study, node)
    assert (job.state, job.total) == ("waiting", 4)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, job).state == "running"
    work.jobs["job-0"] = Progress(running=True, share=0.5, images=4, error_code=0, details="")
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, job).done == 2
    work.jobs["job-0"] = Progress(running=False, share=1, images=4, error_code=0, details="")
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    done = now(scopes, cast.owner, job)
    assert (done.state, done.done, done.attempts, bool(done.finished_at)) == ("done", 4, 1, True)
    assert work.cells == {cast.mercy}
    before = list(work.asked)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert work.asked == before


def test_a_failure_is_worded_and_may_be_tried_again(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made, node: UUID, work: FakeWork
) -> None:
    job = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    work.jobs["job-0"] = Progress(
        running=False, share=0.25, images=4, error_code=9, details="C-STORE SCU has failed with DIMSE status 0xA700"
    )
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    page = browse(cast.owner).get("/archive/jobs").text
    assert "PACS has no room for more images" in page
    assert "0xA700" in page
    assert "1 of 4 had arrived" in page
    assert browse(cast.owner).post(f"/archive/jobs/{job.id}/repeat").status_code == 302
    assert now(scopes, cast.owner, job).state == "waiting"
    assert browse(cast.owner).post(f"/archive/jobs/{job.id}/repeat").status_code == 409
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, job).attempts == 2


def test_what_can_go_wrong_besides(scopes: Scopes, cast: Cast, study: Made, node: UUID, work: FakeWork) -> None:
    restarted = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    work.jobs.clear()
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, restarted).problem == "restarted"
    work.known.clear()
    removed = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, removed).state == "waiting"  # registered a moment ago: the cell may not have heard yet
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(Job).where(Job.id == removed.id).values(created_at=scope.now - timedelta(minutes=1)))
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, removed).problem == "unknown-node"
    waits = asked(scopes, cast.owner, study, node)
    work.silent = True
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert (now(scopes, cast.owner, waits).state, now(scopes, cast.owner, waits).problem) == ("waiting", "silent")
    work.silent, work.known, work.held = False, {"PACS"}, set()
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert (now(scopes, cast.owner, waits).state, now(scopes, cast.owner, waits).problem) == ("failed", "gone")


def test_one_send_that_breaks_stops_no_other(scopes: Scopes, cast: Cast, study: Made, node: UUID, work: FakeWork) -> None:
    broken = asked(scopes, cast.owner, study, node)
    work.broken = True
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert (now(scopes, cast.owner, broken).state, now(scopes, cast.owner, broken).problem) == ("failed", "other")
    work.broken = False
    fine = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, fine).state == "running"


def test_a_job_is_stopped_before_and_after_it_began(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made, node: UUID, work: FakeWork
) -> None:
    early = asked(scopes, cast.owner, study, node)
    assert browse(cast.owner).post(f"/api/jobs/{early.id}/cancel").json["job"]["state"] == "cancelled"
    late = asked(scopes, cast.owner, study, node)
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert browse(cast.owner).post(f"/api/jobs/{late.id}/cancel").json["job"]["state"] == "cancelling"
    follow(scopes, work, cast.mercy, host="h", ground=GROUND)
    assert now(scopes, cast.owner, late).state == "cancelled"
    assert "cancel job-0" in work.asked
    assert browse(cast.owner).post(f"/api/jobs/{late.id}/cancel").status_code == 409


def test_one_foreign_or_unknown_id_and_nothing_is_sent(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made, node: UUID
) -> None:
    foreign, lukes = make_study(scopes, cast.luke, reading=cast.nightowls), add_node(scopes, cast.luke_technician, "PACS")
    owner = browse(cast.owner)
    for mixed in ([study.id, foreign.id], [foreign.id, study.id], [study.id, uuid4()]):
        answer = owner.post("/api/sends", json={"node_id": str(node), "study_ids": [str(each) for each in mixed]})
        assert answer.status_code == 404
        assert answer.json == {"status": "error", "code": "missing", "message": "Nothing is here, or it is not yours to see."}
    for node_id, status in ((lukes, 404), (uuid4(), 404), (add_node(scopes, cast.owner, "CT1", host=""), 400)):
        answer = owner.post("/api/sends", json={"node_id": str(node_id), "study_ids": [str(study.id)]})
        assert answer.status_code == status
    assert owner.post("/api/sends", json={"node_id": str(node), "study_ids": []}).status_code == 400
    with scopes.open(cast.owner.actor) as scope:
        assert scope.session.scalar(select(func.count()).select_from(Job)) == 0


def test_only_the_owners_people_send_and_pages_offer_own_nodes(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made, node: UUID
) -> None:
    add_node(scopes, cast.luke_technician, "LUKESPACS")
    page = browse(cast.owner).get(f"/studies/{study.id}/send").text
    assert str(node) in page
    assert "LUKESPACS" not in page
    for person in (cast.colleague, cast.mercy_admin, cast.reader, cast.lead, cast.stranger):
        assert browse(person).post(f"/studies/{study.id}/send", data={"node_id": str(node)}).status_code == 403
    answer = browse(cast.own_radiologist).post(f"/studies/{study.id}/send", data={"node_id": str(node)})
    assert answer.location == "/archive/jobs"
    assert "Send to" in browse(cast.own_radiologist).get("/archive/jobs", headers={"HX-Request": "true"}).text


def test_anothers_job_is_an_unknown_one(browse: Browse, scopes: Scopes, cast: Cast, study: Made, node: UUID) -> None:
    job = asked(scopes, cast.own_radiologist, study, node)
    assert browse(cast.owner).get(f"/api/jobs/{job.id}").status_code == 200
    for person in (cast.mercy_manager, cast.reader, cast.lead, cast.stranger, cast.strange_technician, cast.luke_technician):
        for verb in ("cancel", "repeat"):
            unknown = uuid4()
            answers = [browse(person).post(f"/api/jobs/{each}/{verb}") for each in (job.id, unknown)]
            assert answers[0].status_code == 404
            assert alike(answers[0], job.id) == alike(answers[1], unknown)
    assert now(scopes, cast.own_radiologist, job).state == "waiting"
