"""Rotation and shredding of an organisation's keys, looked at from below: in the tables and the files of the database itself."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Engine, create_engine, select, text, update

import sidecar.app  # noqa: F401 - every table, so every sealed column
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.kernel.db import Base
from sidecar.kernel.settings import Settings
from sidecar.organisations import service as organisations
from sidecar.organisations.tables import Organisation
from sidecar.reports import documents, queries
from sidecar.vault import jobs, keys, rotation, sealed, service, shredding
from sidecar.vault.errors import KeyDestroyed
from sidecar.vault.jobs import close_what_is_open
from sidecar.vault.model import Envelope, KeyName, Purpose
from sidecar.vault.tables import DataKey
from tests.cast import Cast
from tests.factories.studies import make_study
from tests.service.test_reports import sign, write

CANARY = "CANARY-JBSWY3DPEHPK3PXP"


@pytest.fixture
def furnished(scopes: Scopes, seal: Seal, cast: Cast) -> UUID:
    """Mercy with something sealed in several columns, some of it by the master key as in the first house."""
    with scopes.open(system_actor(cast.mercy)) as scope:
        organisations.authority(scope, seal, host="mercy.example")
        for user in scope.session.scalars(select(User).where(User.organisation_id == cast.mercy)):
            user.totp_sealed = seal.close(CANARY.encode(), place=f"users|{user.id}|totp")
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    return sign(scopes, seal, cast.reader, write(scopes, cast.reader, study)).report_id


def generations(scopes: Scopes, organisation_id: UUID) -> dict[int, bool]:
    """Return which generations there are, and whether each can still open."""
    with scopes.open(system_actor(organisation_id)) as scope:
        rows = scope.session.scalars(select(DataKey).where(DataKey.organisation_id == organisation_id)).all()
    return {row.generation: row.wrapped is not None for row in rows if row.purpose == Purpose.ROWS}


def stored(instance: Instance, organisation_id: UUID) -> list[tuple[str, bytes]]:
    """Return every sealed value of an organisation as it lies in the tables, walls or no walls."""
    found = []
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        for each in sealed.sealed_columns():
            query = f"SELECT {each.column.name} FROM {each.table.name} WHERE organisation_id = %s"  # noqa: S608 - from our own tables
            values = connection.execute(query, (organisation_id,)).fetchall()  # type: ignore[arg-type]
            found += [(each.name, bytes(value)) for (value,) in values if value]
    return found


def test_every_sealed_column_is_marked_and_may_be_written_anew(scopes: Scopes) -> None:
    marked = {each.name for each in sealed.sealed_columns()}
    named = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns}
    assert {name for name in named if name.endswith("_sealed")} <= marked
    with scopes.engine.connect() as connection:
        for each in sealed.sealed_columns():
            may = text("SELECT has_column_privilege(current_user, :table, :column, 'UPDATE')")
            assert connection.scalar(may, {"table": each.table.name, "column": each.column.name}), each.name
            assert "organisation_id" in each.table.columns, each.name


def test_e02_after_a_rotation_all_values_open_and_the_old_key_opens_none(
    scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID, services: Instance
) -> None:
    rotation.rotate(scopes, seal, cast.mercy)
    before = stored(services, cast.mercy)
    assert len({name for name, _value in before}) >= 4
    with scopes.open(system_actor(cast.mercy)) as scope:
        generation, old = keys.newest(scope, seal, cast.mercy)
    assert rotation.rotate(scopes, seal, cast.mercy) == len(before)
    after = stored(services, cast.mercy)
    assert len(after) == len(before)
    assert {Envelope.unpack(value).generation for _name, value in after} == {generation + 1}
    assert generations(scopes, cast.mercy)[generation] is False
    with scopes.open(system_actor(cast.mercy)) as scope:
        for each in sealed.sealed_columns():
            rows = scope.session.execute(select(each.table).where(each.table.c.organisation_id == cast.mercy)).all()
            for row in rows:
                value = getattr(row, each.column.name)
                if value:
                    service.open_sealed(scope, seal, cast.mercy, value, place=each.place(row))
                    with pytest.raises(InvalidTag):
                        old.open(Envelope.unpack(value).body, place=each.place(row))
        with pytest.raises(KeyDestroyed):
            keys.named(scope, seal, KeyName(cast.mercy, Purpose.ROWS, generation))
        assert documents.paper(scope, seal, queries.version(scope, furnished)).startswith(b"%PDF")


def test_a_rotation_stopped_halfway_goes_on(
    scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID, services: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation.rotate(scopes, seal, cast.mercy)
    with scopes.open(system_actor(cast.mercy)) as scope:
        rotation._begin(scope, seal)
    monkeypatch.setattr(sealed, "BATCH", 2)
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert rotation._one_batch(scope, seal)  # and here the light goes out
    assert len({Envelope.unpack(value).generation for _name, value in stored(services, cast.mercy)}) == 2
    newest = max(generations(scopes, cast.mercy))
    rotation.rotate(scopes, seal, cast.mercy)
    assert generations(scopes, cast.mercy) == {number: number == newest for number in range(1, newest + 1)}
    assert {Envelope.unpack(value).generation for _name, value in stored(services, cast.mercy)} == {newest}


def test_what_was_written_open_before_the_vault_is_closed_by_the_first_rotation(
    scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID, services: Instance
) -> None:
    from sidecar.reports.tables import ReportDocument

    with scopes.open(system_actor(cast.mercy)) as scope:
        paper = documents.paper(scope, seal, queries.version(scope, furnished))
        scope.session.execute(update(ReportDocument).where(ReportDocument.report_id == furnished).values(pdf_sealed=paper))
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert documents.paper(scope, seal, queries.version(scope, furnished)) == paper
    rotation.rotate(scopes, seal, cast.mercy)
    assert not [name for name, value in stored(services, cast.mercy) if b"%PDF" in value]
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert documents.paper(scope, seal, queries.version(scope, furnished)) == paper


def test_another_master_key_wraps_the_same_data_keys(scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID) -> None:
    """All organisations of the installation at once; the other tests' keys are wrapped back at the end."""
    new = Seal(secrets.token_bytes(32))
    with scopes.open(system_actor(cast.mercy)) as scope:
        sealed_now = service.close(scope, seal, cast.mercy, b"secret", place="a|b|c")
    assert rotation.wrap_anew(scopes, seal, new) >= 2
    try:
        with scopes.open(system_actor(cast.mercy)) as scope:
            assert service.open_sealed(scope, new, cast.mercy, sealed_now, place="a|b|c") == b"secret"
            with pytest.raises(InvalidTag):
                service.open_sealed(scope, seal, cast.mercy, sealed_now, place="a|b|c")
    finally:
        rotation.wrap_anew(scopes, new, seal)


def test_a_shredded_organisation_is_noise_and_its_neighbours_are_not(
    scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID, services: Instance
) -> None:
    rotation.rotate(scopes, seal, cast.mercy)
    values = stored(services, cast.mercy)
    with scopes.open(system_actor(cast.luke)) as scope:
        neighbours = service.close(scope, seal, cast.luke, b"here", place="a|b|c")
    assert shredding.destroy_keys(scopes, cast.mercy) >= 1
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        left = connection.execute("SELECT wrapped FROM data_keys WHERE organisation_id = %s", (cast.mercy,)).fetchall()
    assert {wrapped for (wrapped,) in left} == {None}
    with scopes.open(system_actor(cast.mercy)) as scope:
        for each in values:
            with pytest.raises(KeyDestroyed):
                service.open_sealed(scope, seal, cast.mercy, each[1], place="whatever")
        with pytest.raises(KeyDestroyed):
            service.close(scope, seal, cast.mercy, b"new", place="a|b|c")
    with scopes.open(system_actor(cast.luke)) as scope:
        assert service.open_sealed(scope, seal, cast.luke, neighbours, place="a|b|c") == b"here"


@pytest.fixture(scope="module")
def owner_engine(services: Instance) -> Iterator[Engine]:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    yield engine
    engine.dispose()


def test_e02_the_databases_own_files_show_no_secret(
    scopes: Scopes, seal: Seal, cast: Cast, furnished: UUID, services: Instance
) -> None:
    """Tables and log (``strings`` would find them): neither what was sealed nor any key. Report text lies open by design."""
    rotation.rotate(scopes, seal, cast.mercy)
    with scopes.open(system_actor(cast.mercy)) as scope:
        _generation, key = keys.newest(scope, seal, cast.mercy)
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("CHECKPOINT")
    secrets_ = (CANARY.encode(), key.key, seal.key, b"BEGIN PRIVATE KEY")
    files = [path for path in Path(postgres.cluster(services.layout)).rglob("*") if path.is_file()]
    assert len(files) > 100
    found = {(path.name, secret) for path in files for secret in secrets_ if secret in path.read_bytes()}
    assert found == set()


def test_the_daily_round_closes_what_lies_open_and_makes_no_key_for_nothing(
    scopes: Scopes,
    seal: Seal,
    cast: Cast,
    furnished: UUID,
    services: Instance,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two organisations: the other tests left hundreds, whose values would take minutes."""
    ours = [cast.mercy]
    assert set(ours) <= set(jobs.everybody(scopes))
    monkeypatch.setattr(jobs, "everybody", lambda _scopes: ours)
    close_what_is_open(Workshop(settings, scopes, None, None, seal))  # type: ignore[arg-type]  # it asks neither Redis nor cells
    assert {Envelope.unpack(value).generation for _name, value in stored(services, cast.mercy)} == {1}
    with scopes.open(cast.platform_admin.actor) as scope:
        scope.session.add(
            Organisation(
                id=(new := uuid4()), kind="provider", name=f"Empty {new}", letterhead="", zone="UTC", created_at=scope.now
            )
        )
    ours.append(new)
    close_what_is_open(Workshop(settings, scopes, None, None, seal))  # type: ignore[arg-type]
    assert generations(scopes, new) == {}
