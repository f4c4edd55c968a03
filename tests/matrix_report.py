"""The table of a matrix on file, for others to read: build/proof, or where RR_RESULTS says."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """One line: who asked which route for whose thing, what was answered, and what was wrong with it."""

    method: str
    route: str
    principal: str
    target: str
    status: int
    verdict: str


def write_table(name: str, cases: Iterable[Case]) -> None:
    out = Path(os.environ.get("RR_RESULTS", Path(__file__).parents[1] / "build/proof"))
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([Case._fields, *cases])
