"""SIGKILL of every part in the middle of an ingest."""

import sys

from tests.proof._run import prove

if __name__ == "__main__":
    sys.exit(
        prove(
            "faults",
            tests=["tests/doors/test_kill.py"],
            how="200 images by storescu; after at least 60 acknowledgements kill -9 of cell, worker, web, Redis, Postgres or "
            "supervisord; what was acknowledged must be in Orthanc and in the index exactly once",
        )
    )
