"""The security controls of ``controls.csv`` and the tests that show them: a test's name begins with the control's id.

Every run writes what it saw into ``build/proof/controls.csv``: id, statement, test, result. Layers run in processes of their
own, some at once, so each brings the table up to date under a lock.
"""

import csv
import fcntl
import os
import re
from collections.abc import Mapping
from pathlib import Path

TABLE = Path(__file__).with_name("controls.csv")
NAMED = re.compile(r"^test_([a-g]\d\d)_")
COLUMNS = ("id", "statement", "test", "result")
MISSING = "no test"
ORDER = ("failed", "skipped", "passed")
"""From worst to best: a test of many cases is as good as its worst."""


def statements() -> dict[str, str]:
    """Return the controls: id → statement."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row["statement"] for row in csv.DictReader(lines)}


def control_of(test: str) -> str:
    """Return the id in a test function's name, or ""."""
    found = NAMED.match(test)
    return found[1].upper() if found else ""


class Record:
    """What became of the tests that are named by a control, as pytest tells it."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}

    def note(self, nodeid: str, outcome: str) -> None:
        """Keep the worst outcome of each test function."""
        place, _, rest = nodeid.rpartition("::")
        name = rest.partition("[")[0]
        if control_of(name):
            test = f"{place}::{name}"
            self.results[test] = min(outcome, self.results.get(test, "passed"), key=ORDER.index)


def write(results: Mapping[str, str]) -> None:
    """Bring the table up to date with what this run saw."""
    folder = Path(os.environ.get("RR_RESULTS", Path(__file__).parents[1] / "build/proof"))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "controls.csv").open("a+", encoding="utf-8", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = {row["test"]: row["result"] for row in csv.DictReader(file) if row["test"]}
        merged = {test: result for test, result in (known | dict(results)).items() if _exists(test)}
        file.seek(0)
        file.truncate()
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for control, statement in statements().items():
            tests = sorted(test for test in merged if control_of(test.rpartition("::")[2]) == control)
            table.writerows([control, statement, test, merged[test]] for test in tests)
            if not tests:
                table.writerow([control, statement, "", MISSING])


def _exists(test: str) -> bool:
    """Say whether a test of an earlier run is still there."""
    file, _, name = test.partition("::")
    place = Path(__file__).parents[1] / file
    return place.is_file() and f"def {name.rpartition('::')[2]}(" in place.read_text(encoding="utf-8")
