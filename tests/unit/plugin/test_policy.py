from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orthanc_plugin.policy import SHUT, PolicyError, PolicyFile, parse

GOLDEN = Path(__file__).parents[2] / "contract" / "policy.json"
DOCUMENT: dict[str, Any] = json.loads(GOLDEN.read_text())
CELL, ORGANISATION = DOCUMENT["cell"], DOCUMENT["organisation"]


def read(document: Any) -> Any:
    return parse(json.dumps(document).encode(), cell=CELL, organisation=ORGANISATION)


def test_the_golden_snapshot_is_understood() -> None:
    policy = read(DOCUMENT)
    assert policy.revision == DOCUMENT["revision"]
    assert [sender.aet for sender in policy.entities] == [row["aet"] for row in DOCUMENT["senders"]]
    assert set(policy.keys) == set(DOCUMENT["keys"])
    assert policy.revoked_sessions == frozenset(DOCUMENT["revoked_sessions"])
    assert policy.withheld == frozenset(DOCUMENT["withheld"])


def test_no_snapshot_means_shut() -> None:
    assert (SHUT.entities, dict(SHUT.keys)) == ((), {})


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "1"},
        {"cell": "another"},
        {"organisation": "another"},
        {"revision": True},
        {"revision": None},
        {"keys": []},
        {"keys": {"k": "AAAA"}},
        {"keys": {"k": 7}},
        {"keys": {"k": "!" * 43}},
        {"senders": {}},
        {"senders": ["CT1"]},
        {"senders": [{"aet": "CT1"}]},
        {"senders": [{"aet": "CT1", "networks": ["10.0.0.1/8"]}]},
        {"senders": [{"aet": "CT1", "networks": []}, {"aet": "CT1", "networks": []}]},
        {"revoked_sessions": []},
        {"withheld": None},
        {"withheld": {}},
        {"withheld": [7]},
        {"withheld": ["../../storage"]},
    ],
)
def test_a_snapshot_with_a_wrong_value_is_refused_as_a_whole(change: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        read({**DOCUMENT, **change})


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"null", b"\xff"])
def test_rubbish_is_refused(text: bytes) -> None:
    with pytest.raises(PolicyError):
        parse(text, cell=CELL, organisation=ORGANISATION)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    def writer(text: str | None = None, **changes: Any) -> None:
        fresh = tmp_path / "new"
        fresh.write_text(json.dumps({**DOCUMENT, **changes}) if text is None else text)
        fresh.replace(tmp_path / "policy.json")

    return writer


def test_the_last_good_snapshot_stays_in_force(tmp_path: Path, write: Callable[..., None]) -> None:
    file = PolicyFile(tmp_path / "policy.json", cell=CELL, organisation=ORGANISATION)
    with pytest.raises(PolicyError):
        file.refresh()
    assert file.refresh() is False, "told once"
    assert file.current is SHUT
    write()
    assert file.refresh() is True
    assert file.error is None
    write("{")
    with pytest.raises(PolicyError):
        file.refresh()
    assert file.refresh() is False, "told once per version"
    assert (file.current.revision, file.error) == (DOCUMENT["revision"], "not JSON")
    (tmp_path / "policy.json").unlink()
    with pytest.raises(PolicyError):
        file.refresh()
    assert file.current.revision == DOCUMENT["revision"]
    write(revision=99)
    assert file.refresh() is True
    assert (file.current.revision, file.error) == (99, None)
    assert file.refresh() is False
