"""Having a cell do something to a whole study: send it, delete it. Bodies are made here, never by a client."""

from dataclasses import dataclass
from typing import Protocol

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.kernel.errors import Broken, Missing


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the cell is with a send. ``share`` 0 to 1; ``error_code`` and ``details`` as Orthanc gives them, else 0 and ""."""

    running: bool
    share: float
    images: int
    error_code: int
    details: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many images of a study are out of the archive; ``failing``: of how many that went wrong, so far.

    ``revision``: of the policy that archive and sealed files agree with.
    """

    images: int
    failing: int
    revision: int


class Work(Protocol):
    """What the archive room asks of cells. All raise Busy when the cell does not answer."""

    def send(self, cell: CellAddress, *, aet: str, orthanc_id: str) -> str:
        """Begin to send a study (C-STORE, PS3.4 annex B); return the cell's name for it. Missing: no such node or study."""

    def progress(self, cell: CellAddress, name: str) -> Progress:
        """Return how far a send is. Missing: the cell was restarted since, it keeps no jobs."""

    def cancel(self, cell: CellAddress, name: str) -> None:
        """Stop a send. Missing as above."""

    def delete_study(self, cell: CellAddress, orthanc_id: str) -> None:
        """Remove a study with its files. Missing: there is none."""

    def holds_study(self, cell: CellAddress, orthanc_id: str) -> bool:
        """Say whether the cell has anything of a study."""

    def sealed(self, cell: CellAddress, orthanc_id: str) -> Sealed:
        """Return what the cell keeps of a withheld study beside its archive."""

    def discard(self, cell: CellAddress, orthanc_id: str) -> None:
        """Remove that for good."""


class CellWork:
    """The same over HTTP."""

    def __init__(self, client: CellClient) -> None:
        self._client = client

    def send(self, cell: CellAddress, *, aet: str, orthanc_id: str) -> str:
        """Begin to send a study; not permissive: the first refused image ends it, and its reason is told."""
        body = {"Resources": [orthanc_id], "Asynchronous": True, "Permissive": False}
        answer: object = self._client.ask(cell, "POST", f"/modalities/{node_name(aet)}/store", body=body).json()
        if not isinstance(answer, dict) or not isinstance(answer.get("ID"), str):
            raise Broken(f"cell {cell.cell_id} began a send without naming it")
        return str(answer["ID"])

    def progress(self, cell: CellAddress, name: str) -> Progress:
        """Return how far a send is."""
        job = self._client.ask(cell, "GET", f"/jobs/{name}").json()
        details = " ".join(str(job.get(key) or "") for key in ("ErrorDescription", "ErrorDetails"))
        failed = job["State"] not in {"Success", "Running", "Pending", "Retry", "Paused"}
        return Progress(
            running=job["State"] in {"Running", "Pending", "Retry", "Paused"},
            share=job["Progress"] / 100,
            images=int(job["Content"].get("InstancesCount", 0)),
            error_code=int(job["ErrorCode"]) if failed else 0,
            details=details if failed else "",
        )

    def cancel(self, cell: CellAddress, name: str) -> None:
        """Stop a send."""
        self._client.ask(cell, "POST", f"/jobs/{name}/cancel", body={})

    def delete_study(self, cell: CellAddress, orthanc_id: str) -> None:
        """Remove a study with its files."""
        self._client.ask(cell, "DELETE", f"/studies/{orthanc_id}")

    def holds_study(self, cell: CellAddress, orthanc_id: str) -> bool:
        """Say whether the cell has anything of a study."""
        try:
            self._client.ask(cell, "GET", f"/studies/{orthanc_id}")
        except Missing:
            return False
        return True

    def sealed(self, cell: CellAddress, orthanc_id: str) -> Sealed:
        """Return what is sealed of a study."""
        told = self._client.ask(cell, "GET", f"/readingroom/sealed/{orthanc_id}").json()
        return Sealed(images=int(told["images"]), failing=int(told["failing"]), revision=int(told["revision"]))

    def discard(self, cell: CellAddress, orthanc_id: str) -> None:
        """Remove what is sealed of a study."""
        self._client.ask(cell, "DELETE", f"/readingroom/sealed/{orthanc_id}")


def node_name(aet: str) -> str:
    """Return the name of an AE title's entry in a cell: titles may hold characters that a path may not (``modalities.py``)."""
    return "ae-" + aet.encode().hex()
