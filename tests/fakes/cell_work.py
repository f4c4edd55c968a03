"""A cell at work: says what it was told to say and remembers what it was asked to do."""

from dataclasses import dataclass, field
from uuid import UUID

from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.cell_work import Progress, Sealed
from sidecar.kernel.errors import Broken, Busy, Missing


@dataclass
class FakeWork:
    """``held``: the studies it has. ``known``: the nodes it may send to. ``jobs``: how far each is, by its name.

    ``kept``: how many images of which study are sealed, by the policy of ``revision``; ``failing`` of them for good.
    """

    held: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    jobs: dict[str, Progress] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cells: set[UUID] = field(default_factory=set)
    kept: dict[str, int] = field(default_factory=dict)
    failing: int = 0
    revision: int = 2**31
    silent: bool = False
    forgetful: bool = False
    broken: bool = False

    def send(self, cell: CellAddress, *, aet: str, orthanc_id: str) -> str:
        self._ask(cell, f"send {orthanc_id} to {aet}")
        if aet not in self.known or orthanc_id not in self.held:
            raise Missing
        name = f"job-{len(self.jobs)}"
        self.jobs[name] = Progress(running=True, share=0.0, images=0, error_code=0, details="")
        return name

    def progress(self, cell: CellAddress, name: str) -> Progress:
        self._ask(cell, f"progress {name}")
        if name not in self.jobs:
            raise Missing
        return self.jobs[name]

    def cancel(self, cell: CellAddress, name: str) -> None:
        self._ask(cell, f"cancel {name}")
        self.jobs[name] = Progress(running=False, share=0.25, images=4, error_code=37, details="This job was canceled")

    def delete_study(self, cell: CellAddress, orthanc_id: str) -> None:
        self._ask(cell, f"delete {orthanc_id}")
        if orthanc_id not in self.held:
            raise Missing
        if not self.forgetful:
            self.held.remove(orthanc_id)

    def holds_study(self, cell: CellAddress, orthanc_id: str) -> bool:
        self._ask(cell, f"holds {orthanc_id}")
        return orthanc_id in self.held

    def sealed(self, cell: CellAddress, orthanc_id: str) -> Sealed:
        self._ask(cell, f"sealed {orthanc_id}")
        return Sealed(self.kept.get(orthanc_id, 0), self.failing, self.revision)

    def discard(self, cell: CellAddress, orthanc_id: str) -> None:
        self._ask(cell, f"discard {orthanc_id}")
        self.kept.pop(orthanc_id, None)

    def _ask(self, cell: CellAddress, what: str) -> None:
        self.asked.append(what)
        self.cells.add(cell.organisation_id)
        if self.silent:
            raise Busy("no answer")
        if self.broken:
            raise Broken("nonsense")
