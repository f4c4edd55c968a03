"""The instance's own services, really started, stopped and killed."""

import os
import stat
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from sidecar.instance import Instance, StepError
from sidecar.instance.postgres import answers
from sidecar.instance.readiness import port_answers, wait_until


def dsn(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def state(instance: Instance) -> dict[str, str]:
    return {part.name: part.state for part in instance.parts()}


def test_the_application_role_owns_nothing_and_cannot_bypass(services: Instance) -> None:
    with psycopg.connect(dsn(services.env()["RR_DATABASE_URL"])) as connection:
        row = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owned = connection.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user").fetchone()
    assert row == ("readingroom_app", False, False, False, False)
    assert owned == (0,)


def test_nobody_gets_in_without_a_password(services: Instance) -> None:
    ports = services.layout.ports
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"host=127.0.0.1 port={ports.postgres} user=postgres dbname=postgres password=''")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"host={services.layout.postgres} port={ports.postgres} user=postgres dbname=postgres password=x")
    with pytest.raises(AuthenticationError), Redis(port=ports.redis) as stranger:
        stranger.ping()


def test_secrets_are_files_for_this_user_only(services: Instance) -> None:
    for path in [*services.layout.secrets.iterdir(), services.layout.data / "env", services.layout.conf / "supervisord.conf"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert path.stat().st_uid == os.geteuid()
    assert stat.S_IMODE(services.layout.secrets.stat().st_mode) == 0o700


def test_a_killed_service_comes_back_with_its_data(services: Instance) -> None:
    url = dsn(services.env()["RR_DATABASE_OWNER_URL"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS survives (n int)")
        connection.execute("INSERT INTO survives VALUES (1)")
    services.kill("postgres")
    wait_until(lambda: not answers(services.layout), seconds=30, what="the end of Postgres", pause=0.01)
    wait_until(lambda: answers(services.layout), seconds=20, what="Postgres again")
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT n FROM survives").fetchone() == (1,)
        connection.execute("DROP TABLE survives")


def test_a_killed_supervisor_leaves_nothing_behind_and_up_begins_again(services: Instance) -> None:
    ports = services.layout.ports
    services.kill("supervisord")
    wait_until(lambda: not port_answers(ports.postgres) and not port_answers(ports.redis), seconds=30, what="the end of all")
    assert services.parts() == []
    services.up("migrated")
    assert {name for name, is_now in state(services).items() if is_now in {"running", "starting"}} == {"postgres", "redis"}


def test_up_twice_changes_nothing(services: Instance) -> None:
    before = {part.name: part.pid for part in services.parts()}
    services.up("migrated")
    assert {part.name: part.pid for part in services.parts()} == before


def test_two_at_once_do_not_start_two_of_everything(services: Instance) -> None:
    with services._alone(), pytest.raises(StepError, match="another"):
        Instance(services.layout.data).up("services")


def test_a_directory_postgres_cannot_reach_is_said_plainly(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs Postgres as another user")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(StepError, match="cannot reach"):
        Instance(closed / "data").up("services")
