"""A private instance for a benchmark, in a directory of its own, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.instance import Instance


@contextmanager
def house(*upto: str) -> Iterator[tuple[Instance, Path]]:
    """Bring up everything, or all ``upto`` a stage; yield the instance and the directory in which it and the images lie."""
    directory = Path(tempfile.mkdtemp(prefix="readingroom-bench-", dir="/var/tmp"))
    directory.chmod(0o711)  # Postgres runs as a user of its own and must be able to pass
    instance = Instance(directory / "house")
    try:
        instance.up(*upto)
        yield instance, directory
    finally:
        instance.down()
        shutil.rmtree(directory)
