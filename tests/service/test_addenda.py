"""Addenda to signed reports on a real Postgres: who adds, what stays, what everybody then reads (control D02)."""

import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from pypdf import PdfReader
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from sidecar.accounts.signing import Proof
from sidecar.adapters.pades import validate
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Changed, Conflict, Denied, Missing, Problem
from sidecar.reports import addenda, authority, documents, inspected, inspection, queries, service
from sidecar.reports.errors import StaleAddendum
from sidecar.reports.model import Purpose
from sidecar.reports.tables import Addendum, ReportVersion
from sidecar.studies import access
from sidecar.studies.tables import Study
from tests.browser import Browser, alike
from tests.cast import PASSWORD, Cast, Person, share_with
from tests.factories.studies import Made, make_study
from tests.service.test_reports import journal_kinds
from tests.service.test_reports import sign as sign_report
from tests.service.test_reports import write as write_report

WORDS = "Second look: a nodule of 4 mm in the left lower lobe."


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls)


@pytest.fixture
def signed(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> ReportVersion:
    return sign_report(scopes, seal, cast.reader, write_report(scopes, cast.reader, study))


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def write(
    scopes: Scopes, person: Person, report_id: UUID, words: str = WORDS, purpose: Purpose = Purpose.ADDENDUM
) -> tuple[UUID, int]:
    """Open and write an addendum; return its id and revision."""
    with scopes.open(person.actor) as scope:
        opened = addenda.open_addendum(scope, report_id)
        saved = addenda.save(scope, opened.id, purpose=purpose, text=words, revision=opened.revision)
        return saved.id, saved.revision


def sign(scopes: Scopes, seal: Seal, person: Person, addendum: tuple[UUID, int], **given: str) -> ReportVersion:
    code = person.code(scopes.clock().timestamp())
    proof = Proof(given.get("password", PASSWORD), given.get("code", code), seal)
    with scopes.open(person.actor) as scope:
        return addenda.sign(scope, addendum[0], proof=proof, meaning="author", revision=addendum[1])


def facts(version: ReportVersion) -> dict[str, Any]:
    return {column.key: getattr(version, column.key) for column in ReportVersion.__table__.columns}


def everything_signed(scopes: Scopes, cast: Cast, report_id: UUID) -> dict[int, dict[str, Any]]:
    """Return all versions as they lie in the database, each proved by its signature."""
    with scopes.open(cast.owner.actor) as scope:
        numbers = [each.version for each in queries.versions(scope, report_id)]
        return {number: facts(queries.version(scope, report_id, number)) for number in numbers}


def test_d02_a_change_is_a_new_version_and_every_old_one_stays_readable(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    """Two addenda, one by a colleague: version n is all of version n-1 and one more; each has its own signature and paper."""
    report_id = signed.report_id
    second = sign(later(scopes, seconds=31), seal, cast.reader, write(scopes, cast.reader, report_id, "Addendum two."))
    third = sign(
        scopes, seal, cast.second_reader,
        write(later(scopes, minutes=2), cast.second_reader, report_id, "Addendum three.", Purpose.CORRECTION),
    )  # fmt: skip
    assert (second.version, third.version) == (2, 3)
    assert third.content["sections"] == signed.content["sections"]
    assert third.content["original_signature"] == signed.content["signature"]
    hospital = browse(cast.owner)
    for number, said in ((1, ()), (2, ("two",)), (3, ("two", "three"))):
        page = hospital.get(f"/reports/{report_id}?version={number}").text
        assert ("SUPERSEDED" in page) is (number < 3)
        paper = hospital.get(f"/reports/{report_id}/report.pdf?version={number}").data
        printed = " ".join("".join(sheet.extract_text() for sheet in PdfReader(BytesIO(paper)).pages).split())
        for output in (page, printed):
            assert [each for each in ("two", "three") if f"Addendum {each}." in output] == list(said)
            assert ("was corrected after it was signed" in output) is (number == 3)
            assert ("This report has an addendum." in output) is (number == 2)
            assert "No acute finding." in output
            assert output.count("Electronically signed by") == number
            assert output.partition("Radiology report")[2].count("Author of this addendum") == number - 1
        assert printed.find("corrected after it was signed") < printed.find("No acute finding.")
        assert f"version {number}" in printed
        with scopes.open(cast.owner.actor) as scope:
            version = queries.version(scope, report_id, number)
            trusted = authority.certificate(scope, cast.nightowls)
            assert validate(documents.paper(scope, seal, version), authority=trusted).sound
    assert everything_signed(scopes, cast, report_id)[1] == facts(signed)
    with scopes.open(cast.owner.actor) as scope:
        row = scope.one(select(Study).where(Study.id == study.id))
        assert (row.status, row.signed_at) == ("final", signed.signed_at)
    assert journal_kinds(scopes, cast.owner, study).count("reports.addendum.signed") == 2
    assert "+2 addenda" in hospital.get("/hospital").text
    whole = hospital.get(f"/api/reports/{report_id}").json
    assert [each["standing"] for each in whole["versions"]] == ["corrected", "appended", "final"]
    assert [(each["version"], each["signer"]) for each in whole["addenda"]] == [(2, "Dr. Nora Reader"), (3, "Dr. Sam Second")]
    stranger, unknown = browse(cast.stranger), uuid4()
    for path in ("/reports/{}?version=2", "/reports/{}/report.pdf?version=2", "/api/reports/{}"):
        known = stranger.get(path.format(report_id))
        assert known.status_code == 404
        assert alike(known, report_id) == alike(stranger.get(path.format(unknown)), unknown)


def test_d02_no_sequence_of_acts_changes_a_version_once_written(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion
) -> None:
    """Random acts of two colleagues, the hospital's radiologist and a stranger; time goes on between them."""
    dice, report_id, seconds = random.Random(2), signed.report_id, 60.0  # noqa: S311 - repeatable, not secret
    written = everything_signed(scopes, cast, report_id)
    people = (cast.reader, cast.second_reader, cast.reader, cast.own_radiologist, cast.stranger)
    mine: tuple[UUID, int] = (uuid4(), 0)
    for _ in range(40):
        seconds += dice.choice((1, 31, 70))
        now, person = later(scopes, seconds=seconds), dice.choice(people)
        act = dice.choice(("write", "write", "stale", "sign", "sign", "discard", "report", "leave"))
        try:
            if act == "write":
                mine = write(now, person, report_id, f"At {seconds}.", dice.choice(list(Purpose)))
            elif act == "sign":
                sign(now, seal, person, mine)
            else:
                with now.open(person.actor) as scope:
                    if act == "stale":
                        addenda.save(scope, mine[0], purpose=Purpose.ADDENDUM, text="stale", revision=mine[1] + 1)
                    elif act == "discard":
                        addenda.discard(scope, mine[0], revision=None)
                    elif act == "leave":
                        addenda.leave(scope, report_id)
                    else:
                        service.save_draft(scope, report_id, sections={"impression": "another"}, revision=1)
        except Problem:
            pass  # refused: what matters is what it left behind
        there = everything_signed(scopes, cast, report_id)
        assert {number: there[number] for number in written} == written, act
        assert sorted(there) == list(range(1, len(there) + 1))
        written = there
    assert len(written) > 2


def test_d02_a_signed_addendum_never_changes(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, services: Instance
) -> None:
    sign(later(scopes, seconds=31), seal, cast.reader, write(scopes, cast.reader, signed.report_id))
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    for change in ("UPDATE report_addenda SET text = 'x'", "DELETE FROM report_addenda", "TRUNCATE report_addenda"):
        with pytest.raises(DBAPIError, match=r"never change|permission denied"), scopes.open(cast.reader.actor) as scope:
            scope.session.execute(text(change))
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE report_addenda NO FORCE ROW LEVEL SECURITY"))
            with pytest.raises(DBAPIError, match="never change"), connection.begin_nested():
                connection.execute(text(change))
            connection.rollback()
    engine.dispose()


def test_a_draft_is_its_authors_own_and_nobody_elses(
    scopes: Scopes, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    addendum, _revision = write(scopes, cast.reader, signed.report_id, "A secret until it is signed.")
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    with scopes.open(cast.second_reader.actor) as scope:
        assert queries.addendum(scope, addendum).text.startswith("A secret")
    for person in (cast.owner, cast.colleague, cast.own_radiologist, cast.mercy_admin, cast.stranger, cast.platform_admin):
        with scopes.open(person.actor) as scope:
            assert scope.session.scalars(select(Addendum)).all() == []
    for person in (cast.owner, cast.colleague, cast.own_radiologist):
        looker = browse(person)
        for path in (f"/reports/{signed.report_id}", f"/reading/{study.id}", f"/api/reports/{signed.report_id}"):
            page = looker.get(path)
            assert page.status_code == 200
            assert "A secret" not in page.text
            assert "Write addendum" not in page.text
            assert str(addendum) not in page.text
    with scopes.open(cast.lead.actor) as scope, pytest.raises(Missing):
        queries.addendum(scope, addendum)  # of the group, but no radiologist


def test_who_may_add_and_who_may_not(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, browse: Callable[..., Browser]
) -> None:
    report, unknown = signed.report_id, uuid4()
    addendum = write(scopes, cast.reader, report)
    body = {"purpose": "addendum", "text": "x", "revision": 1}
    proof = {"password": PASSWORD, "code": "000000", "meaning": "author", "revision": 1}
    routes: tuple[tuple[str, str, UUID, Any], ...] = (
        ("POST", "/api/reports/{}/addenda", report, None),
        ("POST", "/reports/{}/addendum", report, None),
        ("GET", "/reports/{}/addendum/review", report, None),
        ("POST", "/reports/{}/addendum/lock", report, None),
        ("DELETE", "/reports/{}/addendum/lock", report, None),
        ("GET", "/api/addenda/{}", addendum[0], None),
        ("PUT", "/api/addenda/{}", addendum[0], body),
        ("PUT", "/api/addenda/{}/finalize", addendum[0], proof),
        ("DELETE", "/api/addenda/{}", addendum[0], None),
    )
    roles = [browse(each) for each in (cast.owner, cast.colleague, cast.mercy_manager, cast.mercy_admin, cast.lead)]
    house, stranger, nobody = browse(cast.own_radiologist), browse(cast.stranger), browse(None)
    for method, path, thing, sent in routes:
        given = {"json": sent} if sent else {}
        for person in roles:
            assert person.ask(method, path.format(thing), **given).status_code == 403, (method, path)
        expected = 404 if thing != report else 409 if method == "GET" else 403
        assert house.ask(method, path.format(thing), **given).status_code == expected, (method, path)
        refused = stranger.ask(method, path.format(thing), **given)
        assert refused.status_code == 404, (method, path)
        assert alike(refused, thing) == alike(stranger.ask(method, path.format(unknown), **given), unknown)
        assert nobody.ask(method, path.format(thing), **given).status_code in {302, 401}


def test_a_hospitals_own_radiologist_adds_to_what_was_read_in_house(scopes: Scopes, seal: Seal, cast: Cast) -> None:
    report_id = write_report(scopes, cast.own_radiologist, make_study(scopes, cast.mercy))
    with scopes.open(cast.own_radiologist.actor) as scope, pytest.raises(Conflict, match="not signed yet"):
        addenda.open_addendum(scope, report_id)
    version = sign_report(scopes, seal, cast.own_radiologist, report_id)
    added = sign(later(scopes, seconds=31), seal, cast.own_radiologist, write(scopes, cast.own_radiologist, version.report_id))
    assert added.version == 2
    with scopes.open(cast.reader.actor) as scope, pytest.raises(Missing):
        addenda.open_addendum(scope, version.report_id)


def test_the_groups_time_is_over_until_the_hospital_lets_them_look_again(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    addendum = write(scopes, cast.reader, signed.report_id, "Begun in time.")
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Study).where(Study.id == study.id)).reading_ends_at = scope.now - timedelta(hours=1)
    for act in (lambda: write(scopes, cast.reader, signed.report_id), lambda: sign(scopes, seal, cast.reader, addendum)):
        with pytest.raises(Denied, match="access to this study has ended"):
            act()
    page = browse(cast.reader).get(f"/reports/{signed.report_id}")
    assert page.status_code == 200
    assert "Ask the hospital to let you see it again" in page.text
    with scopes.open(cast.mercy_manager.actor) as scope:
        access.let_look_again(scope, study.id)
    with scopes.open(cast.reader.actor) as scope:
        assert addenda.open_addendum(scope, signed.report_id).text == "Begun in time."
    assert sign(later(scopes, seconds=31), seal, cast.reader, addendum).version == 2


def test_two_windows_never_overwrite_each_other(
    scopes: Scopes, cast: Cast, signed: ReportVersion, browse: Callable[..., Browser]
) -> None:
    addendum, revision = write(scopes, cast.reader, signed.report_id, "From the second window.")
    with pytest.raises(StaleAddendum) as stale, scopes.open(cast.reader.actor) as scope:
        addenda.save(scope, addendum, purpose=Purpose.ADDENDUM, text="From the first.", revision=revision - 1)
    assert (stale.value.text, stale.value.revision) == ("From the second window.", revision)
    with scopes.open(cast.reader.actor) as scope:  # a lost answer: the same words again are no conflict
        again = addenda.save(scope, addendum, purpose=Purpose.ADDENDUM, text="From the second window.", revision=0)
        assert again.revision == revision
    reader = browse(cast.reader)
    sent = {"purpose": "correction", "text": "From the first.", "revision": 0}
    answer = reader.put(f"/api/addenda/{addendum}", json=sent, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json["code"], answer.json["text"]) == (412, "stale", "From the second window.")
    with pytest.raises(Changed), scopes.open(cast.reader.actor) as scope:
        addenda.discard(scope, addendum, revision=revision - 1)
    tag = reader.get(f"/api/addenda/{addendum}").headers["ETag"]
    saved = reader.put(f"/api/addenda/{addendum}", json=sent | {"text": "As read by its tag."}, headers={"If-Match": tag})
    assert saved.status_code == 200, saved.text
    assert reader.delete(f"/api/addenda/{addendum}", headers={"If-Match": tag}).status_code == 412
    fresh = reader.get(f"/api/addenda/{addendum}").headers["ETag"]
    assert browse(cast.stranger).delete(f"/api/addenda/{addendum}", headers={"If-Match": fresh}).status_code == 404
    assert reader.delete(f"/api/addenda/{addendum}", headers={"If-Match": f"W/{fresh}"}).status_code == 200


def test_one_is_open_at_a_time_and_a_colleague_takes_over_what_was_left(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    report = signed.report_id
    addendum, revision = write(scopes, cast.reader, report)
    with scopes.open(cast.reader.actor) as scope:
        assert addenda.open_addendum(scope, report).id == addendum
    with scopes.open(cast.second_reader.actor) as scope, pytest.raises(Conflict, match="Nora Reader is writing"):
        addenda.open_addendum(scope, report)
    assert "Dr. Nora Reader is writing an addendum" in browse(cast.second_reader).get(f"/reading/{study.id}").text
    reader = browse(cast.reader)
    assert reader.post(f"/reports/{report}/addendum/lock").json == {"revision": revision}
    assert reader.delete(f"/reports/{report}/addendum/lock").status_code == 204
    colleague = browse(cast.second_reader)
    assert "Take it over" in colleague.get(f"/reading/{study.id}").text
    assert colleague.post(f"/reports/{report}/addendum").location == f"/reading/{study.id}"
    desk = colleague.get(f"/reading/{study.id}").text
    assert f'data-address="/api/addenda/{addendum}"' in desk
    assert WORDS in desk
    lost = reader.post(f"/reports/{report}/addendum/lock", headers={"Accept": "application/json"})
    assert (lost.status_code, "Sam Second" in lost.json["message"]) == (409, True)
    with pytest.raises(Conflict, match="Sam Second"):
        sign(scopes, seal, cast.reader, (addendum, revision))
    assert sign(scopes, seal, cast.second_reader, (addendum, revision)).signer_name == "Dr. Sam Second"
    assert journal_kinds(scopes, cast.second_reader, study).count("reports.addendum.opened") == 2


def test_what_is_empty_or_changed_is_not_signed_and_the_code_stays_good(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion
) -> None:
    scopes = later(scopes, seconds=31)
    code = cast.reader.code(scopes.clock().timestamp())
    with pytest.raises(Conflict, match="is empty"):
        sign(scopes, seal, cast.reader, write(scopes, cast.reader, signed.report_id, " \n"), code=code)
    addendum, revision = write(scopes, cast.reader, signed.report_id)
    with pytest.raises(Conflict, match="changed after you looked"):
        sign(scopes, seal, cast.reader, (addendum, revision - 1), code=code)
    with pytest.raises(Denied, match="password is not right"):
        sign(scopes, seal, cast.reader, (addendum, revision), code=code, password="wrong password!")
    assert sign(scopes, seal, cast.reader, (addendum, revision), code=code).version == 2
    with pytest.raises(Conflict, match="does not change any more"):
        sign(later(scopes, seconds=31), seal, cast.reader, (addendum, revision))


def test_the_whole_way_by_the_json_door(
    scopes: Scopes, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    """Open, save, throw away, open anew, save, sign; a viewer with a share reads what came of it."""
    reader, report = browse(cast.reader), signed.report_id
    thrown = reader.post(f"/api/reports/{report}/addenda").json["id"]
    assert reader.delete(f"/api/addenda/{thrown}").json == {"status": "ok"}
    assert reader.get(f"/api/addenda/{thrown}").status_code == 404
    opened = reader.post(f"/api/reports/{report}/addenda").json
    assert (opened["status"], opened["revision"], opened["checks"][0]["passed"]) == ("draft", 0, False)
    assert "data-blocked" in reader.get(f"/reports/{report}/addendum/review").text
    saved = reader.put(
        f"/api/addenda/{opened['id']}", json={"purpose": "addendum", "text": "No <b>new</b>\x0b finding.", "revision": 0}
    )
    assert (saved.json["revision"], saved.json["text"]) == (1, "No <b>new</b>\n finding.")
    assert reader.get(f"/api/reports/{report}").json["open_addendum"] == opened["id"]
    review = reader.get(f"/reports/{report}/addendum/review").text
    assert ("data-blocked" in review, "ADDENDUM NOT SIGNED" in review, "No &lt;b&gt;new&lt;/b&gt;" in review) == (
        False,
        True,
        True,
    )
    code = cast.reader.code(utc_now().timestamp() + 30)
    proof = {"password": PASSWORD, "code": code, "meaning": "author", "revision": 1}
    made = reader.put(f"/api/addenda/{opened['id']}/finalize", json=proof).json
    assert (made["version"], made["standing"], made["next"]) == (2, "appended", f"/reports/{report}")
    assert reader.get(f"/api/addenda/{opened['id']}").json["version"] == 2
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    assert "No &lt;b&gt;new&lt;/b&gt;" in browse(cast.colleague).get(f"/reports/{report}").text
    kinds = journal_kinds(scopes, cast.owner, study)
    assert [each for each in kinds if each.startswith("reports.addendum.")] == [
        "reports.addendum.opened", "reports.addendum.discarded", "reports.addendum.opened",
        "reports.addendum.saved", "reports.addendum.signed",
    ]  # fmt: skip
    assert browse(cast.stranger).get(f"/api/addenda/{opened['id']}").status_code == 404


def test_images_that_an_addendum_is_about_are_late_no_more(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, study: Made, browse: Callable[..., Browser]
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        scope.session.execute(text("UPDATE studies SET instance_count = instance_count + 4 WHERE id = :s"), {"s": study.id})
    hospital = browse(cast.owner)
    assert "4 images" in hospital.get(f"/reports/{signed.report_id}").text
    assert "+4 late" in hospital.get("/hospital").text
    sign(later(scopes, seconds=31), seal, cast.reader, write(scopes, cast.reader, signed.report_id))
    assert "4 images" not in hospital.get(f"/reports/{signed.report_id}").text
    assert "+4 late" not in hospital.get("/hospital").text


def test_d09_the_copy_for_an_inspector_holds_every_addendum_and_shows_a_version_that_is_no_continuation(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion
) -> None:
    sign(later(scopes, seconds=31), seal, cast.reader, write(scopes, cast.reader, signed.report_id))
    with scopes.open(cast.mercy_admin.actor) as scope:
        copy = inspection.make(scope, seal, signed.report_id)
    assert inspected.faults(copy) == []
    with zipfile.ZipFile(BytesIO(copy)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    assert WORDS in files["versions/2/report.txt"].decode()
    assert WORDS not in files["versions/1/report.txt"].decode()
    assert json.loads(files["versions/2/content.json"])["addenda"][0]["text"] == WORDS
    first = json.loads(files["versions/1/content.json"])
    first["sections"]["impression"] = "Bleeding."
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in {**files, "versions/1/content.json": json.dumps(first).encode()}.items():
            packed.writestr(name, content)
    assert "version 2 is not the one before it and an addendum" in inspected.faults(target.getvalue())
