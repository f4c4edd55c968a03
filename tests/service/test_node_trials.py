"""Trying a node: echo and test image through the own cell, the outcome in plain words, nothing stored."""

import io
from collections.abc import Callable, Iterator
from uuid import UUID

import pydicom
import pytest
from flask import Flask

from sidecar.adapters.knock import Answer
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Busy, Missing
from sidecar.organisations import service
from tests.browser import Browser
from tests.cast import Cast
from tests.fakes.nodes import FakeNodes

Browse = Callable[..., Browser]


@pytest.fixture
def nodes(app: Flask) -> Iterator[FakeNodes]:
    real, fake = app.extensions["readingroom.nodes"], FakeNodes()
    app.extensions["readingroom.nodes"] = fake
    yield fake
    app.extensions["readingroom.nodes"] = real


@pytest.fixture
def pacs(scopes: Scopes, cast: Cast) -> UUID:
    with scopes.open(cast.owner.actor) as scope:
        return service.add_entity(scope, aet="PACS", host="10.1.3.14", port=104).id


def test_an_answer_is_told_and_written_down(browse: Browse, cast: Cast, nodes: FakeNodes, pacs: UUID) -> None:
    nodes.answers["PACS"] = True
    technician = browse(cast.owner)
    assert "PACS answered" in technician.post(f"/admin/ae-titles/{pacs}/echo").text
    (call,) = nodes.called
    assert (call[0], call[1].organisation_id) == ("echo", cast.mercy)
    assert "tried PACS with an echo: it answered" in browse(cast.mercy_admin).get("/admin/audit").text


def test_the_test_image_is_of_nobody(browse: Browse, cast: Cast, nodes: FakeNodes, pacs: UUID) -> None:
    nodes.answers["PACS"] = True
    assert "took the test image" in browse(cast.owner).post(f"/admin/ae-titles/{pacs}/test-send").text
    image = pydicom.dcmread(io.BytesIO(nodes.files[0]))
    assert (str(image.PatientName), image.PatientID) == ("TEST^IMAGE", "READING-ROOM-TEST")
    assert "NOT A PATIENT" in image.StudyDescription
    assert image.pixel_array.shape == (256, 256)
    assert image.pixel_array.max() == 255


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (Answer.REJECTED, (1, 1, 3), "PACS does not know MERCY."),
        (Answer.REJECTED, (1, 1, 7), "The node there is not called PACS."),
        (Answer.REJECTED, (2, 3, 2), "takes no calls at the moment"),
        (Answer.REJECTED, (1, 1, 1), "without saying why"),
        (Answer.NOBODY_LISTENS, (0, 0, 0), "Nothing listens at 10.1.3.14:104."),
        (Answer.SILENT, (0, 0, 0), "10.1.3.14:104 does not answer."),
        (Answer.UNKNOWN_HOST, (0, 0, 0), "no host of this name"),
        (Answer.ABORTED, (0, 0, 0), "hung up"),
        (Answer.UNREACHABLE, (0, 0, 0), "There is no way to"),
        (Answer.OFF_LIMITS, (0, 0, 0), "Write the address the node has in your own network."),
        (Answer.NOT_SUPPORTED, (0, 0, 0), "refuses this service"),
        (Answer.ACCEPTED, (0, 0, 0), "did not do what was asked"),
    ],
)
def test_why_it_failed_is_said_plainly(
    browse: Browse, cast: Cast, nodes: FakeNodes, pacs: UUID, answer: Answer, reason: tuple[int, int, int], words: str
) -> None:
    nodes.refuses("PACS", answer, reason)
    assert words in browse(cast.owner).post(f"/admin/ae-titles/{pacs}/echo").text


def test_a_cell_that_is_down_or_behind_says_so(browse: Browse, cast: Cast, nodes: FakeNodes, pacs: UUID) -> None:
    technician = browse(cast.owner)
    nodes.answers["PACS"] = Missing()
    answer = technician.post(f"/admin/ae-titles/{pacs}/echo")
    assert (answer.status_code, "within two seconds" in answer.text) == (409, True)
    nodes.answers["PACS"] = Busy("The archive is not answering.")
    assert technician.post(f"/admin/ae-titles/{pacs}/echo").status_code == 503


def test_who_only_calls_cannot_be_tried(browse: Browse, scopes: Scopes, cast: Cast, nodes: FakeNodes) -> None:
    with scopes.open(cast.owner.actor) as scope:
        scanner = service.add_sender(scope, aet="CT1", network="10.1.2.0/24").id
    technician = browse(cast.owner)
    assert technician.post(f"/admin/ae-titles/{scanner}/test-send").status_code == 409
    assert "only calls" in technician.get(f"/admin/ae-titles/{scanner}").text
    assert nodes.called == []


def test_a_stranger_tries_nobodys_node(browse: Browse, cast: Cast, nodes: FakeNodes, pacs: UUID) -> None:
    for verb in ("echo", "test-send"):
        assert browse(cast.luke_technician).post(f"/admin/ae-titles/{pacs}/{verb}").status_code == 404
    assert nodes.called == []
