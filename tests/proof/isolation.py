"""The wall in Postgres, and two hospitals whose identifiers are all equal."""

import sys

from tests.proof._run import prove

if __name__ == "__main__":
    sys.exit(
        prove(
            "isolation",
            tests=["tests/service/test_wall.py", "tests/doors/test_twins.py"],
            how="row-level security by catalogue and by attempt, a thousand pooled transactions with errors; the same study by "
            "all identifiers sent by storescu from two hospitals, in both orders and at once",
        )
    )
