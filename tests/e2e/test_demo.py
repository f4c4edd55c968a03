"""The demo goes the real way and leaves what the README promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console
from sqlalchemy import func, select

from sidecar.accounts.passwords import KEEPER
from sidecar.demo import cast
from sidecar.demo.load import HOSPITALS, READING_GROUP, STRANGERS, load
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import OrganisationKind, platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from sidecar.organisations.tables import Organisation, RefusedAssociation
from sidecar.studies.tables import Instance as Indexed
from sidecar.studies.tables import Study


def test_the_demo_is_loaded_once_and_whole(house: Instance, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KEEPER, "_pepper", b"")  # as in a process of its own, which no other test has prepared
    console = Console(record=True, width=200)
    with ThreadPoolExecutor(1) as desk:  # signing a PDF runs an event loop, and Playwright's runs in this thread
        desk.submit(load, house.env(), console).result()
    said = console.export_text()
    assert said.count("otpauth://") == len(cast.PEOPLE)
    with workshop.scopes.open(platform_system()) as scope:
        ids = dict(scope.session.execute(select(Organisation.name, Organisation.id)).all())
    seen: dict[str, list[Study]] = {}
    for key, name in HOSPITALS.items():
        with workshop.scopes.open(system_actor(ids[name])) as scope:
            seen[key] = list(scope.session.scalars(select(Study)))
            counts = dict(scope.session.execute(select(Indexed.study_id, func.count()).group_by(Indexed.study_id)).all())
        assert {study.accession_number for study in seen[key]} == {spec.accession for spec in DEMO[key]}
        assert all(study.instance_count == counts[study.id] for study in seen[key])
        assert {study.reading_organisation_id for study in seen[key]} == {ids[READING_GROUP]}
    mercy, luke = seen["mercy"], seen["st_luke"]
    assert {study.study_instance_uid for study in mercy} & {study.study_instance_uid for study in luke}
    same_number = {(a.patient_id, a.patient_name, b.patient_name) for a in mercy for b in luke if a.patient_id == b.patient_id}
    assert any(one != other for _number, one, other in same_number)
    assert sum(study.priority == "stat" for study in mercy) == 1
    assert sum(study.status == "final" for study in mercy) == 1
    with workshop.scopes.open(system_actor(ids[STRANGERS])) as scope:
        assert scope.session.scalar(select(func.count()).select_from(Study)) == 0
    for name in HOSPITALS.values():
        with workshop.scopes.open(system_actor(ids[name])) as scope:
            assert scope.session.scalars(select(RefusedAssociation.aet)).all() == []
    again = Console(record=True, width=200)
    with ThreadPoolExecutor(1) as desk:
        desk.submit(load, house.env(), again).result()
    assert again.export_text().count("otpauth://") == len(cast.PEOPLE)


def test_codes_come_by_name_and_passwords_are_not_in_the_code(house: Instance) -> None:
    assert len(cast.current_code(house.env(), "nora")) == 6
    settings = Settings.from_env(house.env())
    book = cast.open_book(settings)
    assert len(book.password) >= 12
    assert (settings.secrets_dir / cast.BOOK).stat().st_mode & 0o077 == 0
    assert OrganisationKind.PLATFORM.value in {login.house for login in book.logins}
