"""The wall: Postgres itself refuses another tenant's rows, whatever the code above forgets."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from sidecar.gate.actor import NOBODY, Actor, system_actor
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.kernel import journal
from sidecar.kernel.journal import JournalRow
from sidecar.studies.tables import Study
from tests.cast import Cast, share_with

OUTSIDE = {"alembic_version": "the number of the newest migration; no tenant's data"}
"""Tables without a wall, each with its reason."""


@pytest.fixture(scope="module")
def owner_engine(services: Instance) -> Iterator[Engine]:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    yield engine
    engine.dispose()


def study_row(owner: UUID, reading: UUID | None) -> Study:
    """Return a study not yet written: complete, with a patient's name that must show nowhere."""
    now = datetime.now(UTC)
    texts = "patient_birth_date patient_sex accession_number study_date study_time study_id study_description"
    return Study(
        organisation_id=owner,
        id=uuid4(),
        reading_organisation_id=reading,
        orthanc_id=uuid4().hex,
        study_instance_uid="1.2.3",
        patient_id="P1",
        patient_name="CANARY^NAME",
        **dict.fromkeys(texts.split(), ""),
        referring_physician_name="",
        modalities_in_study=["CT"],
        series_count=0,
        instance_count=0,
        arrival="complete",
        arrived_at=now,
        last_image_at=now,
        completes_at=now,
        priority="routine",
        priority_rank=2,
        status="unread",
        assignee_name="",
        lock_user_name="",
    )


def add_study(scopes: Scopes, owner: UUID, reading: UUID | None = None) -> UUID:
    row = study_row(owner, reading)
    with scopes.open(system_actor(owner)) as scope:
        scope.session.add(row)
    return row.id


def visible(scopes: Scopes, actor: Actor, study_id: UUID) -> bool:
    with scopes.open(actor) as scope:
        return scope.session.scalar(select(func.count()).select_from(Study).where(Study.id == study_id)) == 1


def test_b05_owner_and_reading_group_see_a_study_and_nobody_else(cast: Cast, scopes: Scopes) -> None:
    study = add_study(scopes, cast.mercy, cast.nightowls)
    assert visible(scopes, cast.owner.actor, study)
    assert not visible(scopes, cast.colleague.actor, study)  # a viewer sees what is shared with them
    share_with(scopes, study, cast.mercy, cast.colleague)
    assert visible(scopes, cast.colleague.actor, study)
    assert visible(scopes, cast.reader.actor, study)
    for other in (cast.stranger, cast.luke_technician, cast.platform_admin, cast.strange_admin):
        assert not visible(scopes, other.actor, study)
    assert not visible(scopes, NOBODY, study)


def test_unrouted_study_is_the_owners_alone(cast: Cast, scopes: Scopes) -> None:
    study = add_study(scopes, cast.mercy)
    assert visible(scopes, cast.owner.actor, study)
    assert not visible(scopes, cast.reader.actor, study)


def test_b05_without_context_every_table_is_empty(cast: Cast, scopes: Scopes) -> None:
    add_study(scopes, cast.mercy, cast.nightowls)
    with scopes.engine.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        for table in set(tables) - set(OUTSIDE):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table  # noqa: S608 - from the catalogue


def test_b05_catalogue_every_table_is_forced_and_has_a_restrictive_wall(scopes: Scopes) -> None:
    with scopes.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,"
                " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive) AS walls,"
                " pg_get_userbyid(c.relowner) AS owner"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
            )
        ).all()
    assert {row.relname for row in rows} >= {"studies", "reports", "journal", "users"}
    for row in rows:
        if row.relname not in OUTSIDE:
            assert row.relrowsecurity, row.relname
            assert row.relforcerowsecurity, row.relname
            assert row.walls >= 1, row.relname
        assert row.owner == "readingroom_owner"


def test_b05_application_role_can_neither_bypass_nor_own(scopes: Scopes) -> None:
    with scopes.engine.connect() as connection:
        me = connection.execute(
            text("SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        ).one()
        assert (me.rolname, me.rolsuper, me.rolbypassrls, me.rolcreaterole) == ("readingroom_app", False, False, False)
    for statement in (
        "ALTER TABLE studies DISABLE ROW LEVEL SECURITY",
        "DROP POLICY wall ON studies",
        "SET ROLE readingroom_owner",
        "INSERT INTO journal (organisation_id, sequence) VALUES (gen_random_uuid(), 1)",
        "UPDATE journal SET body = ''",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "UPDATE report_versions SET meaning = ''",
        "DELETE FROM report_versions",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
    ):
        with scopes.engine.connect() as connection, pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            connection.execute(text(statement))


def test_b05_foreign_keys_and_unique_constraints_begin_with_the_organisation(scopes: Scopes) -> None:
    roots = {"organisations"}
    with scopes.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT r.relname, c.conname, c.contype, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.conrelid"
                " AND a.attnum = c.conkey[1]) AS first, f.relname AS target FROM pg_constraint c"
                " JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace"
                " LEFT JOIN pg_class f ON f.oid = c.confrelid WHERE n.nspname = 'public' AND c.contype IN ('p', 'u', 'f')"
            )
        ).all()
    for row in rows:
        if row.relname in roots | set(OUTSIDE) or row.target in roots:
            continue
        assert row.first == "organisation_id", row.conname


def test_b05_a_thousand_pooled_transactions_with_errors_leak_nothing(cast: Cast, scopes: Scopes) -> None:
    studies = {cast.mercy: add_study(scopes, cast.mercy), cast.luke: add_study(scopes, cast.luke)}
    people = {cast.mercy: cast.owner.actor, cast.luke: cast.luke_technician.actor}
    dice = random.Random(7)  # noqa: S311 - a repeatable order, not a secret
    mine = select(Study.id).where(Study.id.in_(studies.values()))
    for turn in range(1000):
        organisation = dice.choice([*studies])
        try:
            with scopes.open(people[organisation]) as scope:
                assert scope.session.scalars(mine).all() == [studies[organisation]], turn
                if dice.random() < 0.2:
                    scope.session.execute(text("SELECT 1/0"))
                if dice.random() < 0.1:
                    scope.session.rollback()
                    assert scope.session.scalars(mine).all() == [studies[organisation]], turn
        except DBAPIError as error:
            assert "division by zero" in str(error)  # noqa: PT017
        if turn % 10 == 0:
            with Session(scopes.engine) as bare:
                assert bare.scalars(mine).all() == []


def test_b05_a_reading_group_cannot_write_into_a_providers_walls(cast: Cast, scopes: Scopes) -> None:
    with pytest.raises(DBAPIError, match="row-level security"), scopes.open(cast.reader.actor) as scope:
        scope.session.add(study_row(cast.mercy, cast.nightowls))
        scope.session.flush()


@pytest.mark.parametrize("table", ["series_metadata", "series_thumbnails", "instances"])
def test_nobody_takes_away_what_goes_with_a_series(cast: Cast, scopes: Scopes, table: str) -> None:
    for actor in (cast.reader.actor, cast.owner.actor, system_actor(cast.mercy)):
        with pytest.raises(ProgrammingError, match="permission denied"), scopes.open(actor) as scope:
            scope.session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - one of the three above


def test_journal_is_chained_and_every_tamper_shows(cast: Cast, scopes: Scopes, owner_engine: Engine) -> None:
    for number in range(20):
        with scopes.open(cast.owner.actor) as scope:
            journal.append(
                scope.session,
                cast.mercy,
                {
                    "at": scope.now.isoformat(),
                    "kind": "test",
                    "actor": cast.owner.user_id,
                    "actor_organisation": cast.mercy,
                    "n": number,
                    "s": "ü",
                },
            )

    def rows() -> list[JournalRow]:
        with scopes.open(cast.owner.actor) as scope:
            return list(
                scope.session.scalars(
                    select(JournalRow).where(JournalRow.organisation_id == cast.mercy).order_by(JournalRow.sequence)
                )
            )

    chain = rows()
    assert len(chain) >= 20
    assert journal.first_break(chain) is None
    dice = random.Random(3)  # noqa: S311
    for _ in range(200):
        forged = rows()
        victim = dice.randrange(len(forged) - 1)
        kind = dice.choice(["edit", "delete", "swap", "hash"])
        if kind == "edit":
            forged[victim].body = forged[victim].body.replace("test", "tes7", 1) + " "
        elif kind == "delete":
            del forged[victim]
        elif kind == "swap":
            forged[victim], forged[victim + 1] = forged[victim + 1], forged[victim]
        else:
            forged[victim].hash = bytes(32)
        assert journal.first_break(forged) is not None, kind


def test_nobody_stands_in_for_what_the_owners_functions_read(scopes: Scopes) -> None:
    """A temporary table of the caller comes before ours unless pg_temp is named last; its triggers would run as the owner."""
    with scopes.engine.connect() as connection:
        paths = connection.execute(text("SELECT proname, proconfig FROM pg_proc WHERE prosecdef")).all()
    assert {name for name, _ in paths} == {
        "journal_append",
        "platform_organisation",
        "journal_forget",
        "cell_address",
        "begin_loan",
        "end_loans",
        "studies_of_patient",
        "organisations_owing",
        "taken_back_since",
    }
    assert {tuple(settings) for _, settings in paths} == {("search_path=pg_catalog, public, pg_temp",)}


def test_a_journal_row_names_who_acts_and_nobody_else(cast: Cast, scopes: Scopes) -> None:
    body = {"kind": "x", "actor": cast.reader.user_id, "actor_organisation": cast.mercy}
    with pytest.raises(DBAPIError, match="another person"), scopes.open(cast.owner.actor) as scope:
        journal.append(scope.session, cast.mercy, {"at": scope.now.isoformat(), **body})


def test_a_journal_row_cannot_be_written_in_anothers_name(cast: Cast, scopes: Scopes) -> None:
    with pytest.raises(DBAPIError, match="another organisation"), scopes.open(cast.stranger.actor) as scope:
        journal.append(
            scope.session, cast.mercy, {"at": scope.now.isoformat(), "kind": "x", "actor": None, "actor_organisation": cast.mercy}
        )


def test_even_the_owner_role_cannot_change_what_is_written(cast: Cast, scopes: Scopes, owner_engine: Engine) -> None:
    with scopes.open(cast.owner.actor) as scope:
        journal.append(
            scope.session,
            cast.mercy,
            {"at": scope.now.isoformat(), "kind": "test", "actor": cast.owner.user_id, "actor_organisation": cast.mercy},
        )
    for statement in (
        "UPDATE journal SET kind = 'x'",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "TRUNCATE report_versions CASCADE",
    ):
        with owner_engine.begin() as connection, pytest.raises(DBAPIError, match="never change"):
            connection.execute(text(statement))
