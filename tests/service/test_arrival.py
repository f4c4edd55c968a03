"""Arrivals: every acknowledged image in the index exactly once, under its own patient, at its own hospital."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from sidecar.gate.actor import Actor, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Invalid, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.organisations.tables import Contract
from sidecar.studies import jobs, queries, service
from sidecar.studies.model import ArrivedInstances, Priority
from sidecar.studies.tables import Instance, Series, Study
from tests.cast import Cast
from tests.factories.arrivals import RECEIVED, arrived


def register(scopes: Scopes, owner: UUID, event: ArrivedInstances) -> Study:
    with scopes.open(system_actor(owner)) as scope:
        return service.register_arrival(scope, event)


def see(scopes: Scopes, actor: Actor, study_id: UUID) -> Study:
    with scopes.open(actor) as scope:
        return queries.get(scope, study_id)


def counts(scopes: Scopes, owner: UUID) -> tuple[int, int, int]:
    with scopes.open(system_actor(owner)) as scope:
        return tuple(scope.session.scalar(select(func.count()).select_from(table)) or 0 for table in (Study, Series, Instance))  # type: ignore[return-value]


def kinds(scopes: Scopes, owner: UUID, study_id: UUID) -> list[str]:
    with scopes.open(system_actor(owner)) as scope:
        rows = select(JournalRow.kind).where(JournalRow.study_id == study_id).order_by(JournalRow.sequence)
        return list(scope.session.scalars(rows))


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def test_first_image_makes_a_routed_study(cast: Cast, scopes: Scopes) -> None:
    study = register(scopes, cast.mercy, arrived([0], accession_number="A7"))
    seen = see(scopes, cast.reader.actor, study.id)
    assert (seen.instance_count, seen.series_count, seen.arrival, seen.status) == (1, 2, "arriving", "unread")
    assert (seen.organisation_id, seen.reading_organisation_id) == (cast.mercy, cast.nightowls)
    assert seen.arrived_at == RECEIVED
    assert seen.due_at == RECEIVED + timedelta(minutes=1440)
    assert kinds(scopes, cast.mercy, study.id) == ["studies.study.arrived", "studies.study.routed"]
    for stranger in (cast.stranger, cast.luke_technician, cast.strange_technician, cast.platform_admin):
        with pytest.raises(Missing):
            see(scopes, stranger.actor, study.id)


def test_redelivery_changes_nothing_at_all(cast: Cast, scopes: Scopes) -> None:
    event = arrived(range(10))
    study = register(scopes, cast.mercy, event)
    before = see(scopes, cast.owner.actor, study.id)
    again = see(scopes, cast.owner.actor, register(scopes, cast.mercy, event).id)
    assert again.changed_xid == before.changed_xid
    assert counts(scopes, cast.mercy) == (1, 2, 10)
    assert kinds(scopes, cast.mercy, study.id) == ["studies.study.arrived", "studies.study.routed"]


def test_overlapping_events_in_any_order_at_once_count_each_image_once(cast: Cast, scopes: Scopes) -> None:
    pieces = [arrived(list(range(start, min(200, start + 30)))) for start in range(0, 200, 20)] * 3
    random.Random(7).shuffle(pieces)  # noqa: S311 - a repeatable disorder
    with ThreadPoolExecutor(12) as pool:
        studies = list(pool.map(lambda piece: register(scopes, cast.mercy, piece).id, pieces))
    assert len(set(studies)) == 1
    assert counts(scopes, cast.mercy) == (1, 2, 200)
    study = see(scopes, cast.reader.actor, studies[0])
    assert study.instance_count == 200
    with scopes.open(cast.reader.actor) as scope:
        assert [each.instance_count for each in queries.series_of(scope, study)] == [100, 100]
    assert kinds(scopes, cast.mercy, study.id).count("studies.study.arrived") == 1


def test_many_studies_at_once_never_wait_in_a_circle(cast: Cast, scopes: Scopes) -> None:
    pieces = [arrived(range(start, start + 10), study=f"1.2.{study}") for study in range(6) for start in (0, 5, 10)]
    random.Random(3).shuffle(pieces)  # noqa: S311
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda piece: register(scopes, cast.mercy, piece), pieces))
    assert counts(scopes, cast.mercy) == (6, 12, 120)


@pytest.mark.parametrize("order", ["mercy first", "luke first", "at once"])
def test_the_same_uids_from_two_hospitals_are_two_studies(cast: Cast, scopes: Scopes, order: str) -> None:
    events = {cast.mercy: arrived(range(40), patient_name="Doe^Jane"), cast.luke: arrived(range(40), patient_name="Roe^Rick")}
    owners = [cast.mercy, cast.luke] if order != "luke first" else [cast.luke, cast.mercy]
    with ThreadPoolExecutor(2 if order == "at once" else 1) as pool:
        studies = dict(zip(owners, pool.map(lambda owner: register(scopes, owner, events[owner]), owners), strict=True))
    mercys, lukes = studies[cast.mercy], studies[cast.luke]
    assert mercys.study_instance_uid == lukes.study_instance_uid
    assert mercys.id != lukes.id
    assert see(scopes, cast.owner.actor, mercys.id).patient_name == "Doe^Jane"
    assert see(scopes, cast.luke_technician.actor, lukes.id).patient_name == "Roe^Rick"
    for study in (mercys, lukes):
        assert see(scopes, cast.reader.actor, study.id).instance_count == 40
        with scopes.open(cast.reader.actor) as scope:
            assert queries.priors(scope, study) == []  # one PatientID, two people
    with pytest.raises(Missing):
        see(scopes, cast.owner.actor, lukes.id)
    with pytest.raises(Missing):
        see(scopes, cast.luke_technician.actor, mercys.id)


def test_a_complete_study_arrives_again(cast: Cast, scopes: Scopes) -> None:
    study = register(scopes, cast.mercy, arrived(range(5)))
    with later(scopes, seconds=11).open(system_actor(cast.mercy)) as scope:
        assert service.complete_due(scope) == [study.id]
    assert see(scopes, cast.reader.actor, study.id).arrival == "complete"
    register(scopes, cast.mercy, arrived(range(5)))
    assert see(scopes, cast.reader.actor, study.id).arrival == "complete"  # nothing new
    register(scopes, cast.mercy, arrived([5]))
    seen = see(scopes, cast.reader.actor, study.id)
    assert (seen.arrival, seen.instance_count) == ("arriving", 6)
    assert kinds(scopes, cast.mercy, study.id)[-2:] == ["studies.study.completed", "studies.study.grew"]


def test_what_was_empty_is_filled_and_two_patients_are_never_mixed(cast: Cast, scopes: Scopes) -> None:
    study = register(scopes, cast.mercy, arrived([0], patient_sex=""))
    register(scopes, cast.mercy, arrived([1], accession_number="A9", patient_sex="F"))
    register(scopes, cast.mercy, arrived([2], patient_name="Roe^Rick", patient_birth_date="19500101", study_description="Chest"))
    seen = see(scopes, cast.owner.actor, study.id)
    assert (seen.patient_name, seen.patient_sex, seen.patient_birth_date) == ("Doe^Jane", "F", "")
    assert (seen.accession_number, seen.study_description) == ("A9", "Chest")


def test_impossible_events_are_refused_and_leave_nothing(cast: Cast, scopes: Scopes) -> None:
    good = arrived([0])
    for bad in (
        replace(good, instances=()),
        replace(good, series=good.series[1:]),
    ):
        with pytest.raises(Invalid):
            register(scopes, cast.mercy, bad)
    assert counts(scopes, cast.mercy) == (0, 0, 0)
    register(scopes, cast.mercy, good)
    with pytest.raises(Invalid):
        register(scopes, cast.mercy, replace(arrived([1]), study=replace(good.study, patient_id="P2")))
    assert counts(scopes, cast.mercy) == (1, 2, 1)


def test_an_earlier_image_that_comes_late_moves_the_clock_back(cast: Cast, scopes: Scopes) -> None:
    register(scopes, cast.mercy, arrived([1]))
    study = register(scopes, cast.mercy, arrived([0], received_at=RECEIVED - timedelta(minutes=5)))
    seen = see(scopes, cast.reader.actor, study.id)
    assert seen.arrived_at == RECEIVED - timedelta(minutes=5)
    assert seen.due_at == seen.arrived_at + timedelta(minutes=1440)


def test_completion_happens_once_with_four_sweepers(cast: Cast, scopes: Scopes) -> None:
    made = {register(scopes, cast.mercy, arrived(range(3), study=f"1.2.{number}")).id for number in range(24)}
    soon = later(scopes, seconds=11)

    def sweep(_: int) -> list[UUID]:
        with soon.open(system_actor(cast.mercy)) as scope:
            return list(service.complete_due(scope, limit=7))

    with ThreadPoolExecutor(4) as pool:
        swept = [each for batch in pool.map(sweep, range(16)) for each in batch]
    assert len(swept) == 24
    assert set(swept) == made
    study = see(scopes, cast.owner.actor, swept[0])
    with scopes.open(system_actor(cast.mercy)) as scope:
        row = scope.session.scalars(
            select(JournalRow).where(JournalRow.study_id == study.id, JournalRow.kind == "studies.study.completed")
        ).one()
    assert study.completes_at.isoformat(sep=" ") in row.body  # the end of the quiet time, not the sweep's


def test_the_first_contract_that_covers_it_wins(cast: Cast, scopes: Scopes) -> None:
    with scopes.open(cast.platform_admin.actor) as scope:
        scope.session.add_all(
            Contract(
                organisation_id=cast.third, id=UUID(int=number), reading_organisation_id=group, modalities=modalities,
                turnaround_minutes={"routine": minutes}, starts_on=starts.date(), ends_on=ends.date() if ends else None,
                created_at=scope.now,
            )
            for number, (group, modalities, minutes, starts, ends) in enumerate(
                [
                    (cast.strangers, None, 10, RECEIVED - timedelta(days=90), RECEIVED - timedelta(days=1)),  # over
                    (cast.strangers, None, 20, RECEIVED + timedelta(days=1), None),  # not yet
                    (cast.strangers, ["MR"], 30, RECEIVED - timedelta(days=80), None),
                    (cast.nightowls, ["CT", "CR"], 40, RECEIVED - timedelta(days=70), RECEIVED),  # its last day
                    (cast.strangers, None, 50, RECEIVED - timedelta(days=60), None),
                ]
            )
        )  # fmt: skip
    read = {
        modality: register(scopes, cast.third, arrived([0], study=f"1.2.{modality}", modality=modality, series=1))
        for modality in ("CT", "MR", "US")
    }
    with scopes.open(system_actor(cast.third)) as scope:
        found = {each.modalities_in_study[0]: each for each in scope.session.scalars(select(Study))}
    assert {name: each.reading_organisation_id for name, each in found.items()} == {
        "CT": cast.nightowls, "MR": cast.strangers, "US": cast.strangers,
    }  # fmt: skip
    assert [found[name].due_at - RECEIVED for name in ("CT", "MR", "US")] == [timedelta(minutes=m) for m in (40, 30, 50)]
    with pytest.raises(Missing):
        see(scopes, cast.reader.actor, read["US"].id)


def test_what_came_before_its_contract_is_routed_afterwards(cast: Cast, scopes: Scopes) -> None:
    yesterday = utc_now() - timedelta(days=1)
    early, old = (
        register(scopes, cast.third, arrived([0], study=f"1.2.{days}", received_at=utc_now() - timedelta(days=days)))
        for days in (1, 9)
    )
    with scopes.open(cast.platform_admin.actor) as scope:
        scope.session.add(
            Contract(
                organisation_id=cast.third, id=uuid4(), reading_organisation_id=cast.nightowls, modalities=None,
                turnaround_minutes={}, starts_on=yesterday.date() - timedelta(days=30), ends_on=None, created_at=scope.now,
            )
        )  # fmt: skip
    jobs.route_waiting(SimpleNamespace(scopes=scopes))
    assert see(scopes, cast.reader.actor, early.id).reading_organisation_id == cast.nightowls
    with pytest.raises(Missing):
        see(scopes, cast.reader.actor, old.id)
    jobs.complete_studies(SimpleNamespace(scopes=later(scopes, seconds=30)))
    assert see(scopes, cast.reader.actor, early.id).arrival == "complete"


def test_priority_moves_the_deadline(cast: Cast, scopes: Scopes) -> None:
    study = register(scopes, cast.mercy, arrived([0]))
    with scopes.open(cast.lead.actor) as scope:
        service.set_priority(scope, study.id, priority=Priority.STAT)
    seen = see(scopes, cast.owner.actor, study.id)
    assert (seen.priority, seen.priority_rank, seen.due_at) == ("stat", 0, RECEIVED + timedelta(minutes=60))
    with scopes.open(cast.strange_manager.actor) as scope, pytest.raises(Missing):
        service.set_priority(scope, study.id, priority=Priority.ROUTINE)


def test_500_images_take_milliseconds(cast: Cast, scopes: Scopes) -> None:
    register(scopes, cast.mercy, arrived([0], study="1.2.0"))
    began = datetime.now(UTC)
    register(scopes, cast.mercy, arrived(range(500)))
    assert (datetime.now(UTC) - began).total_seconds() < 1.0  # measured 0.05 s on two quiet cores
