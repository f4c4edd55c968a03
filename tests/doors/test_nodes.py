"""The technician's buttons at a real cell: echo and test image go from the cell to the node, and nothing is stored."""

from collections.abc import Iterator
from io import BytesIO
from uuid import UUID

import pytest
from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import SecondaryCaptureImageStorage, Verification

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.knock import Answer
from sidecar.adapters.nodes import CellNodes
from sidecar.adapters.outbound import OwnGround
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Missing
from sidecar.organisations.phantom import wedge_image
from tests.doors.hospital import until
from tests.doors.running_cell import KID, RunningCell


class Node:
    """A storage node that remembers who called and what came."""

    def __init__(self) -> None:
        ae = AE("PACS")
        ae.add_supported_context(Verification)
        ae.add_supported_context(SecondaryCaptureImageStorage)
        ae.require_called_aet = True
        self.callers: list[str] = []
        self.names: list[str] = []
        handlers = [(evt.EVT_ACCEPTED, self._called), (evt.EVT_C_STORE, self._stored)]
        self.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port: int = self.server.socket.getsockname()[1]

    def _called(self, event: evt.Event) -> None:
        self.callers.append(event.assoc.requestor.ae_title)

    def _stored(self, event: evt.Event) -> int:
        self.names.append(str(event.dataset.PatientName))
        return 0x0000


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    made = Node()
    yield made
    made.server.shutdown()


class TokensOfTheCell(CellTokens):
    """Service tokens under the name of the key that this cell's policy has."""

    @property
    def kid(self) -> str:
        return KID


@pytest.fixture(scope="module")
def calls(cell: RunningCell, node: Node) -> Iterator[tuple[CellNodes, CellAddress]]:
    reached = {"host": "127.0.0.1", "networks": [], "services": []}
    cell.senders = [
        {"aet": "CT1", "networks": ["127.0.0.0/8"]},
        {"aet": "PACS", **reached, "port": node.port},
        {"aet": "OTHER", **reached, "port": node.port},
        {"aet": "NOBODY", **reached, "port": 9},
    ]
    cell.write_policy()
    address = CellAddress(UUID(cell.identifier), UUID(cell.organisation), f"127.0.0.1:{cell.http_port}")
    with CellClient(TokensOfTheCell(cell.signing_key)) as client:
        nodes = CellNodes(client, OwnGround(frozenset(), frozenset(), local=True))
        until(lambda: known(nodes, address), 10, "the cell does not know the node")
        yield nodes, address


def known(nodes: CellNodes, cell: CellAddress) -> bool:
    try:
        return nodes.echo(cell, "PACS")
    except Missing:
        return False


def test_the_cell_calls_under_its_own_title(calls: tuple[CellNodes, CellAddress], cell: RunningCell, node: Node) -> None:
    nodes, address = calls
    assert nodes.echo(address, "PACS")
    assert node.callers[-1] == cell.aet


def test_the_test_image_arrives_and_stays_nowhere_else(
    calls: tuple[CellNodes, CellAddress], cell: RunningCell, node: Node
) -> None:
    nodes, address = calls
    image = wedge_image(utc_now())
    assert nodes.send(address, "PACS", image)
    assert node.names == ["TEST^IMAGE"]
    uid = dcmread(BytesIO(image)).SOPInstanceUID
    counted = cell.get("/statistics", cell.token()).json()["CountInstances"]
    assert counted == 0, uid


def test_what_is_wrong_with_a_node_is_found_out(calls: tuple[CellNodes, CellAddress], node: Node) -> None:
    nodes, address = calls
    for aet, port, answer, reason in (
        ("OTHER", node.port, Answer.REJECTED, (1, 1, 7)),
        ("NOBODY", 9, Answer.NOBODY_LISTENS, (0, 0, 0)),
    ):
        assert not nodes.echo(address, aet)
        assert not nodes.send(address, aet, wedge_image(utc_now()))
        found = nodes.knock("127.0.0.1", port, calling="MERCY", called=aet, sop_class=Verification)
        assert (found.answer, found.reason) == (answer, reason)


def test_nobody_but_the_sidecar_makes_a_cell_call(calls: tuple[CellNodes, CellAddress], cell: RunningCell) -> None:
    reader = cell.token(studies=["1.2.3"])
    staff = cell.token(role="technician", org=cell.organisation)
    for path in ("echo", "store-straight"):
        for token in (None, reader, staff):
            answer = cell.request("POST", f"/modalities/ae-{b'PACS'.hex()}/{path}", token, content=b"{}")
            assert answer.status_code in {401, 403}, (path, answer.status_code)
