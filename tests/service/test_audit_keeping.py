"""How long the journal is kept, what may go, and that the chain survives it; who was shown and given what of a patient."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sidecar.archive import service as archive
from sidecar.archive.model import Form
from sidecar.audit import anchors, inspection, jobs, service, transfer
from sidecar.audit.checkpoints import Kind, Signer
from sidecar.audit.formats import cell
from sidecar.audit.vocabulary import code_of, discloses
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.settings import Settings
from sidecar.worker import open_workshop
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_audit import register

Browse = Callable[[Person | None], Browser]
SIX_YEARS = timedelta(days=6 * 365 + 2)


@pytest.fixture
def shop(services: Instance, tmp_path: Path) -> Iterator[Workshop]:
    settings = replace(Settings.from_env(services.env()), checkpoints_dir=tmp_path / "checkpoints")
    opened = open_workshop(settings)
    yield opened
    opened.close()


def ago(scopes: Scopes, age: timedelta) -> Scopes:
    """Return transactions of an earlier time."""
    then = datetime.now(UTC) - age
    return replace(scopes, clock=lambda: then)


def left(scopes: Scopes, cast: Cast) -> list[int]:
    with scopes.open(system_actor(cast.mercy)) as scope:
        return list(
            scope.session.scalars(text("SELECT sequence FROM journal WHERE organisation_id = app_org() ORDER BY sequence"))
        )


def verified(shop: Workshop, cast: Cast) -> bool:
    signer = Signer.from_pem(shop.settings.secret("checkpoint_key.pem"))
    found = next(inspection.inspect(shop.scopes, signer.verifier, shop.settings.checkpoints_dir, only=str(cast.mercy)))
    assert found.verdict.whole, found.verdict.faults
    exported = inspection.write(shop.scopes, signer, cast.mercy, "Mercy")
    return transfer.verify_lines(exported)[1].whole


def test_c07_rows_of_five_years_and_364_days_stay(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    register(ago(scopes, timedelta(days=5 * 365 + 1 + 364)), cast, 3)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == [1, 2, 3]
    assert verified(shop, cast)


def test_c07_older_rows_go_and_the_chain_goes_on_from_a_signed_beginning(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    register(ago(scopes, SIX_YEARS), cast, 3)
    register(scopes, cast, 2, name="MR")
    jobs.sign_checkpoint(shop, cast.mercy)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == [4, 5, 6]  # 6 tells of it
    assert [each.sequence for each in anchors.kept(shop.settings.checkpoints_dir, cast.mercy) if each.kind is Kind.BEGINNING] == [
        3
    ]
    assert verified(shop, cast)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == [4, 5, 6]


def test_a_chain_whose_rows_all_went_goes_on_with_the_next_number(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    register(ago(scopes, SIX_YEARS), cast, 3)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == [4]
    assert verified(shop, cast)


def test_c07_a_hold_on_the_journal_or_on_a_study_overrides_the_purge(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    register(ago(scopes, SIX_YEARS), cast, 1)
    study = make_study(scopes, cast.mercy)
    with ago(scopes, SIX_YEARS).open(cast.mercy_manager.actor) as scope:
        archive.set_hold(scope, study.id, reason="case 1")
    with scopes.open(cast.mercy_admin.actor) as scope:
        service.hold(scope, reason="case 2")
        with pytest.raises(Conflict):
            service.hold(scope, reason="again")
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == [1, 2, 3]
    with scopes.open(cast.mercy_admin.actor) as scope:
        service.release(scope)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast)[0] == 2  # the study is held still, so its entry and all after it stay
    with scopes.open(cast.mercy_manager.actor) as scope:
        archive.lift_hold(scope, study.id, reason="over")
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast)[0] == 3
    assert verified(shop, cast)


def test_c07_six_years_are_the_least_and_more_can_be_asked(shop: Workshop, scopes: Scopes, cast: Cast, browse: Browse) -> None:
    admin = browse(cast.mercy_admin)
    assert admin.post("/admin/audit/keeping", data={"years": "5"}).status_code == 400
    with pytest.raises(Invalid), scopes.open(cast.mercy_admin.actor) as scope:
        service.set_years(scope, years=5)
    assert admin.post("/admin/audit/keeping", data={"years": "10"}).status_code == 302
    register(ago(scopes, SIX_YEARS), cast, 2)
    first = left(scopes, cast)
    jobs.forget_in(shop, cast.mercy)
    assert left(scopes, cast) == first
    with pytest.raises(DBAPIError, match="six_years"), scopes.open(cast.mercy_admin.actor) as scope:
        scope.session.execute(text("UPDATE journal_keeping SET years = 1"))


def test_nobody_forgets_early_or_for_another(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    """The table refuses by itself: even a beginning put there by hand lets no young row go."""
    register(scopes, cast, 3)
    signer = Signer.from_pem(shop.settings.secret("checkpoint_key.pem"))
    with pytest.raises(DBAPIError, match="only when their time is over"), scopes.open(system_actor(cast.mercy)) as scope:
        service.sign(scope, signer, sequence=2, hash_=b"x" * 32, kind=Kind.BEGINNING)
        scope.session.execute(text("SELECT journal_forget(app_org())"))
    for actor in (cast.mercy_admin.actor, cast.stranger.actor, system_actor(cast.luke)):
        with pytest.raises(DBAPIError, match="only its journal"), scopes.open(actor) as scope:
            scope.session.execute(text("SELECT journal_forget(:organisation)"), {"organisation": cast.mercy})


def test_the_page_keeps_holds_and_checks(browse: Browse, cast: Cast) -> None:
    admin, page = browse(cast.mercy_admin), "/admin/audit/keeping"
    assert "Why nothing may be removed" in admin.get(page).text
    assert admin.post(f"{page}/hold", data={"reason": " "}).status_code == 400
    admin.post(f"{page}/hold", data={"reason": "case 26-118"})
    assert "case 26-118" in admin.get(page).text
    admin.post(f"{page}/release")
    admin.post(f"{page}/check")
    assert "entries were checked" in admin.get(page).text
    for who in (cast.owner, cast.mercy_manager, cast.reader, cast.stranger):
        for answer in (browse(who).get(page), browse(who).post(f"{page}/hold", data={"reason": "x"})):
            assert answer.status_code == 403


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="MRN-4711")


def disclosed(scopes: Scopes, cast: Cast, study: Made, browse: Browse) -> None:
    """Somebody of either house takes the study along; others only look."""
    browse(cast.reader).get(f"/reading/{study.id}")
    for person, form in ((cast.reader, Form.ZIP), (cast.mercy_manager, Form.MEDIA)):
        with scopes.open(person.actor) as scope:
            archive.download(scope, study.id, form=form)


def test_c08_the_accounting_of_disclosures_equals_the_exports_of_that_patient(
    scopes: Scopes, cast: Cast, study: Made, browse: Browse
) -> None:
    other = make_study(scopes, cast.mercy, patient_id="MRN-4712")
    disclosed(scopes, cast, study, browse)
    with scopes.open(cast.mercy_manager.actor) as scope:
        archive.download(scope, other.id, form=Form.ZIP)
    asked = {"patient_id": "MRN-4711", "view": "disclosures", "form": "csv"}
    told = list(csv.DictReader(io.StringIO(browse(cast.mercy_admin).post("/admin/audit/export", data=asked).text)))
    with scopes.open(system_actor(cast.mercy)) as scope:
        rows = scope.session.execute(
            text("SELECT sequence, kind FROM journal WHERE study_id = :study"), {"study": study.id}
        ).all()
    exports = [row for row in rows if code_of(row.kind).event.code == "110106"]
    assert [int(each["entry"]) for each in told] == sorted((row.sequence for row in exports), reverse=True)
    assert {each["event_id"] for each in told} == {"110106"}
    assert {each["study_instance_uid"] for each in told} == {study.uid}
    assert [each["person"] for each in told] == ["Max Mercy", "Dr. Nora Reader"]
    assert told[1]["acting_for"].startswith("Night Owls Radiology")


def test_c08_an_accounting_reaches_back_six_years(scopes: Scopes, cast: Cast, study: Made, browse: Browse) -> None:
    for age in (timedelta(days=6 * 365 - 10), timedelta(days=6 * 365 + 10)):
        with ago(scopes, age).open(cast.mercy_manager.actor) as scope:
            archive.download(scope, study.id, form=Form.ZIP)
    asked = {"patient_id": "MRN-4711", "view": "disclosures", "form": "json"}
    assert len(json.loads(browse(cast.mercy_admin).post("/admin/audit/export", data=asked).text)) == 1


def test_who_looked_at_this_patient_names_the_people_of_the_reading_group(
    scopes: Scopes, cast: Cast, study: Made, browse: Browse
) -> None:
    disclosed(scopes, cast, study, browse)
    admin = browse(cast.mercy_admin)
    page = admin.post("/admin/audit/patient", data={"patient_id": "MRN-4711"}).text
    assert "Dr. Nora Reader" in page
    assert "opened a study for reading" in page
    assert "downloaded a study as ZIP" in page
    assert "Doe" not in page
    only = admin.post("/admin/audit/patient", data={"patient_id": "MRN-4711", "view": "disclosures"}).text
    assert "opened a study" not in only
    assert "no study with this patient ID" in admin.post("/admin/audit/patient", data={"patient_id": "mrn-4711"}).text
    assert "MRN-4711" not in admin.get("/admin/audit").text  # what was asked is on record as a digest


def test_a_studys_timeline_and_exports_are_a_strangers_nowhere(scopes: Scopes, cast: Cast, study: Made, browse: Browse) -> None:
    disclosed(scopes, cast, study, browse)
    address = f"/admin/audit/studies/{study.id}"
    assert "downloaded a study as DICOMDIR" in browse(cast.mercy_admin).get(address).text
    unknown = UUID(int=7)
    for who in (cast.luke_admin, cast.strange_admin, cast.platform_admin):
        stranger = browse(who)
        there = alike(stranger.get(address), study.id)
        assert there.startswith("404")
        assert there == alike(stranger.get(f"/admin/audit/studies/{unknown}"), unknown)
        assert stranger.post("/admin/audit/export", data={"form": "csv", "study": str(study.id)}).status_code == 404
        assert "Nora" not in stranger.post("/admin/audit/patient", data={"patient_id": "MRN-4711"}).text
    assert "downloaded a study" in browse(cast.nightowls_admin).get(address).text  # their own people's part of it
    assert "Max Mercy" not in browse(cast.nightowls_admin).get(address).text


def test_an_export_is_csv_json_or_audit_messages_and_asks_who_it_is(
    scopes: Scopes, cast: Cast, study: Made, browse: Browse
) -> None:
    disclosed(scopes, cast, study, browse)
    admin, asked = browse(cast.mercy_admin), {"study": str(study.id)}
    rows = json.loads(admin.post("/admin/audit/export", data={**asked, "form": "json"}).text)
    messages = ET.fromstring(admin.post("/admin/audit/export", data={**asked, "form": "atna"}).text)  # noqa: S314 - our own
    assert len(messages) == len(rows) == 5
    for message, row in zip(messages, rows, strict=True):
        event = message.find("EventIdentification")
        assert event is not None
        assert (event.get("EventOutcomeIndicator"), event.get("EventDateTime")) == ("0", row["at"])
        assert event.find("EventID").attrib == {  # type: ignore[union-attr]
            "csd-code": row["event_id"], "codeSystemName": "DCM", "originalText": row["event"],
        }  # fmt: skip
        objects = [each.get("ParticipantObjectID") for each in message.iter("ParticipantObjectIdentification")]
        assert study.uid in objects
    sheet = admin.post("/admin/audit/export", data={**asked, "form": "csv"})
    assert "attachment" in sheet.headers["Content-Disposition"]
    assert len(sheet.text.splitlines()) == 1 + 5
    journal = json.loads(admin.post("/admin/audit/export", data={"form": "json"}).text)
    assert [each["kind"] for each in journal[:3]] == ["audit.journal.exported"] * 3
    assert admin.post("/admin/audit/export", data={"form": "pdf"}).status_code == 400
    chain = admin.post("/admin/audit/export", data={"form": "chain"})
    about, verdict = transfer.verify_lines(chain.data.splitlines(keepends=True))
    assert (verdict.whole, about["organisation"]) == (True, str(cast.mercy))


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_nothing_of_an_export(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell("Nora") == "Nora"


def test_what_counts_as_a_disclosure() -> None:
    assert discloses("archive.study.downloaded")
    assert discloses("archive.study.send-asked")
    assert not discloses("studies.study.opened")
    assert not discloses("studies.study.arrived")
