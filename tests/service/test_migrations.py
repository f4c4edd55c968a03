"""The migrations make exactly the tables the code believes in, and can be undone."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import sidecar.accounts.tables
import sidecar.archive.tables
import sidecar.deidentification.tables
import sidecar.intake.tables
import sidecar.orders.tables
import sidecar.organisations.tables
import sidecar.reports.tables
import sidecar.studies.tables  # noqa: F401 - registers its tables
from sidecar.instance import Instance
from sidecar.kernel.db import Base


def test_models_equal_the_newest_migration(services: Instance) -> None:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
    engine.dispose()
    assert differences == []
