"""The security controls: every test that is named by one."""

import re
import sys
from pathlib import Path

from tests.proof._run import prove

HERE = Path(__file__).parents[1]
NAMED = re.compile(r"^def test_[a-g]\d\d_", re.MULTILINE)


def named() -> list[str]:
    """Return the test files that hold such a test."""
    return [
        str(file.relative_to(HERE.parent)) for file in sorted(HERE.rglob("test_*.py")) if NAMED.search(file.read_text("utf-8"))
    ]


if __name__ == "__main__":
    words = " or ".join(f"test_{group}{number}" for group in "abcdefg" for number in range(2))
    sys.exit(
        prove(
            "controls",
            tests=[*named(), "-k", words],
            how="every control of tests/controls.csv by the tests whose names begin with its id; the table of ids, statements, "
            "tests and results: controls.csv",
        )
    )
