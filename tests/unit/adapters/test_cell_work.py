"""What cells are asked to do to whole studies, against a cell that is played by a function."""

import json
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.cell_work import CellWork, Progress
from sidecar.kernel.errors import Broken, Busy, Missing

CELL = CellAddress(uuid4(), uuid4(), "127.0.0.1:4242")
JOB = {"State": "Running", "Progress": 50, "Content": {"InstancesCount": 8}, "ErrorCode": 0, "ErrorDescription": "Success"}


def work(status: int = 200, answer: object = None, seen: list[httpx.Request] | None = None) -> CellWork:
    def cell(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, json=answer)

    return CellWork(CellClient(CellTokens(Ed25519PrivateKey.generate()), transport=httpx.MockTransport(cell)))


def test_a_send_names_one_study_and_one_node_in_a_body_of_ours() -> None:
    seen: list[httpx.Request] = []
    assert work(answer={"ID": "7"}, seen=seen).send(CELL, aet="PACS 1", orthanc_id="abc") == "7"
    assert (seen[0].method, seen[0].url.path) == ("POST", "/modalities/ae-504143532031/store")
    assert json.loads(seen[0].content) == {"Resources": ["abc"], "Asynchronous": True, "Permissive": False}


def test_progress_is_told_in_our_words() -> None:
    assert work(answer=JOB).progress(CELL, "7") == Progress(running=True, share=0.5, images=8, error_code=0, details="")
    failed = JOB | {"State": "Failure", "ErrorCode": 9, "ErrorDescription": "network", "ErrorDetails": "0xA700"}
    assert work(answer=failed).progress(CELL, "7") == Progress(
        running=False, share=0.5, images=8, error_code=9, details="network 0xA700"
    )
    done = JOB | {"State": "Success", "Progress": 100}
    assert not work(answer=done).progress(CELL, "7").running


def test_what_is_gone_silent_or_nonsense_is_told_apart() -> None:
    assert work(answer={}).holds_study(CELL, "abc")
    assert not work(404).holds_study(CELL, "abc")
    with pytest.raises(Missing):
        work(404).delete_study(CELL, "abc")
    with pytest.raises(Busy):
        work(500).cancel(CELL, "7")
    with pytest.raises(Broken):
        work(403).progress(CELL, "7")
    with pytest.raises(Broken):
        work(answer=[]).send(CELL, aet="A", orthanc_id="abc")
