"""Writing one export: each instance is fetched, judged, anonymised and added to the ZIP before the next one is fetched.

Either everything is decided and the file is whole, or somebody must look first and there is no file: it is made from the
start afterwards, so nothing half done is kept and a worker that dies costs only time.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO, Protocol
from uuid import UUID

import structlog
from sqlalchemy import and_, delete, select, update

from sidecar.adapters.cell_client import CellAddress, Unable
from sidecar.adapters.seals import Seal
from sidecar.deidentification import service
from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.model import CODES, Decision, ExportState, Option, Rectangle, Risk
from sidecar.deidentification.objects import Made, Reviewed, Unreadable, make
from sidecar.deidentification.pixels import Unmaskable
from sidecar.deidentification.pseudonyms import Pseudonyms
from sidecar.deidentification.store import ExportStore
from sidecar.deidentification.tables import Export, ExportedStudy, HeldInstance, Project
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Missing
from sidecar.kernel.settings import Settings
from sidecar.studies.cells import cell_of
from sidecar.studies.tables import Instance, Series, Study
from sidecar.vault import service as vault

LOG = structlog.get_logger("deidentification")
LEASE = timedelta(minutes=10)
"""A worker that says nothing for so long is taken for dead."""
SAID_EVERY = timedelta(seconds=1)
PIECE_BYTES = 1 << 20
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
"""Of all entries: the real one would say when."""


class InstanceSource(Protocol):
    """What the worker asks of a cell."""

    def instance(self, cell: CellAddress, orthanc_id: str, target: BinaryIO, *, transcode: str = "") -> None:
        """Write one stored file into ``target``; Missing when it is gone, Busy when the cell does not answer."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One instance to write: where it is from, its numbers in the ZIP, and what was decided of it."""

    orthanc_id: str
    study_id: UUID
    series_id: UUID
    study_number: int
    series_number: int
    decision: str
    masks: tuple[Rectangle, ...]


@dataclass(slots=True)
class Writer:
    """One export under work."""

    scopes: Scopes
    cells: InstanceSource
    organisation_id: UUID
    export_id: UUID
    settings: Settings
    seal: Seal
    store: ExportStore
    done: int = 0
    left_out: int = 0
    held: list[HeldInstance] = field(default_factory=list)

    def write(self) -> None:
        """Write the file, or note what is held. Raises Busy when the cell does not answer."""
        export, how, pieces, cell = self._plan()
        said = self.scopes.clock()
        path = self.store.begin(self.organisation_id, self.export_id)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
            for number, piece in enumerate(pieces, start=1):
                self._one(target, number, piece, how, cell, hold_heads=export.hold_heads)
                if self.scopes.clock() - said >= SAID_EVERY:
                    said = self.scopes.clock()
                    if not self._say(total=len(pieces)):
                        break
            _entry(target, "README.txt", BytesIO(_words(how.options, self.done, self.left_out).encode()))
        self._end(len(pieces))

    def _plan(self) -> tuple[Export, Deidentifier, list[Piece], CellAddress]:
        with self.scopes.open(system_actor(self.organisation_id)) as scope:
            export = scope.session.scalars(select(Export).where(Export.id == self.export_id)).one()
            project = scope.session.scalars(select(Project).where(Project.id == export.project_id)).one()
            place = service.project_key_place(project.id)
            key = vault.open_sealed(scope, self.seal, self.organisation_id, project.key_sealed, place=place)
            how = Deidentifier(frozenset(Option(each) for each in export.options), Pseudonyms(key))
            rows = scope.session.execute(
                select(Instance, ExportedStudy.position, HeldInstance)
                .join(ExportedStudy, ExportedStudy.study_id == Instance.study_id)
                .join(Study, and_(Study.organisation_id == Instance.organisation_id, Study.id == Instance.study_id))
                .join(Series, and_(Series.organisation_id == Instance.organisation_id, Series.id == Instance.series_id))
                .outerjoin(
                    HeldInstance,
                    and_(HeldInstance.export_id == self.export_id, HeldInstance.orthanc_id == Instance.orthanc_id),
                )
                .where(ExportedStudy.export_id == self.export_id, Study.deleted_at.is_(None))
                .order_by(ExportedStudy.position, Series.series_number, Series.id, Instance.instance_number, Instance.orthanc_id)
            ).all()
            return export, how, _numbered(rows), cell_of(scope, self.organisation_id, host=self.settings.cell_host)

    def _one(  # noqa: PLR0913 - one instance and all that is decided of it
        self, target: zipfile.ZipFile, number: int, piece: Piece, how: Deidentifier, cell: CellAddress, *, hold_heads: bool
    ) -> None:
        if piece.decision == Decision.DROP:
            self.left_out += 1
            return
        directory = self.store.path(self.organisation_id, self.export_id).parent
        with tempfile.TemporaryFile(dir=directory) as stored, tempfile.TemporaryFile(dir=directory) as clean:
            try:
                made = self._make(piece, stored, clean, how, cell, hold_heads=hold_heads)
            except Missing:
                self.left_out += 1  # deleted meanwhile
                return
            if made.risks:
                self._hold(piece, made.risks)
                return
            name = f"{made.patient}/study-{piece.study_number:03}/series-{piece.series_number:03}/{number:06}.dcm"
            clean.seek(0)
            _entry(target, name, clean)
        self.done += 1

    def _make(  # noqa: PLR0913 - one instance and all that is decided of it
        self, piece: Piece, stored: BinaryIO, clean: BinaryIO, how: Deidentifier, cell: CellAddress, *, hold_heads: bool
    ) -> Made:
        reviewed = Reviewed(piece.masks) if piece.decision else None
        try:
            self._fetch(piece, cell, stored)
            stored.seek(0)
            return make(stored, clean, how, hold_heads=hold_heads, reviewed=reviewed)
        except (Unreadable, Unmaskable):
            return Made(frozenset({Risk.UNREADABLE}))

    def _fetch(self, piece: Piece, cell: CellAddress, target: BinaryIO) -> None:
        """Get the file; uncompressed where something must be blacked out and the cell can undo the compression."""
        if piece.masks:
            try:
                self.cells.instance(cell, piece.orthanc_id, target, transcode=EXPLICIT_LITTLE)
            except Unable:
                target.seek(0)
                target.truncate()
                LOG.info("cell could not undo the compression", cell=str(cell.cell_id), instance=piece.orthanc_id)
            else:
                return
        self.cells.instance(cell, piece.orthanc_id, target)

    def _hold(self, piece: Piece, risks: frozenset[Risk]) -> None:
        self.held.append(
            HeldInstance(
                organisation_id=self.organisation_id, export_id=self.export_id, orthanc_id=piece.orthanc_id,
                study_id=piece.study_id, series_id=piece.series_id, risks=sorted(risks), decision="", masks=[],
            )
        )  # fmt: skip

    def _say(self, *, total: int) -> bool:
        """Tell how far it is; False when nobody wants it any more."""
        with self.scopes.open(system_actor(self.organisation_id)) as scope:
            progress = update(Export).where(Export.id == self.export_id, Export.state == ExportState.WORKING)
            numbers = {"done": self.done, "left_out": self.left_out, "total": total, "next_at": scope.now + LEASE}
            return scope.session.execute(progress.values(**numbers).returning(Export.id)).one_or_none() is not None

    def _end(self, total: int) -> None:
        path = self.store.path(self.organisation_id, self.export_id)
        state = ExportState.HELD if self.held else ExportState.READY
        with self.scopes.open(system_actor(self.organisation_id)) as scope:
            facts: dict[str, object] = {"done": self.done, "left_out": self.left_out, "total": total, "problem": ""}
            if state is ExportState.READY:
                life = timedelta(days=self.settings.export_days)
                facts |= {"finished_at": scope.now, "expires_at": scope.now + life, "size_bytes": path.stat().st_size}
            for each in self.held:  # an image that was decided and is held again, for another reason, is asked for anew
                same = (HeldInstance.export_id == self.export_id, HeldInstance.orthanc_id == each.orthanc_id)
                scope.session.execute(delete(HeldInstance).where(*same))
            scope.session.add_all(self.held)
            scope.session.flush()
            finished = service.finish(scope, self.export_id, state, **facts)
        if not finished or self.held:
            self.store.remove(self.organisation_id, self.export_id)


def _numbered(rows: Sequence[Any]) -> list[Piece]:
    """Return what is to be written, series numbered from 1 within their study."""
    pieces: list[Piece] = []
    numbers: dict[UUID, dict[UUID, int]] = {}
    for instance, position, held in rows:
        series = numbers.setdefault(instance.study_id, {})
        number = series.setdefault(instance.series_id, len(series) + 1)
        masks = tuple(Rectangle(*each) for each in held.masks) if held else ()
        decision = held.decision if held else ""
        pieces.append(Piece(instance.orthanc_id, instance.study_id, instance.series_id, position, number, decision, masks))
    return pieces


def _entry(target: zipfile.ZipFile, name: str, content: BinaryIO) -> None:
    entry = zipfile.ZipInfo(name, FIXED_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    with target.open(entry, "w", force_zip64=True) as written:
        shutil.copyfileobj(content, written, PIECE_BYTES)


def _words(options: frozenset[Option], images: int, left_out: int) -> str:
    """Return what the recipient should know."""
    chosen = [f"  DCM {code}  {meaning}" for option, (code, meaning) in CODES.items() if option in options]
    return "\n".join(
        [
            "Anonymised by DICOM PS3.15 annex E, table E.1-1 (2026c), Basic Application Level Confidentiality Profile,",
            "with these options:" if chosen else "without options.",
            *chosen,
            "",
            f"{images} objects; {left_out} were left out.",
            "Patients, studies, series and objects bear pseudonyms that are the same in every export for this project.",
            "",
        ]
    )
