"""Real Postgres as the application's role (row-level security in force), real Redis, a new cast per test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from sidecar.adapters.seals import Seal
from sidecar.app import create_app
from sidecar.gate import pace
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from tests.browser import Browser
from tests.cast import Cast, Person, make_cast


@pytest.fixture(scope="session")
def settings(services: Instance) -> Settings:
    return Settings.from_env(services.env())


@pytest.fixture(scope="session")
def empty(test_data: Path) -> Iterator[Instance]:
    """An instance that has nobody yet: a master key and a database of its own."""
    instance = Instance(test_data / "empty")
    instance.up("migrated")
    yield instance
    instance.down()


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    application = create_app(settings)
    yield application
    application.extensions["readingroom.scopes"].engine.dispose()
    application.extensions["readingroom.redis"].close()
    application.extensions["readingroom.cells"].close()


@pytest.fixture(scope="session", autouse=True)
def hurried() -> Iterator[None]:
    """Let no test but that of the timing wait for the end of a step."""
    before, pace.STEP_SECONDS = pace.STEP_SECONDS, 0.001
    yield
    pace.STEP_SECONDS = before


@pytest.fixture(scope="session")
def scopes(app: Flask) -> Scopes:
    found: Scopes = app.extensions["readingroom.scopes"]
    return found


@pytest.fixture(scope="session")
def seal(app: Flask) -> Seal:
    found: Seal = app.extensions["readingroom.seal"]
    return found


@pytest.fixture
def cast(scopes: Scopes, seal: Seal) -> Cast:
    return make_cast(scopes, seal)


@pytest.fixture
def browse(app: Flask) -> Callable[[Person | None], Browser]:
    return lambda person: Browser(app, person)
