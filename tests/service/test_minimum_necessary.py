"""What each role is shown: masked identifiers in lists, fields that are not for it, ids in bodies that are not its own."""

import re
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from sidecar.archive.tables import Job
from sidecar.deidentification.tables import Export
from sidecar.gate import catalogue, fields
from sidecar.gate.actor import OrganisationKind, Role, system_actor
from sidecar.gate.fields import Show
from sidecar.gate.permissions import GRANTS, Permission
from sidecar.gate.scope import Scopes
from sidecar.orders import service as orders
from sidecar.orders.show import beside
from sidecar.organisations import service as organisations
from sidecar.studies import queries, requests
from tests.browser import Browser, alike
from tests.cast import Cast, Person, share_with
from tests.factories.studies import Made, make_study
from tests.service.test_matrix import ORDER

Browse = Callable[[Person | None], Browser]
PATIENT = {"patient_name": "Canary^Kim", "patient_id": "PID-SECRET-77", "patient_birth_date": "19811213"}
CARES = ("owner", "own_radiologist", "mercy_manager", "colleague", "reader")
DOES_NOT = ("mercy_admin", "nightowls_admin", "lead")
CURSOR = re.compile(r'data-cursor="\d+"')
MARKS = ("Canary", "PID-SECRET", "19811213", "1981-12-13")


@pytest.fixture
def study(cast: Cast, scopes: Scopes) -> Made:
    made = make_study(scopes, cast.mercy, reading=cast.nightowls, study_date="20010101", **PATIENT)
    share_with(scopes, made.id, cast.mercy, cast.colleague)
    return made


def lists(browser: Browser, study: Made) -> dict[str, str]:
    """Every list, fragment and serialiser of studies that answers this person, by address."""
    asked = {
        "/hospital": ("GET", {}),
        "/hospital/rows": ("POST", {"data": {}}),
        "/hospital/changes?since=0": ("GET", {}),
        "/worklist": ("GET", {}),
        "/worklist/rows": ("POST", {"data": {"sort": "patient"}}),
        "/worklist/changes?since=0&sort=patient": ("GET", {}),
        f"/worklist/{study.id}/preview": ("GET", {}),
        "/api/studies": ("GET", {}),
        f"/api/studies/{study.id}": ("GET", {}),
        "/archive/jobs": ("GET", {}),
        "/archive/deleted": ("GET", {}),
        "/archive/retention": ("GET", {}),
        f"/worklist/{study.id}/assign": ("GET", {}),
        **{f"/studies/{study.id}/{page}": ("GET", {}) for page in ("download", "send", "delete", "hold", "access")},
        f"/admin/audit/studies/{study.id}": ("GET", {}),
    }
    answers = {path: browser.ask(method, path, **options) for path, (method, options) in asked.items()}
    return {path: answer.text for path, answer in answers.items() if answer.status_code == 200}


@pytest.mark.parametrize("who", DOES_NOT)
def test_b10_lists_mask_the_patient_for_roles_that_do_not_need_them(cast: Cast, browse: Browse, study: Made, who: str) -> None:
    shown = lists(browse(getattr(cast, who)), study)
    assert "/hospital" in shown
    for path, text in shown.items():
        for mark in MARKS:
            assert mark.lower() not in text.lower(), (path, mark)
    assert "C., K." in shown["/hospital"] or "C, K" in shown["/hospital"]  # enough to tell a line from the next


@pytest.mark.parametrize("who", CARES)
def test_b10_and_show_them_to_roles_that_do(cast: Cast, browse: Browse, study: Made, who: str) -> None:
    shown = lists(browse(getattr(cast, who)), study)
    assert all("Canary" in shown[path] for path in ("/hospital", "/api/studies"))


def test_b10_bulk_export_needs_the_manager_and_a_reason(cast: Cast, browse: Browse, study: Made) -> None:
    form = {"study": str(study.id), "project": "P", "reason": "Research 7"}
    for person in (cast.mercy_admin, cast.owner, cast.own_radiologist, cast.colleague, cast.reader, cast.lead, cast.stranger):
        assert browse(person).post("/exports", data=form).status_code == 403, person.actor.name
    manager = browse(cast.mercy_manager)
    assert manager.post("/exports", data=form | {"reason": " "}).status_code == 400
    assert manager.post("/exports", data=form).status_code == 302


def test_b08_each_role_gets_its_schema(cast: Cast, browse: Browse, study: Made) -> None:
    """The same keys for everybody, the table's values: plain, masked or empty; nothing of machines in any of them."""
    plain = {"patient_name": "Canary^Kim", "patient_id": "PID-SECRET-77", "patient_birth_date": "19811213"}
    masked = {"patient_name": "C.^K.", "patient_id": "…77", "patient_birth_date": "1981"}
    keys = None
    for who, expected in [*((each, plain) for each in CARES), *((each, masked) for each in DOES_NOT)]:
        (row,) = browse(getattr(cast, who)).get("/api/studies").get_json()["studies"]
        assert {name: row[name] for name in expected} == expected, who
        assert keys in (None, set(row))
        keys = set(row)
    assert keys is not None
    assert not keys & {"remote_ip", "remote_aet", "http_username", "referring_physician_name", "reason_for_requested_procedure"}


def test_b08_the_table_speaks_of_every_role_and_hides_what_the_control_names() -> None:
    viewer, technician = (OrganisationKind.PROVIDER, Role.VIEWER), (OrganisationKind.PROVIDER, Role.TECHNICIAN)
    for field in ("http_username", "remote_ip", "remote_aet", "reason_for_requested_procedure", "referring_physician_name"):
        how, whom = fields.FIELDS[field]
        assert (how, viewer in whom, technician in whom) == (Show.HIDDEN, True, False)
    assert set(fields.MASKS) == {name for name, (how, _) in fields.FIELDS.items() if how is Show.MASKED}
    assert all(
        whom <= set(GRANTS) | {(kind, role) for kind in OrganisationKind for role in Role} for _, whom in fields.FIELDS.values()
    )


def test_b08_a_viewer_reads_no_referring_notes_and_nobody_but_readers_a_draft(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made
) -> None:
    notes = {"reason_for_requested_procedure": "NOTES OF THE REFERRER", "referring_physician_name": "Referrer^Rita"}
    patient = {"patient_id": PATIENT["patient_id"], "patient_name": PATIENT["patient_name"], "accession_number": "A1"}
    with scopes.open(cast.owner.actor) as scope:
        orders.add(scope, replace(ORDER, **patient, **notes))
    for person, hidden in ((cast.colleague, True), (cast.owner, False), (cast.reader, False)):
        with scopes.open(person.actor) as scope:
            told = beside(scope, requests.facts(queries.get(scope, study.id)))
        assert told is not None
        assert (told["question"], told["referring"]) == (("", "") if hidden else tuple(notes.values())), person.actor.name
    reader = browse(cast.reader)
    draft = str(reader.post("/api/reports", json={"study_id": str(study.id)}).get_json()["id"])
    assert (
        reader.put(f"/api/reports/{draft}/draft", json={"sections": {"findings": "DRAFTTEXT"}, "revision": 0}).status_code == 200
    )
    for who in ("owner", "colleague", "mercy_manager", "mercy_admin", "lead", "nightowls_admin"):
        answer = browse(getattr(cast, who)).get(f"/api/reports/{draft}")
        assert answer.status_code in {403, 404}, who
        assert "DRAFTTEXT" not in browse(getattr(cast, who)).get(f"/reading/{study.id}").text


def test_b03_lists_of_ids_in_bodies_do_nothing_when_one_is_not_ones_own(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made
) -> None:
    """Mine and foreign mixed, doubled, nested, as a comma list, with strange signs: no effect, as for unknown ids."""
    foreign = make_study(scopes, cast.luke)
    mine, theirs, nobody = str(study.id), str(foreign.id), str(uuid4())

    def mixtures(other: str) -> list[object]:
        return [
            [mine, other],
            [other, mine, mine],
            [[mine, other]],
            f"{mine},{other}",
            [f"{mine},{other}"],
            [f"{other}\u200b", mine],
        ]

    owner, manager = browse(cast.owner), browse(cast.mercy_manager)
    with scopes.open(cast.owner.actor) as scope:
        node = organisations.add_entity(
            scope, aet="PACS", description="", networks=["10.0.0.0/8"], services=["echo"], host="10.0.0.1", port=104
        ).id
    for ask in (
        lambda ids: owner.post("/api/sends", json={"study_ids": ids, "node_id": str(node)}),
        lambda ids: manager.post("/exports", data={"study": ids, "project": "P", "reason": "Research"}),
    ):
        for at, mixed in enumerate(mixtures(theirs)):
            said = [ask(ids).status_code for ids in (mixed, mixtures(nobody)[at])]
            assert said[0] == said[1]
            assert said[0] in {400, 404, 405}, (said, mixed)
    for organisation in (cast.mercy, cast.luke):
        with scopes.open(system_actor(organisation)) as scope:
            assert scope.session.scalar(select(func.count()).select_from(Job)) == 0
            assert scope.session.scalar(select(func.count()).select_from(Export)) == 0


BYPASSES: tuple[tuple[str, str], ...] = tuple(
    (header, value)
    for header in (
        "X-Tenant", "X-Tenant-Id", "X-Organisation", "X-Org", "X-User", "X-User-Id", "X-Forwarded-User", "X-Remote-User",
        "Remote-User", "X-Role", "X-Admin", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method", "X-HTTP-Method-Override",
        "X-Method-Override", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Authenticated-User",
    )
    for value in ("{luke}", "/api/studies?organization={luke}")
)  # fmt: skip


def test_b04_forty_claims_in_headers_change_no_decision(cast: Cast, browse: Browse, scopes: Scopes, study: Made) -> None:
    """Who asks is the session's; whatever a header says of tenant, person, method or host, the answer is the plain one's."""
    make_study(scopes, cast.luke, patient_name="LUKES^OWN")
    assert len(BYPASSES) == 40
    for person in (cast.owner, cast.luke_technician, None):
        browser = browse(person)
        plain = browser.get("/api/studies")
        for header, value in BYPASSES:
            said = browser.get("/api/studies", headers={header: value.format(luke=cast.luke)})
            assert (said.status_code, said.get_json()) == (plain.status_code, plain.get_json()), (header, value)
    assert "LUKES" not in browse(cast.owner).get("/api/studies").text


def test_the_catalogue_is_printed_and_shown_whole(app: Flask, cast: Cast, browse: Browse) -> None:
    doors = {Permission.PUBLIC, Permission.SIGNED_IN}
    assert set(catalogue.MEANING) == set(Permission) - doors
    assert set(catalogue.FIELD_MEANING) == set(fields.FIELDS)
    needed = {view.needs for view in app.view_functions.values() if hasattr(view, "needs")}
    assert needed - doors <= set(catalogue.MEANING)
    printed = catalogue.as_text()
    page = browse(cast.platform_admin).get("/admin/permissions").text
    for each in catalogue.MEANING:
        assert each.value in page
        assert each.value in printed
    assert "Reading group" not in browse(cast.mercy_admin).get("/admin/permissions").text.split("Who may do what")[1]
    for person in (cast.owner, cast.stranger, cast.colleague):
        assert browse(person).get("/admin/permissions").status_code == 403


@pytest.mark.parametrize("who", DOES_NOT)
def test_b10_a_search_spells_out_nothing_that_is_masked(cast: Cast, browse: Browse, study: Made, who: str) -> None:
    """Asked letter by letter, a list that hides the name but finds by it would tell it: right and wrong guesses are alike."""
    person = browse(getattr(cast, who))
    for path in ("/hospital/rows", "/hospital/changes?since=0", "/worklist/rows", "/worklist/changes?since=0"):
        guesses = ("Can", "Kim", "SECRET-7", "Zzz")
        answers = {CURSOR.sub("", alike(person.post(path, data={"q": guess}), study.id)).replace(guess, "") for guess in guesses}
        assert len(answers) == 1, path
    assert str(study.id) in person.post("/hospital/rows", data={"q": "CT chest"}).text
    cares = browse(cast.mercy_manager)
    assert str(study.id) in cares.post("/hospital/rows", data={"q": "Canary"}).text
    assert str(study.id) not in cares.post("/hospital/rows", data={"q": "Zzz"}).text
