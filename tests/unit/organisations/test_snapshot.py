"""The policy snapshot: what we write is what the plugin reads, byte by byte as agreed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from orthanc_plugin.policy import parse
from sidecar.organisations.snapshot import Caller, build_snapshot, read_snapshot, says_the_same, write_snapshot, write_tls

EXAMPLE = Path(__file__).parents[2] / "contract" / "policy.json"
CELL, OWNER = UUID("6f1d4c1e-0f6c-4c7e-9c5e-2f8a1b7d3e01"), UUID("b3a8c1de-52f4-4f0e-8d0a-7c9e6f5d4b02")
KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # the public key of RFC 8037 appendix A.2
FACTS = {
    "cell_id": CELL,
    "organisation_id": OWNER,
    "revision": 7,
    "senders": [
        Caller("MERCY_STATION", [], ["echo"], "10.1.4.7", 104),
        Caller(
            "MERCY_PACS",
            ["10.1.3.0/24"],
            ["echo", "store", "find", "move", "get", "worklist", "commitment"],
            "10.1.3.14",
            11112,
        ),
        Caller(
            "MERCY_CT1",
            ["10.0.0.0/8", "127.0.0.1/32"],
            ["echo", "store"],
            certificates=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ],
    "keys": {"0123456789abcdef": KEY},
    "revoked": {"c0ffee": 1795295400},
    "withheld": ["3f0a1b2c-4d5e6f70-8192a3b4-c5d6e7f8-091a2b3c"],
    "plain": True,
    "tls_port": 2762,
    "issued_at": datetime(2026, 11, 21, 21, 4, 7, 900, tzinfo=UTC),
}


def test_the_agreed_example_is_what_we_build() -> None:
    assert build_snapshot(**FACTS) == json.loads(EXAMPLE.read_text())


def test_the_plugin_reads_the_agreed_example() -> None:
    policy = parse(EXAMPLE.read_bytes(), cell=str(CELL), organisation=str(OWNER))
    assert policy.revision == 7
    assert [(each.aet, [str(network) for network in each.networks]) for each in policy.entities] == [
        ("MERCY_CT1", ["10.0.0.0/8", "127.0.0.1/32"]),
        ("MERCY_PACS", ["10.1.3.0/24"]),
        ("MERCY_STATION", []),
    ]
    assert set(policy.keys) == {"0123456789abcdef"}
    assert policy.revoked_sessions == frozenset({"c0ffee"})


def test_the_moment_of_issue_is_no_difference(tmp_path: Path) -> None:
    one = build_snapshot(**FACTS)
    later = build_snapshot(**{**FACTS, "issued_at": datetime(2027, 1, 1, tzinfo=UTC)})
    assert says_the_same(one, later)
    assert not says_the_same(one, build_snapshot(**{**FACTS, "revision": 8}))
    assert not says_the_same(None, one)
    target = tmp_path / "policy.json"
    write_snapshot(target, one)
    assert says_the_same(read_snapshot(target), later)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]


def test_a_cut_off_file_counts_as_none(tmp_path: Path) -> None:
    target = tmp_path / "policy.json"
    assert read_snapshot(target) is None
    target.write_text('{"version": 1, "rev')
    assert read_snapshot(target) is None


def test_tls_files_are_ours_alone_and_written_when_they_differ(tmp_path: Path) -> None:
    write_tls(tmp_path / "tls", {"server.pem": "one", "server.key": "k"})
    first = (tmp_path / "tls" / "server.key").stat().st_ino
    write_tls(tmp_path / "tls", {"server.pem": "two", "server.key": "k"})
    assert (tmp_path / "tls" / "server.pem").read_text() == "two"
    assert (tmp_path / "tls" / "server.key").stat().st_ino == first
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()} == {
        "server.pem": 0o600,
        "server.key": 0o600,
    }
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
