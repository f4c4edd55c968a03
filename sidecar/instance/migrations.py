"""Bringing the database's tables to the newest form."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from sidecar.instance import environment, postgres
from sidecar.instance.layout import CHECKOUT, Layout


def configuration() -> Config:
    """Return Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    return config


def at_head(layout: Layout) -> bool:
    """Tell whether every migration has run."""
    engine = create_engine(postgres.url(layout, postgres.OWNER))
    try:
        with engine.connect() as connection:
            current = set(MigrationContext.configure(connection).get_current_heads())
    finally:
        engine.dispose()
    return current == set(ScriptDirectory.from_config(configuration()).get_heads())


def upgrade(layout: Layout) -> None:
    """Run what has not run yet, as the tables' owner."""
    with _told(environment.owner_variables(layout)):
        command.upgrade(configuration(), "head")


@contextmanager
def _told(variables: dict[str, str]) -> Iterator[None]:
    """Lend the process these variables: ``migrations/env.py`` reads the environment, as on any other machine."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
