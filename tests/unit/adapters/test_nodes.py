"""Knocking at a node that a hospital wrote down: never at what is the platform's own, by whatever name."""

import socket

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.knock import Answer
from sidecar.adapters.nodes import CellNodes
from sidecar.adapters.outbound import OwnGround


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"])  # noqa: S104
@pytest.mark.parametrize("there", [True, False])
def test_a_name_that_leads_to_the_own_machine_tells_nothing_of_what_listens_there(host: str, *, there: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not there:
            server.close()
        with CellClient(CellTokens(Ed25519PrivateKey.generate())) as client:
            nodes = CellNodes(client, OwnGround(frozenset(), frozenset(), local=False))
            assert nodes.knock(host, port, calling="A", called="B", sop_class="1.2").answer is Answer.OFF_LIMITS
        if there:
            server.settimeout(0.05)
            with pytest.raises(TimeoutError):
                server.accept()
