"""A private Postgres: own cluster, own port, two roles, no trust."""

import os
from pathlib import Path

import psycopg
from psycopg import sql

from sidecar.instance import credentials
from sidecar.instance.layout import Layout, write_private
from sidecar.instance.steps import StepError, run_command
from sidecar.instance.tools import need, postgres_bin

DATABASE, OWNER, APP, SUPERUSER = "readingroom", "readingroom_owner", "readingroom_app", "postgres"
Connection = psycopg.Connection[tuple[object, ...]]
CONFIGURATION = """\
# Written by ./readingroom up
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
password_encryption = scram-sha-256
max_connections = 200
shared_buffers = {buffers}MB
effective_cache_size = {cached}MB
max_wal_size = 2GB
log_timezone = UTC
timezone = UTC
# Statements and their parameters hold patients' names.
log_statement = none
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
ACCESS = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"


def cluster(layout: Layout) -> Path:
    """Return Postgres' own data directory."""
    return layout.postgres / "data"


def as_postgres() -> list[str]:
    """Return the prefix that leaves root behind: Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return [need("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]


def programs(layout: Layout) -> Path:
    """Return the directory of the programs that fit the cluster; raise StepError."""
    version = cluster(layout) / "PG_VERSION"
    major = version.read_text().strip() if version.exists() else None
    if (found := postgres_bin(major)) is None:
        raise StepError(f"Postgres {major or '15 or later'} is not installed")
    return found


def initialised(layout: Layout) -> bool:
    """Tell whether the cluster exists. ``pg_hba.conf`` gets its content last."""
    access = cluster(layout) / "pg_hba.conf"
    return access.exists() and access.read_text() == ACCESS


def initialise(layout: Layout) -> None:
    """Make the cluster; a half-made one is thrown away, it never held data. Raise StepError."""
    home = cluster(layout)
    prefix = as_postgres()
    if prefix:
        _check_reachable(layout, prefix)
    if home.exists():
        run_command(["rm", "-r", str(home)])
    password = layout.postgres / "password"
    write_private(password, credentials.read(layout, "postgres_superuser"))
    _give_to_owner_of(layout.postgres, password)
    try:
        run_command(
            [*prefix, str(programs(layout) / "initdb"), f"--pgdata={home}", f"--username={SUPERUSER}",
             f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
        )  # fmt: skip
    finally:
        password.unlink()
    configure(layout)
    (home / "pg_hba.conf").write_text(ACCESS)


def _check_reachable(layout: Layout, prefix: list[str]) -> None:
    """Say early and clearly when user postgres cannot get to the data directory."""
    try:
        run_command([*prefix, "test", "-w", str(layout.postgres)])
    except StepError as error:
        raise StepError(
            f"the user postgres cannot reach {layout.postgres}: a directory above it is closed to other users. "
            "Choose another --data, or open the way with chmod o+x"
        ) from error


def configure(layout: Layout) -> None:
    """Write our settings, which may change between versions of Reading Room."""
    home = cluster(layout)
    main = home / "postgresql.conf"
    include = "include = 'readingroom.conf'\n"
    if not main.read_text().endswith(include):
        with main.open("a") as handle:
            handle.write(include)
    ours = home / "readingroom.conf"
    buffers, cached = shares_of_memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    text = CONFIGURATION.format(port=layout.ports.postgres, socket=layout.postgres, buffers=buffers, cached=cached)
    write_private(ours, text)
    _give_to_owner_of(home, ours)


def shares_of_memory(installed: int) -> tuple[int, int]:
    """Return ``shared_buffers`` and ``effective_cache_size`` in MiB for a machine with ``installed`` bytes.

    An eighth, 256 MiB to 8 GiB: a search by name visits thousands of rows, each far quicker here than in the system's cache. The
    cells, Redis and the application live on the same machine, so it is not the usual quarter.
    """
    mebibytes = installed >> 20
    return min(max(mebibytes // 8, 256), 8192), max(mebibytes // 2, 512)


def _give_to_owner_of(directory: Path, path: Path) -> None:
    """Let the user Postgres runs as own the file; as an ordinary user it is the same one."""
    owner = directory.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def command(layout: Layout) -> list[str]:
    """Return the command that runs the server in the foreground."""
    return [*as_postgres(), str(programs(layout) / "postgres"), "-D", str(cluster(layout))]


def url(layout: Layout, role: str) -> str:
    """Return the SQLAlchemy URL for ``postgres_app`` or ``postgres_owner``'s password and role."""
    secret = {APP: "postgres_app", OWNER: "postgres_owner"}[role]
    return f"postgresql+psycopg://{role}:{credentials.read(layout, secret)}@127.0.0.1:{layout.ports.postgres}/{DATABASE}"


def connect(layout: Layout, database: str = SUPERUSER) -> Connection:
    """Connect as superuser, each statement its own transaction."""
    return psycopg.connect(
        host="127.0.0.1", port=layout.ports.postgres, user=SUPERUSER, dbname=database, autocommit=True,
        password=credentials.read(layout, "postgres_superuser"), connect_timeout=3,
    )  # fmt: skip


def answers(layout: Layout) -> bool:
    """Tell whether the server takes connections (it refuses while it recovers)."""
    try:
        connect(layout).close()
    except psycopg.OperationalError:
        return False
    return True


def roles_ready(layout: Layout) -> bool:
    """Tell whether the database exists; it is made last."""
    with connect(layout) as connection:
        return _database_exists(connection)


def make_roles(layout: Layout) -> None:
    """Make the two roles and the database of a native instance."""
    with connect(layout) as connection:
        prepare_database(
            connection, owner=credentials.read(layout, "postgres_owner"), app=credentials.read(layout, "postgres_app")
        )


def prepare_database(connection: Connection, *, owner: str, app: str) -> None:
    """Make the two roles with these passwords, and the database; what exists is kept.

    The owner holds the tables and migrates; the application logs in as one that owns nothing and cannot bypass
    row-level security.
    """
    for role, password in ((OWNER, owner), (APP, app)):
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if not known:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        connection.execute(
            sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
    if not _database_exists(connection):
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def _database_exists(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is not None
