"""Trials of a node: an echo, a test image, and why there was no answer."""

from enum import StrEnum
from uuid import UUID

from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.knock import SECONDARY_CAPTURE, VERIFICATION
from sidecar.adapters.nodes import Nodes
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Missing
from sidecar.organisations import queries, words
from sidecar.organisations.events import NodeTested
from sidecar.organisations.model import NodeAnswer
from sidecar.organisations.phantom import wedge_image


class Trial(StrEnum):
    """What is tried."""

    ECHO = "echo"
    SEND = "send"


SOP_CLASSES = {Trial.ECHO: VERIFICATION, Trial.SEND: SECONDARY_CAPTURE}


def try_node(scope: Scope, entity_id: UUID, nodes: Nodes, *, trial: Trial, cell_host: str) -> NodeAnswer:
    """Let the own cell call a node and say how it ended. Raises Missing, Conflict (no node, not known yet), Busy (no cell).

    The test image is made for this call, goes through the cell and is stored in neither. Where the cell got no answer,
    the node is asked from here for the reason.
    """
    entity = queries.entity(scope, entity_id)
    if not entity.host:
        raise Conflict("It only calls: write the address and port it listens on, then try it.")
    cell = queries.own_cell(scope)
    at = CellAddress(cell.id, cell.organisation_id, f"{cell_host}:{cell.http_port}")
    try:
        good = nodes.echo(at, entity.aet) if trial is Trial.ECHO else nodes.send(at, entity.aet, wedge_image(scope.now))
    except Missing:
        raise Conflict("The archive learns of this entry within two seconds. Try again.") from None
    if good:
        answer = words.reached(trial == Trial.SEND, entity.aet)
    else:
        found = nodes.knock(entity.host, entity.port, calling=cell.aet, called=entity.aet, sop_class=SOP_CLASSES[trial])
        answer = words.not_reached(found, entity.aet, f"{entity.host}:{entity.port}", archive=cell.aet)
    scope.emit(NodeTested(organisation_id=cell.organisation_id, aet=entity.aet, test=trial.value, answer=answer.word))
    return answer
