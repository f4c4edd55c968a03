"""Nodes that answer what was planned and shout otherwise."""

from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.knock import Answer, Knock


class FakeNodes:
    """``answers`` per AE title: True, False, or an exception to raise; ``knocks`` per AE title."""

    def __init__(self) -> None:
        self.answers: dict[str, bool | Exception] = {}
        self.knocks: dict[str, Knock] = {}
        self.files: list[bytes] = []
        self.called: list[tuple[str, CellAddress, str]] = []

    def echo(self, cell: CellAddress, aet: str) -> bool:
        self.called.append(("echo", cell, aet))
        return self._answer(aet)

    def send(self, cell: CellAddress, aet: str, file: bytes) -> bool:
        self.called.append(("send", cell, aet))
        self.files.append(file)
        return self._answer(aet)

    def knock(self, host: str, port: int, *, calling: str, called: str, sop_class: str) -> Knock:
        if called not in self.knocks:
            raise AssertionError(f"nobody planned a knock at {called} ({host}:{port}, {calling}, {sop_class})")
        return self.knocks[called]

    def refuses(self, aet: str, answer: Answer, reason: tuple[int, int, int] = (0, 0, 0)) -> None:
        """Plan a node that the cell cannot reach, and what it says to a knock."""
        self.answers[aet], self.knocks[aet] = False, Knock(answer, reason)

    def _answer(self, aet: str) -> bool:
        if aet not in self.answers:
            raise AssertionError(f"nobody planned a call to {aet}")
        answer = self.answers[aet]
        if isinstance(answer, Exception):
            raise answer
        return answer
