"""Calling the nodes of a hospital from its own cell, and from here to learn why a node does not answer."""

from typing import Protocol

from sidecar.adapters import knock as knocking
from sidecar.adapters.cell_client import CellAddress, CellClient, Unable
from sidecar.adapters.cell_work import node_name
from sidecar.adapters.knock import Answer, Knock
from sidecar.adapters.outbound import OffLimits, OwnGround, find

ECHO_SECONDS = 8
"""How long the cell waits for a node; longer than a busy one takes, shorter than a person waits."""


class Nodes(Protocol):
    """What trials ask for. The calls through a cell raise Busy when it is down, Missing while it does not know the node."""

    def echo(self, cell: CellAddress, aet: str) -> bool:
        """Let the cell send C-ECHO (PS3.4 annex A) to a node; say whether it answered with success."""

    def send(self, cell: CellAddress, aet: str, file: bytes) -> bool:
        """Let the cell send one DICOM file to a node without storing it; say whether the node took it."""

    def knock(self, host: str, port: int, *, calling: str, called: str, sop_class: str) -> Knock:
        """Ask a node for an association from here and leave again."""


class CellNodes:
    """The real calls."""

    def __init__(self, client: CellClient, ground: OwnGround) -> None:
        self._client, self._ground = client, ground

    def echo(self, cell: CellAddress, aet: str) -> bool:
        """Send C-ECHO."""
        return self._done(cell, f"/modalities/{node_name(aet)}/echo", {"Timeout": ECHO_SECONDS})

    def send(self, cell: CellAddress, aet: str, file: bytes) -> bool:
        """Send one file straight through."""
        return self._done(cell, f"/modalities/{node_name(aet)}/store-straight", file)

    def knock(self, host: str, port: int, *, calling: str, called: str, sop_class: str) -> Knock:
        """Knock at the address the name stands for now, unless that is one of the platform's own (see ``outbound``)."""
        try:
            address = find(host, port, self._ground)
        except OffLimits:
            return Knock(Answer.OFF_LIMITS)
        except OSError:
            return Knock(Answer.UNKNOWN_HOST)
        return knocking.knock(address, port, calling=calling, called=called, sop_class=sop_class)

    def _done(self, cell: CellAddress, path: str, body: object) -> bool:
        try:
            self._client.ask(cell, "POST", path, body=body)
        except Unable:
            return False
        return True
