"""The three wire formats between sidecar and cell: what one side writes, the other side reads, and both know the examples."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orthanc_plugin.events import cell_started, gate_visited, instances_stored
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.tokens import Kind, TokenError, TokenVerifier
from sidecar.adapters.cell_tokens import CellTokens, Visitor
from sidecar.intake import forms
from sidecar.organisations.snapshot import Caller, build_snapshot, write_snapshot

HERE = Path(__file__).parent
POLICY: dict[str, Any] = json.loads((HERE / "policy.json").read_text())
TOKEN: dict[str, Any] = json.loads((HERE / "cell_token.json").read_text())
EVENTS: dict[str, Any] = json.loads((HERE / "events.json").read_text())
SIGNER = CellTokens(Ed25519PrivateKey.from_private_bytes(base64.b64decode(TOKEN["private_key"])))
CELL, ORGANISATION = UUID(POLICY["cell"]), UUID(POLICY["organisation"])
NOW = datetime.fromtimestamp(TOKEN["claims"]["iat"], UTC)


def snapshot() -> dict[str, Any]:
    return build_snapshot(
        cell_id=CELL,
        organisation_id=ORGANISATION,
        revision=POLICY["revision"],
        senders=[Caller(**row) for row in POLICY["senders"]],
        keys=SIGNER.public_keys(),
        revoked=POLICY["revoked_sessions"],
        withheld=POLICY["withheld"],
        plain=POLICY["dicom"]["plain"],
        tls_port=POLICY["dicom"]["tls_port"],
        issued_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def policy_file(tmp_path: Path) -> PolicyFile:
    write_snapshot(tmp_path / "policy.json", snapshot())
    file = PolicyFile(tmp_path / "policy.json", cell=str(CELL), organisation=str(ORGANISATION))
    assert file.refresh()
    return file


def test_the_cell_reads_what_the_sidecar_writes(policy_file: PolicyFile) -> None:
    policy = policy_file.current
    assert [entity.aet for entity in policy.entities] == [row["aet"] for row in POLICY["senders"]]
    assert (policy.revision, set(policy.keys)) == (POLICY["revision"], {SIGNER.kid})


def test_the_cell_accepts_what_the_sidecar_signs(policy_file: PolicyFile) -> None:
    studies = TOKEN["claims"]["studies"]
    session = TOKEN["claims"]["sid"]
    common: dict[str, Any] = {"cell": CELL, "subject": "u", "organisation": ORGANISATION, "session": session, "now": NOW}
    reader = SIGNER.mint(role="radiologist", studies=studies, **common)
    service = SIGNER.service(cell=CELL, organisation=ORGANISATION, now=NOW)
    verifier, now = TokenVerifier(), NOW.timestamp()
    assert verifier.verify(reader, policy_file.current, now).studies == frozenset(studies)
    assert verifier.verify(service, policy_file.current, now).kind is Kind.SERVICE
    staff = verifier.verify(SIGNER.mint(role="radiologist", **common), policy_file.current, now)
    assert (staff.kind, staff.role, staff.studies) == (Kind.STAFF, "radiologist", frozenset())
    with pytest.raises(TokenError):
        verifier.verify(SIGNER.mint(role="radiologist", **common | {"organisation": UUID(int=1)}), policy_file.current, now)
    revoked = dataclasses.replace(policy_file.current, revoked_sessions=frozenset({session}))
    with pytest.raises(TokenError):
        verifier.verify(reader, revoked, now)


def test_the_cell_accepts_the_example_token_under_the_example_snapshot() -> None:
    file = PolicyFile(HERE / "policy.json", cell=str(CELL), organisation=str(ORGANISATION))
    file.refresh()
    principal = TokenVerifier().verify(TOKEN["token"], file.current, NOW.timestamp())
    assert (principal.session, principal.key) == (TOKEN["claims"]["sid"], TOKEN["kid"])


def test_the_sidecar_understands_every_event_of_the_cell() -> None:
    for event in EVENTS["events"]:
        read = forms.EVENT.validate_python(event)
        assert (read.kind, str(read.event_id)) == (event["kind"], event["event_id"])


def test_the_cell_still_makes_the_example_events() -> None:
    stored, _, started, visited = EVENTS["events"]
    made = list(instances_stored(cell=EVENTS["cell"], at=stored["at"], batch="0-1", **EVENTS["orthanc"]))
    assert made == [stored]
    assert started == cell_started(
        event_id=started["event_id"],
        at=started["at"],
        system={"Version": started["orthanc"]},
        plugins=started["plugins"],
        unknown_routes=started["unknown_routes"],
    )
    first, last = (datetime.fromisoformat(visited[name]).timestamp() for name in ("first_at", "last_at"))
    told = {name: visited[name] for name in ("event_id", "receipt", "sort", "subject", "count")}
    assert visited == gate_visited(**told, first=first, last=last)


def test_a_receipt_comes_back_as_the_person_it_names_and_is_no_token(policy_file: PolicyFile) -> None:
    visitor = Visitor(UUID(int=7), UUID(int=8), "radiologist", "s" * 32, "10.1.2.3", "reading")
    token = SIGNER.mint(
        cell=CELL,
        subject="u",
        organisation=ORGANISATION,
        role="radiologist",
        session="s",
        now=NOW,
        studies=["1.2"],
        visitor=visitor,
    )
    principal = TokenVerifier().verify(token, policy_file.current, NOW.timestamp())
    assert SIGNER.visitor(CELL, principal.receipt) == visitor
    assert principal.receipt == SIGNER.receipt(CELL, visitor), "the same each time: by it the cell tells callers apart"
    assert SIGNER.visitor(UUID(int=9), principal.receipt) is None, "another cell's"
    assert SIGNER.visitor(CELL, principal.receipt[:-4] + "AAAA") is None
    assert SIGNER.visitor(CELL, token) is None
    with pytest.raises(TokenError):
        TokenVerifier().verify(principal.receipt, policy_file.current, NOW.timestamp())
