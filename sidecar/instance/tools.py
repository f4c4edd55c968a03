"""Finding programs: also where an ordinary user's PATH does not look."""

import os
import shutil
from pathlib import Path

from sidecar.instance.steps import StepError

EXTRA_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def find(*names: str) -> str | None:
    """Return the path of the first of ``names`` that is installed."""
    path = f"{os.environ.get('PATH', '')}:{EXTRA_PATH}"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def need(*names: str) -> str:
    """Return the path of the first of ``names`` that is installed; raise StepError."""
    if found := find(*names):
        return found
    raise StepError(f"{' or '.join(names)} is not installed")


def postgres_bin(major: str | None = None) -> Path | None:
    """Return the directory of Postgres' programs: of ``major``, else of the newest installed (15 or later)."""
    homes = [home for home in Path("/usr/lib/postgresql").glob("*") if (home / "bin/postgres").exists()]
    usable = sorted((home for home in homes if home.name.isdigit() and int(home.name) >= 15), key=lambda h: int(h.name))  # noqa: PLR2004
    if major is not None:
        usable = [home for home in usable if home.name == major]
    return usable[-1] / "bin" if usable else None
