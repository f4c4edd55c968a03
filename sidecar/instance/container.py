"""Set-up steps inside containers: ``python -m sidecar.instance.container setup|migrate|nginx`` (see docker-compose.yml).

The native instance does the same work in ``stages``; here each is a one-shot service.
"""

import os
import sys
from pathlib import Path
from typing import Any

import psycopg
from alembic import command

from sidecar.instance import credentials, migrations, nginx, postgres
from sidecar.instance.layout import write_private

USER_ID = 2000
"""The one user of our containers: what one of them writes 0600 the other may read."""
OPERATOR_SECRETS = frozenset({"postgres_superuser", "postgres_owner"})
"""Kept apart: the web application must not be able to become the owner of the tables."""


def setup() -> None:
    """Make the missing secrets and give the volumes to our user; runs as root, before everything else."""
    folders = {name: Path(os.environ[name]) for name in ("RR_SECRETS_DIR", "RR_OPERATOR_SECRETS_DIR")}
    for name, make in credentials.MAKERS.items():
        folder = folders["RR_OPERATOR_SECRETS_DIR" if name in OPERATOR_SECRETS else "RR_SECRETS_DIR"]
        if not (folder / name).exists():
            write_private(folder / name, make())
        os.chown(folder / name, USER_ID, USER_ID)
    volumes = [*folders.values(), *(Path(each) for each in os.environ["RR_VOLUMES"].split(":"))]
    for volume in volumes:
        volume.mkdir(parents=True, exist_ok=True)
        os.chown(volume, USER_ID, USER_ID)
        volume.chmod(0o700)


def migrate() -> None:
    """Make roles and database, then bring the tables to the newest form."""
    operator, secrets = Path(os.environ["RR_OPERATOR_SECRETS_DIR"]), Path(os.environ["RR_SECRETS_DIR"])
    host = os.environ["RR_POSTGRES_HOST"]
    owner = (operator / "postgres_owner").read_text()
    with psycopg.connect(
        host=host, user=postgres.SUPERUSER, dbname=postgres.SUPERUSER, autocommit=True,
        password=(operator / "postgres_superuser").read_text(),
    ) as connection:  # fmt: skip
        postgres.prepare_database(connection, owner=owner, app=(secrets / "postgres_app").read_text())
    os.environ["RR_DATABASE_OWNER_URL"] = f"postgresql+psycopg://{postgres.OWNER}:{owner}@{host}:5432/{postgres.DATABASE}"
    command.upgrade(migrations.configuration(), "head")


PUBLIC_HOST, PROXY = "rr-public-host.invalid", "192.0.2.1"
"""What ``docker/edge`` replaces when the container starts: only then are the address and the proxy in front known."""
TLS = (Path("/srv/readingroom/tls/certificate.pem"), Path("/srv/readingroom/tls/key.pem"))


def write_nginx(folder: Path, *, certificate: tuple[Path, Path] = TLS, **different: Any) -> None:
    """Write the edge container's two configurations, plain.conf and tls.conf; runs while the image is built."""
    from sidecar.instance.ohif import decode_worker_name

    first, _, last = os.environ["RR_CELL_HTTP_PORTS"].partition("-")
    ohif = Path(os.environ["RR_OHIF_DIR"])
    values: dict[str, Any] = {
        "user": "", "run_dir": "/run/nginx", "listen": "0.0.0.0:8080", "web": "web:8000", "carrier": "carrier:8001",
        "cell_host": os.environ["RR_CELL_HOST"], "cell_ports": range(int(first), int(last) + 1), "ohif_dir": ohif,
        "decode_worker": decode_worker_name(ohif), "static_dir": "/opt/readingroom/sidecar/ui/static",
        **different,
    }  # fmt: skip
    plain = nginx.render_template(origin=f"http://{PUBLIC_HOST}", proxies=[PROXY], **values)
    tls = nginx.render_template(origin=f"https://{PUBLIC_HOST}", certificate=certificate, **values)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plain.conf").write_text(plain)
    (folder / "tls.conf").write_text(tls)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["setup"]:
            setup()
        case ["migrate"]:
            migrate()
        case ["nginx", folder]:
            write_nginx(Path(folder))
        case _:
            raise SystemExit(__doc__)
