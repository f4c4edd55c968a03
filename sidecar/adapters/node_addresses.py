"""Where a hospital's nodes are: looked up and judged here, so that its cell is told addresses in figures and looks nothing up.

A name that led to this machine when it was called, and not when it was checked, would make a cell call another's inner port.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog

from sidecar.adapters.outbound import OffLimits, OwnGround, find

AGAIN, RETRY = 60.0, 10.0
"""Seconds after which a name is looked up again, and one that could not be."""
LOG = structlog.get_logger("nodes")
Node = tuple[str, int]
"""Host and port as the hospital wrote them."""


class NodeAddresses:
    """Remembers what names stood for last. Slow name servers keep nobody waiting longer than he has patience."""

    def __init__(self, ground: OwnGround, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ground, self._clock = ground, clock
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="node")
        self._lock = threading.Lock()
        self._asked: dict[Node, tuple[float, Future[str]]] = {}
        self._known: dict[Node, str] = {}

    def of(self, nodes: Iterable[Node], *, patience: float = 0.0) -> dict[Node, str]:
        """Return each node's address, "" for one that is off limits, or not known yet."""
        wanted = sorted(set(nodes))
        asked = [self._ask(each) for each in wanted]
        if patience:
            wait(asked, timeout=patience)
        return {node: self._take(node, answer) for node, answer in zip(wanted, asked, strict=True)}

    def _ask(self, node: Node) -> Future[str]:
        with self._lock:
            at, answer = self._asked.get(node, (0.0, None))
            if answer is None or (answer.done() and self._clock() - at > (RETRY if answer.exception() else AGAIN)):
                at, answer = self._clock(), self._pool.submit(self._look, node)
                self._asked[node] = at, answer
            return answer

    def _look(self, node: Node) -> str:
        try:
            return find(*node, self._ground)
        except OffLimits as problem:
            LOG.warning("node is off limits", host=node[0], port=node[1], reason=str(problem))
            return ""

    def _take(self, node: Node, answer: Future[str]) -> str:
        """An address that was good stays in use while its name cannot be looked up."""
        if answer.done() and not isinstance(answer.exception(), OSError):
            self._known[node] = answer.result()
        return self._known.get(node, "")
