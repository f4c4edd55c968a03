"""Reports on a real Postgres: write, save, sign; what stays as it is for ever; who sees what and when."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from sidecar.accounts.signing import Proof
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Event, Scopes
from sidecar.instance import Instance
from sidecar.kernel.errors import Broken, Conflict, Denied, Missing, Problem
from sidecar.reports import events, queries, service
from sidecar.reports.errors import SignatureRefused, StaleDraft
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies.tables import Study
from tests.cast import PASSWORD, Cast, Person, share_with
from tests.factories.studies import Made, make_study

FORGE = """UPDATE report_versions SET content = jsonb_set(content, '{sections,impression}', '"Bleeding."') WHERE report_id = :r"""
TEXT = {"findings": "Lungs are clear.", "impression": "No acute finding."}


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls)


def write(scopes: Scopes, person: Person, study: Made, sections: dict[str, str] | None = None) -> UUID:
    with scopes.open(person.actor) as scope:
        report = service.open_report(scope, study.id)
        service.save_draft(scope, report.id, sections=sections or TEXT, revision=report.revision)
        return report.id


def sign(scopes: Scopes, seal: Seal, person: Person, report_id: UUID, **changes: Any) -> ReportVersion:
    given = {"password": PASSWORD, "code": person.code(), "revision": 1, **changes}
    proof = Proof(given["password"], given["code"], seal)
    with scopes.open(person.actor) as scope:
        return service.sign(scope, report_id, proof=proof, meaning="author", revision=given["revision"])


def journal_kinds(scopes: Scopes, person: Person, study: Made) -> list[str]:
    with scopes.open(person.actor) as scope:
        rows = scope.session.execute(text("SELECT kind FROM journal WHERE study_id = :s ORDER BY sequence"), {"s": study.id})
        return [kind for (kind,) in rows]


def test_one_report_per_study_and_opening_again_is_the_same(scopes: Scopes, cast: Cast, study: Made) -> None:
    first = write(scopes, cast.reader, study)
    with scopes.open(cast.reader.actor) as scope:
        assert service.open_report(scope, study.id).id == first
    kinds = journal_kinds(scopes, cast.reader, study)
    assert kinds.count("reports.report.opened") == 1
    assert kinds.count("reports.report.saved") == 1


def test_two_windows_never_overwrite_each_other(scopes: Scopes, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study)
    with scopes.open(cast.reader.actor) as scope:
        service.save_draft(scope, report_id, sections={**TEXT, "findings": "Second window."}, revision=1)
    with pytest.raises(StaleDraft) as stale, scopes.open(cast.reader.actor) as scope:
        service.save_draft(scope, report_id, sections={**TEXT, "findings": "First window."}, revision=1)
    assert stale.value.sections["findings"] == "Second window."
    assert (stale.value.revision, stale.value.saved_by) == (2, "Dr. Nora Reader")
    with scopes.open(cast.reader.actor) as scope:  # a lost answer: the same text again is no conflict
        again = service.save_draft(scope, report_id, sections={**TEXT, "findings": "Second window."}, revision=1)
        assert again.revision == 2


def test_a_colleague_reads_but_does_not_write_while_somebody_reads(scopes: Scopes, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study)
    with scopes.open(cast.second_reader.actor) as scope:
        assert queries.get(scope, report_id).sections["impression"] == "No acute finding."
    for act in (
        lambda scope: service.open_report(scope, study.id),
        lambda scope: service.save_draft(scope, report_id, sections=TEXT, revision=1),
    ):
        with pytest.raises(Conflict, match="Nora Reader"), scopes.open(cast.second_reader.actor) as scope:
            act(scope)


def test_a_colleague_goes_on_after_reassignment(scopes: Scopes, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study)
    with scopes.open(cast.lead.actor) as scope:
        scope.session.execute(
            text("UPDATE studies SET assignee_id = :u, lock_until = now() - interval '1 s' WHERE id = :s"),
            {"u": cast.second_reader.user_id, "s": study.id},
        )
    with scopes.open(cast.second_reader.actor) as scope:
        report = service.open_report(scope, study.id)
        assert (report.id, report.author_name) == (report_id, "Dr. Sam Second")
        assert report.sections["findings"] == "Lungs are clear."
    with pytest.raises(Conflict), scopes.open(cast.reader.actor) as scope:
        service.save_draft(scope, report_id, sections={"impression": "mine"}, revision=1)


def test_signing_makes_one_immutable_version(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study)
    version = sign(scopes, seal, cast.reader, report_id)
    assert (version.version, version.signer_name, version.meaning) == (1, "Dr. Nora Reader", "author")
    with scopes.open(cast.owner.actor) as scope:
        row = scope.one(select(Study).where(Study.id == study.id))
        assert (row.status, row.lock_user_id) == ("final", None)
        assert row.signed_at == version.signed_at
        assert queries.version(scope, report_id).content["sections"]["impression"] == "No acute finding."
    with pytest.raises(Conflict, match="signed"), scopes.open(cast.reader.actor) as scope:
        service.save_draft(scope, report_id, sections={"impression": "other"}, revision=1)
    with pytest.raises(Conflict, match="signed"), scopes.open(cast.reader.actor) as scope:
        service.open_report(scope, study.id)
    assert journal_kinds(scopes, cast.owner, study)[-2:] == ["reports.report.signed", "studies.reading.end-set"]


def test_what_is_not_ready_is_not_signed_and_the_code_stays_good(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study, {"findings": "only"})
    code = cast.reader.code()
    with pytest.raises(Conflict, match="impression is empty"):
        sign(scopes, seal, cast.reader, report_id, code=code)
    with scopes.open(cast.reader.actor) as scope:
        service.save_draft(scope, report_id, sections=TEXT, revision=1)
    with pytest.raises(Conflict, match="changed after you looked"):
        sign(scopes, seal, cast.reader, report_id, code=code)
    set_arrival(scopes, cast, study, "arriving")
    with pytest.raises(Conflict, match="still arriving"):
        sign(scopes, seal, cast.reader, report_id, code=code, revision=2)
    set_arrival(scopes, cast, study, "complete")
    assert sign(scopes, seal, cast.reader, report_id, code=code, revision=2).version == 1


def set_arrival(scopes: Scopes, cast: Cast, study: Made, arrival: str) -> None:
    with scopes.open(cast.owner.actor) as scope:
        scope.session.execute(text("UPDATE studies SET arrival = :a WHERE id = :s"), {"a": arrival, "s": study.id})


def test_wrong_password_wrong_code_and_a_used_code(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    other = make_study(scopes, cast.luke, reading=cast.nightowls)
    first, second = write(scopes, cast.reader, study), write(scopes, cast.reader, other)
    good = cast.reader.code()
    for wrong in ({"password": "wrong password!"}, {"code": "000000"}, {"code": cast.second_reader.code(12345)}, {"code": ""}):
        with pytest.raises(SignatureRefused):
            sign(scopes, seal, cast.reader, first, **wrong)
    assert sign(scopes, seal, cast.reader, first, code=good).version == 1
    with pytest.raises(SignatureRefused, match="already used"):
        sign(scopes, seal, cast.reader, second, code=good)
    with scopes.open(cast.reader.actor) as scope:
        assert queries.get(scope, second).status == "draft"
        failures = scope.session.scalars(text("SELECT count(*) FROM journal WHERE kind = 'accounts.user.sign-in-failed'")).one()
        assert failures >= 4, "each but the empty code, which was no attempt at one"


def test_nobody_signs_for_somebody_else(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    """Controls D06, D07: another person's proof, another role, another organisation."""
    report_id = write(scopes, cast.reader, study)
    with pytest.raises(Conflict):
        sign(scopes, seal, cast.second_reader, report_id)
    for person, error in (
        (cast.lead, Missing), (cast.nightowls_admin, Missing), (cast.own_radiologist, Missing), (cast.stranger, Missing)
    ):  # fmt: skip
        with pytest.raises(error):
            sign(scopes, seal, person, report_id)
    with pytest.raises(SignatureRefused):
        sign(scopes, seal, cast.reader, report_id, code=cast.second_reader.code())


def test_twelve_signatures_at_once_make_exactly_one_version(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    report_id, code = write(scopes, cast.reader, study), cast.reader.code()
    outcomes: list[str] = []
    gate = threading.Barrier(12)

    def attempt() -> None:
        gate.wait()
        try:
            sign(scopes, seal, cast.reader, report_id, code=code)
            outcomes.append("signed")
        except Problem as problem:
            outcomes.append(problem.code)

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 11 + ["signed"]
    with scopes.open(cast.owner.actor) as scope:
        assert len(queries.versions(scope, report_id)) == 1


def test_two_openers_at_once_make_one_report(scopes: Scopes, cast: Cast, study: Made) -> None:
    found: list[UUID | str] = []
    gate = threading.Barrier(6)

    def attempt(person: Person) -> None:
        gate.wait()
        try:
            with scopes.open(person.actor) as scope:
                found.append(service.open_report(scope, study.id).id)
        except Conflict as conflict:
            found.append(conflict.code)

    threads = [threading.Thread(target=attempt, args=(each,)) for each in (cast.reader, cast.second_reader) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for each in found if isinstance(each, UUID)}) == 1
    assert found.count("conflict") == 3


@pytest.fixture(scope="module")
def owner_engine(services: Instance) -> Iterator[Engine]:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE report_versions SET signer_name = 'x'",
        "UPDATE report_versions SET pdf_hash = ''",
        "UPDATE report_versions SET signature = NULL",
        "DELETE FROM report_versions",
        "TRUNCATE report_versions CASCADE",
    ],
)
def test_d02_signed_versions_never_change(
    scopes: Scopes, seal: Seal, cast: Cast, study: Made, owner_engine: Engine, change: str
) -> None:
    """Control D02: the application's role lacks the privilege, the owner's is stopped by the trigger."""
    report_id = write(scopes, cast.reader, study)
    sign(scopes, seal, cast.reader, report_id)
    with pytest.raises(DBAPIError, match="permission denied"), scopes.open(cast.reader.actor) as scope:
        scope.session.execute(text(change))
    with owner_engine.begin() as connection:
        # FORCE hides the rows from the owner; with that lifted, the trigger remains.
        connection.execute(text("ALTER TABLE report_versions NO FORCE ROW LEVEL SECURITY"))
        with pytest.raises(DBAPIError, match="never change"), connection.begin_nested():
            connection.execute(text(change))
        connection.rollback()
    with scopes.open(cast.owner.actor) as scope:
        assert queries.version(scope, report_id).signer_name == "Dr. Nora Reader"


def test_a_version_that_was_tampered_with_is_withheld(
    scopes: Scopes, seal: Seal, cast: Cast, study: Made, owner_engine: Engine
) -> None:
    """Control D05: a superuser's edit below the trigger is noticed at the next reading."""
    report_id = write(scopes, cast.reader, study)
    sign(scopes, seal, cast.reader, report_id)
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE report_versions NO FORCE ROW LEVEL SECURITY"))
        connection.execute(text("ALTER TABLE report_versions DISABLE TRIGGER refuse_change"))
        connection.execute(text(FORGE), {"r": report_id})
        connection.execute(text("ALTER TABLE report_versions ENABLE TRIGGER refuse_change"))
        connection.execute(text("ALTER TABLE report_versions FORCE ROW LEVEL SECURITY"))
    with pytest.raises(Broken, match="does not match its signature"), scopes.open(cast.owner.actor) as scope:
        queries.version(scope, report_id)


def test_a_final_report_row_cannot_be_opened_again_by_the_other_party(
    scopes: Scopes, seal: Seal, cast: Cast, study: Made
) -> None:
    report_id = write(scopes, cast.reader, study)
    sign(scopes, seal, cast.reader, report_id)
    with pytest.raises(DBAPIError, match="row-level security"), scopes.open(cast.own_radiologist.actor) as scope:
        scope.session.execute(text("UPDATE reports SET status = 'draft' WHERE id = :r"), {"r": report_id})


def test_the_hospital_sees_signed_reports_only(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> None:
    report_id = write(scopes, cast.reader, study)
    with scopes.open(cast.owner.actor) as scope:
        assert scope.session.scalars(select(Report)).all() == []
        assert queries.of_study(scope, study.id) is None
        with pytest.raises(Missing):
            queries.get(scope, report_id)
    sign(scopes, seal, cast.reader, report_id)
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    for person in (cast.owner, cast.colleague, cast.own_radiologist):
        with scopes.open(person.actor) as scope:
            assert service.read_version(scope, report_id, form="screen").version == 1
    for person in (cast.stranger, cast.luke_technician, cast.strange_technician, cast.platform_admin):
        with scopes.open(person.actor) as scope:
            assert scope.session.scalars(select(ReportVersion)).all() == []
            assert scope.session.scalars(select(Report)).all() == []
            with pytest.raises(Missing):
                queries.version(scope, report_id)


def test_events_hold_ids_only() -> None:
    for kind in Event.__subclasses__():
        if kind.__module__ == events.__name__:
            assert not {"sections", "text", "name", "patient"} & set(kind.__dataclass_fields__)


def test_own_radiologists_read_what_was_not_routed_and_nothing_else(scopes: Scopes, cast: Cast, study: Made) -> None:
    own = make_study(scopes, cast.mercy)
    with scopes.open(cast.own_radiologist.actor) as scope:
        assert service.open_report(scope, own.id).author_organisation_id == cast.mercy
    with pytest.raises(Denied), scopes.open(cast.own_radiologist.actor) as scope:
        service.open_report(scope, study.id)
    with pytest.raises(Missing), scopes.open(cast.stranger.actor) as scope:
        service.open_report(scope, study.id)
    with pytest.raises(Missing), scopes.open(cast.reader.actor) as scope:
        service.open_report(scope, uuid4())
