"""Fixtures every layer shares: one private instance per run, brought as far up as a layer asks."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.adapters.seals import Seal
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from sidecar.worker import open_workshop
from tests import controls

# Suites sign in all day from one address. The limits' own tests use the house's numbers.
for limit in ("AUTHENTICATION", "ANONYMOUS", "SIGNED_IN", "UPLOADS"):
    os.environ.setdefault(f"RR_LIMIT_{limit}", "1000000")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The run's data directory; `./readingroom test` names it, a lone pytest makes one."""
    given = os.environ.get("RR_TEST_DATA")
    if given:
        return Path(given)
    made = Path(tempfile.mkdtemp(prefix="readingroom-test-", dir="/var/tmp"))
    made.chmod(0o711)  # Postgres runs as a user of its own and must be able to pass
    return made


@pytest.fixture(scope="session")
def services(test_data: Path) -> Iterator[Instance]:
    """Postgres (migrated) and Redis, really running."""
    instance = Instance(test_data / "services")
    instance.up("migrated")
    yield instance
    instance.down()


@pytest.fixture(scope="session")
def house(test_data: Path) -> Iterator[Instance]:
    """Everything `./readingroom up` starts, in a data directory of its own."""
    instance = Instance(test_data / "house")
    instance.up()
    yield instance
    instance.down()


@pytest.fixture(scope="session")
def workshop(house: Instance) -> Iterator[Workshop]:
    shop = open_workshop(Settings.from_env(house.env()))
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def seal(workshop: Workshop) -> Seal:
    return Seal.from_text(workshop.settings.secret("totp_key"))


CONTROLS = controls.Record()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed:
        CONTROLS.note(report.nodeid, report.outcome)


def pytest_sessionfinish() -> None:
    if CONTROLS.results:
        controls.write(CONTROLS.results)
