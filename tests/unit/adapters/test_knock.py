"""Knocking at real nodes, and at what is none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import AE
from pynetdicom.sop_class import SecondaryCaptureImageStorage, Verification

from sidecar.adapters import knock as knocking
from sidecar.adapters.knock import SECONDARY_CAPTURE, Answer, Knock, knock, understand


@contextmanager
def node(**requires: object) -> Iterator[int]:
    """Run a storage node called PACS that knows MERCY only."""
    ae = AE("PACS")
    ae.add_supported_context(Verification)
    ae.require_called_aet = True
    ae.require_calling_aet = ["MERCY"]
    for name, value in requires.items():
        setattr(ae, name, value)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    yield server.socket.getsockname()[1]
    server.shutdown()


@contextmanager
def line(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Listen once and do what a test wants with the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as connection:
                connection.recv(4096)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def test_a_node_says_who_it_knows_and_what_it_does() -> None:
    with node() as port:
        assert knock("127.0.0.1", port, calling="MERCY", called="PACS") == Knock(Answer.ACCEPTED)
        assert knock("127.0.0.1", port, calling="NOBODY", called="PACS") == Knock(Answer.REJECTED, (1, 1, 3))
        assert knock("127.0.0.1", port, calling="MERCY", called="OTHER") == Knock(Answer.REJECTED, (1, 1, 7))
        refused = knock("127.0.0.1", port, calling="MERCY", called="PACS", sop_class=SECONDARY_CAPTURE)
        assert refused == Knock(Answer.NOT_SUPPORTED)
    assert SecondaryCaptureImageStorage == SECONDARY_CAPTURE


def test_a_full_node_asks_for_patience() -> None:
    busy = AE("MERCY")
    busy.add_requested_context(Verification)
    with node(maximum_associations=1) as port:
        held = busy.associate("127.0.0.1", port, ae_title="PACS")
        found = knock("127.0.0.1", port, calling="MERCY", called="PACS")
        held.release()
    assert (found.answer, found.reason[0]) == (Answer.REJECTED, 2)


def test_where_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert knock("127.0.0.1", port, calling="A", called="B").answer is Answer.NOBODY_LISTENS
    assert knock("nowhere.invalid", 104, calling="A", called="B").answer is Answer.UNKNOWN_HOST


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x02\x00\x00\x00\x00\x04abcd"[:8]])
def test_what_is_no_dicom_node_hangs_up(sent: bytes) -> None:
    with line(lambda connection: connection.sendall(sent)) as port:
        assert knock("127.0.0.1", port, calling="A", called="B").answer is Answer.ABORTED


def test_a_silent_one_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knocking, "ANSWER_SECONDS", 0.1)
    done = threading.Event()
    with line(lambda _connection: done.wait(5)) as port:
        assert knock("127.0.0.1", port, calling="A", called="B").answer is Answer.SILENT
        done.set()


@given(st.integers(0, 255), st.binary(max_size=300))
def test_no_answer_breaks_the_reader(kind: int, body: bytes) -> None:
    assert understand(kind, body).answer in set(Answer)
