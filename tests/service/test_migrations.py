"""The migrations make exactly the tables the code believes in, and can be undone."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from psycopg import Connection, sql
from psycopg.rows import TupleRow
from sqlalchemy import create_engine

import sidecar.accounts.member_tables
import sidecar.accounts.sso.tables
import sidecar.accounts.tables
import sidecar.accounts.token_tables
import sidecar.archive.tables
import sidecar.audit.tables
import sidecar.deidentification.tables
import sidecar.gate.tables
import sidecar.intake.tables
import sidecar.notifications.tables
import sidecar.orders.tables
import sidecar.organisations.limit_tables
import sidecar.organisations.tables
import sidecar.reports.tables
import sidecar.sharing.tables
import sidecar.studies.tables
import sidecar.vault.tables  # noqa: F401 - registers its tables
from sidecar.adapters.lookups import Lookup
from sidecar.adapters.seals import Seal
from sidecar.instance import Instance, credentials, migrations, postgres
from sidecar.instance.layout import write_private
from sidecar.kernel.db import Base
from sidecar.vault.model import Envelope


def test_models_equal_the_newest_migration(services: Instance) -> None:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
    engine.dispose()
    assert differences == []


SCRATCH = "migrated_both_ways"
HOSPITAL = uuid4()
SENDERS = (
    ("CT1", "10.1.2.0/24", "Scanner", 1),
    ("CT1", "10.1.3.14/32", "", 2),
    ("MR1", "10.1.9.0/24", "", 3),
)


@pytest.fixture
def scratch(services: Instance) -> Iterator[Config]:
    """An empty database of its own beside the others, as Alembic reaches it."""
    with postgres.connect(services.layout) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {SCRATCH}")
        connection.execute(f"CREATE DATABASE {SCRATCH} OWNER {postgres.OWNER}")
    config = migrations.configuration()
    url = services.env()["RR_DATABASE_OWNER_URL"].removesuffix(postgres.DATABASE) + SCRATCH
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    yield config
    with postgres.connect(services.layout) as connection:
        connection.execute(f"DROP DATABASE {SCRATCH} WITH (FORCE)")


def test_senders_become_application_entities_and_back(services: Instance, scratch: Config) -> None:
    command.upgrade(scratch, "20261121_2000")
    with postgres.connect(services.layout, SCRATCH) as connection:
        connection.execute("INSERT INTO organisations VALUES (%s, 'provider', 'Mercy', '', 'UTC', now())", (HOSPITAL,))
        for aet, network, description, age in SENDERS:
            connection.execute(
                "INSERT INTO senders VALUES (%s, %s, %s, %s, %s, now() + %s * interval '1 day')",
                (HOSPITAL, uuid4(), aet, network, description, age),
            )
    command.upgrade(scratch, "head")
    with postgres.connect(services.layout, SCRATCH) as connection:
        rows = connection.execute(
            "SELECT aet, networks, services, description, host, port FROM application_entities ORDER BY aet"
        ).fetchall()
    assert rows == [
        ("CT1", ["10.1.2.0/24", "10.1.3.14/32"], ["echo", "store"], "Scanner", "", 0),
        ("MR1", ["10.1.9.0/24"], ["echo", "store"], "", "", 0),
    ]
    command.downgrade(scratch, "20261121_2000")
    with postgres.connect(services.layout, SCRATCH) as connection:
        back = connection.execute("SELECT aet, network FROM senders ORDER BY aet, network").fetchall()
        walls = connection.execute("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'senders'").fetchall()
    assert back == [(aet, network) for aet, network, _description, _age in SENDERS]
    assert walls == [(True,)]
    command.downgrade(scratch, "base")


def test_a13_a_new_house_holds_nobody_and_nothing_that_opens_it(services: Instance, scratch: Config) -> None:
    """As the superuser sees it, whom no wall hides a row from: all tables are empty."""
    command.upgrade(scratch, "head")
    with postgres.connect(services.layout, SCRATCH) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        counts = {
            name: connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            for (name,) in names
        }
    assert {"users", "passkeys", "api_keys", "refresh_families", "account_tokens", "data_keys"} <= set(counts)
    assert {name for name, found in counts.items() if found != (0,)} == {"alembic_version"}


BEFORE_CONTACT, CONTACT = "20261122_0630", "20261122_0640"
SHREDDED = uuid4()
PEOPLE = {uuid4(): "tess@mercy.example", uuid4(): "ada@mercy.example", uuid4(): ""}
"""By id; who has no address was deleted."""


def secrets_in(folder: Path) -> tuple[Seal, Lookup]:
    for name in ("totp_key", "lookup_key"):
        write_private(folder / name, credentials.MAKERS[name]())
    return Seal.from_text((folder / "totp_key").read_bytes()), Lookup((folder / "lookup_key").read_bytes())


def people_of_before(connection: Connection[TupleRow]) -> None:
    """Write two hospitals, one of them shredded, with people, a newcomer and a link somebody was sent."""
    for number, house in enumerate((HOSPITAL, SHREDDED)):
        connection.execute("INSERT INTO organisations VALUES (%s, 'provider', %s, '', 'UTC', now())", (house, f"House {number}"))
    connection.execute("INSERT INTO data_keys VALUES (%s, 'rows', 1, NULL, now(), now())", (SHREDDED,))
    someone = (
        "INSERT INTO users (organisation_id, id, email, name, role, zone, totp_last_step, factor_failures, created_at,"
        " deleted_at) VALUES (%s, %s, %s, 'N', 'viewer', '', 0, 0, now(), CASE WHEN %s THEN now() END)"
    )
    for user, email in PEOPLE.items():
        connection.execute(someone, (HOSPITAL, user, email, not email))
    for number in range(2):
        connection.execute(someone, (SHREDDED, uuid4(), f"{number}@shredded.example", False))
    newcomer = "INSERT INTO registrations VALUES (%s, %s, 'new@mercy.example', 'N', 'x', 1, NULL, now())"
    connection.execute(newcomer, (HOSPITAL, uuid4()))
    link = "INSERT INTO account_tokens VALUES (%s, 'link:1', 'registration', %s, 'new@mercy.example', now())"
    connection.execute(link, (HOSPITAL, uuid4()))


def test_e02_addresses_are_sealed_by_the_migration_or_not_at_all_and_come_back(
    services: Instance, scratch: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal, lookup = secrets_in(tmp_path)
    command.upgrade(scratch, BEFORE_CONTACT)
    with postgres.connect(services.layout, SCRATCH) as connection:
        people_of_before(connection)
    monkeypatch.delenv("RR_SECRETS_DIR", raising=False)
    with pytest.raises(RuntimeError, match=r"secret file totp_key in RR_SECRETS_DIR.*Nothing was changed"):
        command.upgrade(scratch, CONTACT)
    monkeypatch.setenv("RR_SECRETS_DIR", str(tmp_path))
    command.upgrade(scratch, CONTACT)
    with postgres.connect(services.layout, SCRATCH) as connection:
        key = connection.execute("SELECT wrapped FROM data_keys WHERE organisation_id = %s", (HOSPITAL,)).fetchall()
        data_key = Seal(seal.open(bytes(key[0][0]), place=f"data_keys|{HOSPITAL}|rows|1"))
        rows = connection.execute("SELECT organisation_id, id, email_sealed, email_lookup FROM users").fetchall()
        open_walls = "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        assert connection.execute(open_walls).fetchall() == []
        assert "example" not in str(connection.execute("SELECT u::text, r::text FROM users u, registrations r").fetchall())
        connection.execute("CHECKPOINT")
        (mine,) = connection.execute("SELECT oid::text FROM pg_database WHERE datname = %s", (SCRATCH,)).fetchall()[0]
        (link,) = connection.execute("SELECT email_sealed FROM account_tokens").fetchall()[0]
    files = [path for path in Path(postgres.cluster(services.layout)).rglob(f"base/{mine}/*") if path.is_file()]
    assert len(files) > 100
    assert not [path for path in files if b".example" in path.read_bytes()], "nor is it left in a table's file"
    assert len(key) == 1
    assert data_key.open(Envelope.unpack(link).body, place="account_tokens|link:1|email") == b"new@mercy.example"
    assert {sealed for house, _id, sealed, _lookup in rows if house == SHREDDED} == {None}
    for house, user, sealed, found in rows:
        if house == HOSPITAL and PEOPLE[user]:
            assert data_key.open(Envelope.unpack(sealed).body, place=f"users|{user}|email").decode() == PEOPLE[user]
            assert found == lookup.of(PEOPLE[user].upper())
        else:
            assert (sealed, found) == (None, None)
    command.downgrade(scratch, BEFORE_CONTACT)
    with postgres.connect(services.layout, SCRATCH) as connection:
        back = dict(connection.execute("SELECT id, email FROM users WHERE organisation_id = %s", (HOSPITAL,)).fetchall())
        assert connection.execute(open_walls).fetchall() == []
        waiting = connection.execute("SELECT r.email, t.email FROM registrations r, account_tokens t").fetchall()
    assert back == PEOPLE
    assert waiting == [("new@mercy.example", "new@mercy.example")]
