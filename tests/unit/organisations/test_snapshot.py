"""The policy snapshot: what we write is what the plugin reads, byte by byte as agreed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from orthanc_plugin.policy import parse
from sidecar.organisations.snapshot import build_snapshot, read_snapshot, says_the_same, write_snapshot

EXAMPLE = Path(__file__).parents[2] / "contract" / "policy.json"
CELL, OWNER = UUID("6f1d4c1e-0f6c-4c7e-9c5e-2f8a1b7d3e01"), UUID("b3a8c1de-52f4-4f0e-8d0a-7c9e6f5d4b02")
KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # the public key of RFC 8037 appendix A.2
FACTS = {
    "cell_id": CELL,
    "organisation_id": OWNER,
    "revision": 7,
    "senders": [("MERCY_MR", "10.1.3.0/24"), ("MERCY_CT1", "127.0.0.1/32"), ("MERCY_CT1", "10.0.0.0/8")],
    "keys": {"0123456789abcdef": KEY},
    "revoked": {"c0ffee": 1795295400},
    "issued_at": datetime(2026, 11, 21, 21, 4, 7, 900, tzinfo=UTC),
}


def test_the_agreed_example_is_what_we_build() -> None:
    assert build_snapshot(**FACTS) == json.loads(EXAMPLE.read_text())


def test_the_plugin_reads_the_agreed_example() -> None:
    policy = parse(EXAMPLE.read_bytes(), cell=str(CELL), organisation=str(OWNER))
    assert policy.revision == 7
    assert [(each.aet, [str(network) for network in each.networks]) for each in policy.senders] == [
        ("MERCY_CT1", ["10.0.0.0/8", "127.0.0.1/32"]),
        ("MERCY_MR", ["10.1.3.0/24"]),
    ]
    assert set(policy.keys) == {"0123456789abcdef"}
    assert policy.revoked_sessions == frozenset({"c0ffee"})


def test_a_title_with_two_networks_is_listed_once() -> None:
    senders = build_snapshot(**FACTS)["senders"]
    assert senders[0] == {"aet": "MERCY_CT1", "networks": ["10.0.0.0/8", "127.0.0.1/32"]}


def test_the_moment_of_issue_is_no_difference(tmp_path: Path) -> None:
    one = build_snapshot(**FACTS)
    later = build_snapshot(**{**FACTS, "issued_at": datetime(2027, 1, 1, tzinfo=UTC)})
    assert says_the_same(one, later)
    assert not says_the_same(one, build_snapshot(**{**FACTS, "revision": 8}))
    assert not says_the_same(None, one)
    target = tmp_path / "policy.json"
    write_snapshot(target, one)
    assert says_the_same(read_snapshot(target), later)
    assert target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]


def test_a_cut_off_file_counts_as_none(tmp_path: Path) -> None:
    target = tmp_path / "policy.json"
    assert read_snapshot(target) is None
    target.write_text('{"version": 1, "rev')
    assert read_snapshot(target) is None
