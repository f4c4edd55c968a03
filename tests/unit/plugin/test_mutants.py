"""Remove or negate any one check of the gate, and a case turns red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugin.gate_cases import wrong_decisions, wrong_matches, wrong_tokens
from tests.unit.plugin.mutants import mutants

PLUGIN = Path(__file__).parents[3] / "orthanc_plugin"


def survives(load: Callable[[], Any], cases: Callable[[Any], Iterator[str]]) -> bool:
    try:
        return next(cases(load()), None) is None
    except Exception:  # noqa: BLE001 - a mutant that breaks has been noticed
        return False


@pytest.mark.parametrize(
    ("file", "cases", "least"),
    [("decide.py", wrong_decisions, 60), ("paths.py", wrong_matches, 15), ("tokens.py", wrong_tokens, 60)],
)
def test_every_mutant_is_killed(file: str, cases: Callable[[Any], Iterator[str]], least: int) -> None:
    broken = list(mutants(PLUGIN / file))
    assert [name for name, load in broken if survives(load, cases)] == []
    assert len(broken) >= least
