from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthanc_plugin import announce
from orthanc_plugin.modalities import symbolic_name
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.watch import PolicyKeeper

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "contract" / "policy.json").read_text())


class FakeRest:
    """Modalities, and nothing else unless planned."""

    def __init__(self) -> None:
        self.modalities: dict[str, Any] = {"old": {"AET": "OLD"}}
        self.planned: dict[str, Any] = {}
        self.calls: list[str] = []

    def get(self, uri: str) -> bytes:
        return json.dumps(self.modalities if uri == "/modalities?expand" else self.planned[uri]).encode()

    def post(self, uri: str, body: bytes) -> bytes:
        raise AssertionError((uri, body))

    def put(self, uri: str, body: bytes) -> None:
        self.calls.append(f"PUT {uri}")
        self.modalities[uri.removeprefix("/modalities/")] = json.loads(body)

    def delete(self, uri: str) -> None:
        self.calls.append(f"DELETE {uri}")
        del self.modalities[uri.removeprefix("/modalities/")]


class FakeStore(dict[str, bytes]):
    def load(self, name: str) -> bytes | None:
        return self.get(name)

    def save(self, name: str, value: bytes) -> None:
        self[name] = value


def test_the_modalities_follow_the_policy_once_per_snapshot(tmp_path: Path) -> None:
    rest, said, shouted = FakeRest(), [], []  # type: ignore[var-annotated]
    file = PolicyFile(tmp_path / "policy.json", cell=GOLDEN["cell"], organisation=GOLDEN["organisation"])
    keeper = PolicyKeeper(file, rest, say=said.append, shout=shouted.append)
    keeper.refresh()
    keeper.provision()
    assert (rest.modalities, len(shouted)) == ({}, 1)
    (tmp_path / "policy.json").write_text(json.dumps(GOLDEN))
    for _ in range(3):
        keeper.refresh()
        keeper.provision()
    assert sorted(rest.modalities) == sorted(symbolic_name(sender) for sender in file.current.entities)
    assert len(rest.calls) == 1 + len(file.current.entities)
    assert said == [f"policy: revision {GOLDEN['revision']} is in force"]
    (tmp_path / "policy.json").write_text("{")
    keeper.refresh()
    keeper.provision()
    assert len(shouted) == 2
    assert len(rest.modalities) == len(file.current.entities)


def test_the_routes_are_surveyed_once_per_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    surveys: list[list[str]] = []
    monkeypatch.setattr(announce.surface, "survey", lambda _path: {("GET", "/new")})
    monkeypatch.setattr(announce.surface, "survey_plugins", lambda _path, plugins: surveys.append(plugins) or {"/odd/{}"})
    rest, store = FakeRest(), FakeStore()
    rest.planned = {
        "/system": {"Version": "1.13.0"},
        "/plugins": ["explorer.js", "python"],
        "/plugins/python": {"Version": "7.1"},
    }
    events = [announce.announcement(rest, store, ["libOrthancPython.so", "libOdd.so"]) for _ in range(2)]
    assert surveys == [["libOdd.so"]]
    assert events[0]["unknown_routes"] == events[1]["unknown_routes"] == ["ANY /odd/{}", "GET /new"]
    assert events[0]["plugins"] == {"python": "7.1"}
    assert events[0]["event_id"] != events[1]["event_id"]
