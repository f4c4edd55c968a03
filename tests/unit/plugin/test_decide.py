from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugin import decide, paths
from orthanc_plugin.decide import Request, Verdict
from tests.unit.plugin.gate_cases import CONTEXT, FRAME, STUDY, owner, wrong_decisions, wrong_matches


def test_every_case_of_the_gate() -> None:
    assert list(wrong_decisions(decide)) == []


def test_every_case_of_the_paths() -> None:
    assert list(wrong_matches(paths)) == []


def test_a_refusal_does_not_say_whether_the_study_exists() -> None:
    one, other = (decide.decide(CONTEXT, Request("GET", FRAME.replace(STUDY, uid)), owner) for uid in ("1.9", "1.10"))
    assert one == other


@given(st.text(max_size=80))
def test_no_text_in_the_place_of_the_study_opens_another_study(text: str) -> None:
    path = FRAME.replace(STUDY, text)
    found = paths.match("GET", path)
    allowed = decide.decide(CONTEXT, Request("GET", path), owner).verdict is not Verdict.DENY
    assert not allowed or (found is not None and found[1]["study"] in CONTEXT.studies)
