"""No security control of groups A to D is without a test that bears its id."""

import re
from pathlib import Path

from tests.controls import control_of, statements

TESTS = Path(__file__).parents[1]
FUNCTION = re.compile(r"^(?:async )?def (test_[a-g]\d\d_\w+)\(", re.MULTILINE)


def test_every_control_of_identity_access_audit_and_integrity_is_shown() -> None:
    named = {control_of(name) for file in TESTS.rglob("test_*.py") for name in FUNCTION.findall(file.read_text(encoding="utf-8"))}
    assert named <= set(statements()), "a test bears the id of no control"
    assert not {each for each in statements() if each[0] in "ABCD"} - named
