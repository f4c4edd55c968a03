"""What came by STOW-RS, instance by instance into the caller's own cell, with a result for each (PS3.18 §10.5, annex I).

Whose it is, is never in the file: it is the cell's owner's. One instance at a time is on disk, none in memory.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import BinaryIO

from werkzeug.exceptions import ClientDisconnected

from sidecar.adapters.cell_client import CellAddress, Cells, Kept
from sidecar.dicomweb.answers import Dataset
from sidecar.dicomweb.multipart import Part
from sidecar.dicomweb.part10 import DEFLATED, TRANSFER_SYNTAX, Identity, Unreadable, identify, pass_meta
from sidecar.kernel.errors import Busy, Invalid

LARGEST_INSTANCE = 256 * 1024 * 1024
"""Bytes; what the cell takes in one request (MaximumRequestBodySizeMB in orthanc.json)."""
MOST_PARTS = 20_000
PIECE = 1024 * 1024
DICOM = "application/dicom"
DICOMDIR = "1.2.840.10008.1.3.10"


class Reason(IntEnum):
    """Failure Reason (0008,1197), table I.2-2 and PS3.7 annex C."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORISED = 0x0124
    OUT_OF_RESOURCES = 0xA700
    TOO_LARGE = 0xA701
    MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122


OUTCOMES = {
    Kept.FULL: Reason.OUT_OF_RESOURCES,
    Kept.NOT_UNDERSTOOD: Reason.CANNOT_UNDERSTAND,
    Kept.REFUSED: Reason.NOT_AUTHORISED,
    Kept.FAILED: Reason.PROCESSING_FAILURE,
}


@dataclass(slots=True)
class Result:
    """What became of each part. ``unnamed``: failures of parts that do not say which instance they are."""

    stored: list[Identity] = field(default_factory=list)
    failed: list[tuple[Identity, Reason]] = field(default_factory=list)
    unnamed: list[Reason] = field(default_factory=list)
    broken: str = ""
    """Why the rest of the body was not read, "" if it was."""
    silent: bool = False
    """Whether the cell did not answer."""

    @property
    def failures(self) -> int:
        """How many parts were not stored."""
        return len(self.failed) + len(self.unnamed)

    @property
    def status(self) -> int:
        """The HTTP status (table 10.5.3-1)."""
        reasons = {reason for _, reason in self.failed} | set(self.unnamed)
        if self.stored:
            return 202 if reasons or self.broken else 200
        if self.silent:
            return 503
        if reasons == {Reason.TOO_LARGE} and not self.broken:
            return 413
        return 409 if reasons and not self.broken else 400

    def module(self, root: str) -> Dataset:
        """Return the Store Instances Response Module (table I.1-1). ``root`` is the caller's DICOMweb root."""
        studies = {each.study for each in self.stored}
        module: Dataset = {"00081190": {"vr": "UR"}}
        if len(studies) == 1:
            module["00081190"]["Value"] = [f"{root}/studies/{studies.pop()}"]
        if self.failed:
            items = [_reference(each) | {"00081197": _us(reason)} for each, reason in self.failed]
            module["00081198"] = {"vr": "SQ", "Value": items}
        if self.stored:
            items = [_reference(each) | {"00081190": _url(root, each)} for each in self.stored]
            module["00081199"] = {"vr": "SQ", "Value": items}
        if self.unnamed:
            module["0008119A"] = {"vr": "SQ", "Value": [{"00081197": _us(reason)} for reason in self.unnamed]}
        return dict(sorted(module.items()))


class _Failed(Exception):  # noqa: N818 - says what happened
    def __init__(self, reason: Reason, identity: Identity | None = None) -> None:
        super().__init__(reason.name)
        self.reason, self.identity = reason, identity


def take(parts: Iterable[Part], cells: Cells, cell: CellAddress, *, study_uid: str = "") -> Result:
    """Store part after part; with ``study_uid`` only instances of that study. Whatever breaks off, the result is complete."""
    result = Result()
    try:
        for number, part in enumerate(parts):
            if number >= MOST_PARTS:
                result.broken = f"More than {MOST_PARTS} parts in one request."
                result.unnamed.append(Reason.OUT_OF_RESOURCES)
                break
            _take_one(part, cells, cell, study_uid, result)
    except (Invalid, ClientDisconnected) as error:
        result.broken = error.message if isinstance(error, Invalid) else "The connection was closed."
        if result.stored or result.failures:
            result.unnamed.append(Reason.PROCESSING_FAILURE)
    else:
        if not result.stored and not result.failures:
            result.broken = "There is no part in it."
    return result


def _take_one(part: Part, cells: Cells, cell: CellAddress, study_uid: str, result: Result) -> None:
    with tempfile.TemporaryFile() as file:
        try:
            size = _spool(part, file)
            identity = _identify(file, study_uid)
            if not result.silent:
                _keep(cells, cell, file, size, identity)
        except _Failed as failed:
            if failed.identity is None:
                result.unnamed.append(failed.reason)
            else:
                result.failed.append((failed.identity, failed.reason))
            return
        except Busy:
            result.silent = True
        if result.silent:  # the others would wait for the same cell: they are read and reported, not tried
            result.failed.append((identity, Reason.PROCESSING_FAILURE))
        else:
            result.stored.append(identity)


def _spool(part: Part, file: BinaryIO) -> int:
    """Write the part to disk and return its size; what is too large is not written further."""
    if part.content_type and part.content_type.partition(";")[0].strip().lower() != DICOM:
        raise _Failed(Reason.CANNOT_UNDERSTAND)
    size = 0
    for piece in part.pieces:
        size += len(piece)
        if size > LARGEST_INSTANCE:
            raise _Failed(Reason.TOO_LARGE, _known(file))
        file.write(piece)
    return size


def _known(file: BinaryIO) -> Identity | None:
    try:
        return identify(file)
    except Unreadable:
        return None


def _identify(file: BinaryIO, study_uid: str) -> Identity:
    try:
        identity = identify(file)
    except Unreadable as error:
        raise _Failed(Reason.CANNOT_UNDERSTAND) from error
    if identity.transfer_syntax == DEFLATED:  # to look into it is to inflate it, to whatever size it likes
        raise _Failed(Reason.TRANSFER_SYNTAX_NOT_SUPPORTED, identity if identity.sop_instance else None)
    if identity.sop_class == DICOMDIR:
        raise _Failed(Reason.SOP_CLASS_NOT_SUPPORTED, identity)
    meta = (identity.meta_sop_class or identity.sop_class, identity.meta_sop_instance or identity.sop_instance)
    if meta != (identity.sop_class, identity.sop_instance) or study_uid not in {"", identity.study}:
        raise _Failed(Reason.MISMATCH, identity)
    return identity


def _keep(cells: Cells, cell: CellAddress, file: BinaryIO, size: int, identity: Identity) -> None:
    file.seek(0)
    kept, orthanc_id = cells.store(cell, file, size)
    if kept in OUTCOMES:
        raise _Failed(OUTCOMES[kept], identity)
    if kept is Kept.KNOWN and not _is_kept(cells, cell, file, orthanc_id):
        raise _Failed(Reason.DUPLICATE_SOP_INSTANCE, identity)


def _is_kept(cells: Cells, cell: CellAddress, file: BinaryIO, orthanc_id: str) -> bool:
    """Say whether what the cell keeps under the same UIDs is the same data set: the first one stays, and a sender must know.

    The file meta information (PS3.10 §7.1) is not compared: it tells who wrote the file.
    """
    with tempfile.TemporaryFile() as kept:
        cells.instance(cell, orthanc_id, kept)
        if pass_meta(kept)[TRANSFER_SYNTAX] != pass_meta(file)[TRANSFER_SYNTAX]:
            return False
        while piece := kept.read(PIECE):
            if piece != file.read(PIECE):
                return False
        return not file.read(1)


def _reference(identity: Identity) -> dict[str, dict[str, object]]:
    return {
        "00081150": {"vr": "UI", "Value": [identity.sop_class]},
        "00081155": {"vr": "UI", "Value": [identity.sop_instance]},
    }


def _us(reason: Reason) -> dict[str, object]:
    return {"vr": "US", "Value": [int(reason)]}


def _url(root: str, identity: Identity) -> dict[str, object]:
    path = f"studies/{identity.study}/series/{identity.series}/instances/{identity.sop_instance}"
    return {"vr": "UR", "Value": [f"{root}/{path}"]}
