"""The migrations make exactly the tables the code believes in, and can be undone."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

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
from sidecar.instance import Instance, migrations, postgres
from sidecar.kernel.db import Base


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
