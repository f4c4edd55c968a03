"""What text is, when a report may be signed, what a signature binds."""

import copy
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.kernel.errors import Invalid
from sidecar.reports import rules
from sidecar.reports.model import SECTIONS, Meaning, ReportStatus
from tests.unit.reports.samples import AT, signed

READY = {"impression": "No acute finding."}


def failed(**facts: Any) -> set[str]:
    given = {"arrival": "complete", "instance_count": 3, "sections": READY, "status": "draft", **facts}
    return {check.name for check in rules.checks(**given) if not check.passed}


def test_a_complete_study_with_an_impression_may_be_signed() -> None:
    assert failed() == set()


def test_what_hinders_a_signature_is_named() -> None:
    assert failed(arrival="arriving") == {"images"}
    assert failed(instance_count=0) == {"images"}
    assert failed(sections={"impression": " \n\t"}) == {"impression"}
    assert failed(sections={"findings": "only findings"}) == {"impression"}
    assert failed(status="final") == {"draft"}


def test_no_illegal_transition_in_a_hundred_thousand_steps() -> None:
    """Control D08: random acts never sign before the images are complete, and nothing leaves final."""
    dice = random.Random(8)  # noqa: S311 - repeatable, not secret
    arrival, text, status = "arriving", "", ReportStatus.DRAFT
    for _ in range(100_000):
        act = dice.choice(("complete", "reopen", "write", "clear", "sign", "new"))
        if act == "new":
            arrival, text, status = "arriving", "", ReportStatus.DRAFT
        elif act in ("complete", "reopen"):
            arrival = "complete" if act == "complete" else "arriving"
        elif status is ReportStatus.DRAFT and act in ("write", "clear"):
            text = "Normal." if act == "write" else ""
        elif act == "sign" and not failed(arrival=arrival, sections={"impression": text}, status=status):
            assert (arrival, text, status) == ("complete", "Normal.", ReportStatus.DRAFT)
            status = ReportStatus.FINAL
    assert not any(rules.may_become(ReportStatus.FINAL, then) for then in ReportStatus)


def test_text_keeps_its_words_and_loses_only_what_is_no_text() -> None:
    given = {"findings": "a\r\nb\x0bc\u2028d\x00\x07e\tf \ud800g", "impression": "<b>&amp;"}
    assert rules.clean_sections(given) == {
        "technique": "",
        "comparison": "",
        "findings": "a\nb\nc\nde\tf g",
        "impression": "<b>&amp;",
        "recommendation": "",
    }


@pytest.mark.parametrize("given", [None, [], "text", {"other": "x"}, {"findings": 3}, {"findings": "x" * 20_001}])
def test_what_is_not_sections_is_refused(given: Any) -> None:
    with pytest.raises(Invalid):
        rules.clean_sections(given)


@given(st.dictionaries(st.sampled_from([section.value for section in SECTIONS]), st.text(max_size=60)))
@settings(max_examples=200, deadline=None)
def test_cleaning_twice_changes_nothing_and_the_result_is_utf8(given: dict[str, str]) -> None:
    once = rules.clean_sections(given)
    assert rules.clean_sections(once) == once
    "".join(once.values()).encode()


def test_meanings() -> None:
    assert rules.clean_meaning("author") is Meaning.AUTHOR
    for bad in ("final", "", None, 3, []):
        with pytest.raises(Invalid):
            rules.clean_meaning(bad)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    if isinstance(node, list):
        return [leaf for key, value in enumerate(node) for leaf in leaves(value, (*path, key))]
    return [path]


def test_any_changed_value_changes_the_hash() -> None:
    """Control D05: every single value of the content is bound; one changed character is another hash."""
    content = signed()
    digest = rules.content_hash(content)
    assert rules.content_hash(copy.deepcopy(content)) == digest
    paths = leaves(content)
    assert len(paths) > 25
    for path in paths:
        changed = copy.deepcopy(content)
        node = changed
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = node[path[-1]] + (1 if isinstance(node[path[-1]], int) else " ")
        assert rules.content_hash(changed) != digest, path


def test_a_signature_cannot_be_moved() -> None:
    content = signed()
    place = {
        "claimed_hash": rules.content_hash(content),
        "report_id": content["report"]["id"],
        "version": 1,
        "signer_id": "u",
    }
    assert rules.is_bound(content, **place)
    for moved in ({"report_id": "other"}, {"version": 2}, {"signer_id": "v"}, {"claimed_hash": "0" * 64}):
        assert not rules.is_bound(content, **{**place, **moved}), moved


def test_the_time_signed_is_utc() -> None:
    assert signed()["signature"]["signed_at"] == "2026-11-21T20:04:07.123+00:00"


def test_the_journal_hears_of_writing_at_intervals() -> None:
    assert rules.worth_a_line(AT, AT, first=True)
    assert not rules.worth_a_line(AT, AT + timedelta(seconds=1), first=False)
    assert rules.worth_a_line(AT, AT + timedelta(minutes=5), first=False)


def appended(before: dict[str, Any], text: str = "One more nodule.", purpose: str = "addendum") -> dict[str, Any]:
    said = {"id": "a", "purpose": purpose, "text": text, "NumberOfStudyRelatedSeries": 3, "NumberOfStudyRelatedInstances": 220}
    who = {"signer_id": "v", "signer_name": "Dr. Sam Second"}
    return rules.append_content(before, said, signer=who, at=AT + timedelta(hours=1), meaning=Meaning.AUTHOR)


@given(st.lists(st.tuples(st.text(max_size=40), st.sampled_from(["addendum", "correction"])), min_size=1, max_size=5))
@settings(max_examples=60)
def test_d02_each_version_is_the_one_before_it_and_one_addendum(texts: list[tuple[str, str]]) -> None:
    versions = [signed()]
    for text, purpose in texts:
        before = copy.deepcopy(versions[-1])
        versions.append(appended(versions[-1], text, purpose))
        assert versions[-2] == before, "what was signed is not touched"
        assert rules.continues(versions[-2], versions[-1])
    first, last = versions[0], versions[-1]
    assert last["sections"] == first["sections"]
    assert last["original_signature"] == first["signature"]
    assert [each["text"] for each in last["addenda"]] == [text for text, _purpose in texts]
    assert rules.standing(last) == ("corrected" if "correction" in {purpose for _text, purpose in texts} else "appended")
    assert rules.is_bound(
        last, claimed_hash=rules.content_hash(last), report_id=first["report"]["id"], version=len(versions), signer_id="v"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sections": {"impression": "Bleeding."}},
        {"addenda": []},
        {"addenda": [{"text": "another"}, {"text": "two"}]},
        {"original_signature": {"signer_name": "Somebody"}},
        {"supersedes": {"version": 1, "content_hash": ""}},
        {"patient": {}},
    ],
)
def test_a_version_that_changes_anything_signed_does_not_continue_it(change: dict[str, Any]) -> None:
    before = signed()
    assert rules.continues(before, appended(before))
    assert not rules.continues(before, {**appended(before), **change})


def test_an_addendum_is_signed_when_it_says_something_and_once() -> None:
    def missing(text: str, status: str) -> set[str]:
        return {each.name for each in rules.addendum_checks(text=text, status=status) if not each.passed}

    assert missing("x", "draft") == set()
    assert missing(" \n", "draft") == {"text"}
    assert missing("x", "final") == {"draft"}
    assert rules.images_seen(signed()) == 214
    assert rules.images_seen(appended(signed())) == 220
    with pytest.raises(Invalid, match="not longer"):
        rules.clean_addendum("x" * (rules.SECTION_LIMIT + 1))
