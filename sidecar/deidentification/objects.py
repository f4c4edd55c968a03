"""A stored instance in, an anonymised file out. The preamble, the meta information and the padding are made anew.

Both are files: what is in memory is twice the pixels of one instance (three times while something is blacked out), however
many there are.
"""

from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import UID

from sidecar.deidentification import pixel_risk, pixels, residue
from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.model import BASIC_CODE, CLEAN_PIXELS_CODE, CODES, SHUT, Option, Rectangle, Risk

IMPLEMENTATION = UID("2.25.236847391056124780935514260871942035617")
"""Implementation Class UID (PS3.7 D.3.3.2) of files this room writes."""
DEFLATED = b"1.2.840.10008.1.2.1.99"
HEAD_BYTES = 1 << 16
BROKEN = (InvalidDicomError, BytesLengthException, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading somebody's broken file may raise."""


class Unreadable(Exception):  # noqa: N818 - said of the file
    """The bytes are no DICOM object that could be judged."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a person decided of this instance: it was looked at, and these rectangles go."""

    masks: tuple[Rectangle, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What an anonymised file is called now, or the reasons why a person must look first (then nothing was written)."""

    risks: frozenset[Risk]
    series: str = ""
    study: str = ""
    patient: str = ""


def make(stored: BinaryIO, target: BinaryIO, how: Deidentifier, *, hold_heads: bool, reviewed: Reviewed | None) -> Made:
    """Anonymise one instance into ``target``. What a person has reviewed is not held for the same reasons again."""
    with config.disable_value_validation():
        try:
            dataset = read(stored)
            risks = pixel_risk.of(dataset, hold_heads=hold_heads)
            if risks & SHUT or (risks and reviewed is None):
                return Made(risks)
            return _make(dataset, target, how, reviewed)
        except BROKEN as error:
            raise Unreadable from error


def read(stored: BinaryIO) -> Dataset:
    """Return the dataset of a file as stored (PS3.10); raise one of BROKEN.

    A deflated one (PS3.5 A.5) is not opened: a few bytes of it may unfold to any size.
    """
    if DEFLATED in stored.read(HEAD_BYTES):
        raise ValueError("deflated")
    stored.seek(0)
    dataset = dcmread(stored)
    dataset.file_meta.TransferSyntaxUID  # noqa: B018 - raises when it is missing: the bytes would have no meaning
    return dataset


def _make(dataset: Dataset, target: BinaryIO, how: Deidentifier, reviewed: Reviewed | None) -> Made:
    before = residue.Before.of(dataset, uids=Option.UIDS not in how.options)
    masks = reviewed.masks if reviewed else ()
    pixels.tidy(dataset)
    if masks:
        pixels.black_out(dataset, masks)
    how.clean(dataset)
    _stamp(dataset, how.options, looked_at=reviewed is not None, masked=bool(masks))
    _rewrite_meta(dataset)
    if reviewed is None and before.survives_in(dataset):
        return Made(frozenset({Risk.RESIDUE}))
    dataset.save_as(target, enforce_file_format=True)
    return Made(frozenset(), str(dataset.SeriesInstanceUID), str(dataset.StudyInstanceUID), str(dataset.PatientID))


def _stamp(dataset: Dataset, options: frozenset[Option], *, looked_at: bool, masked: bool) -> None:
    """Say in the object what was done to it (PS3.3 C.7.1.1, C.12.1, C.7.6.1.1.7)."""
    codes = [BASIC_CODE, *([CLEAN_PIXELS_CODE] if masked else []), *(CODES[option] for option in Option if option in options)]
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = ["PS3.15 E.1 table 2026c", *(meaning for _code, meaning in codes)]
    dataset.DeidentificationMethodCodeSequence = Sequence(_code(*each) for each in codes)
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if Option.MODIFIED_DATES in options else "REMOVED"
    if looked_at and "PixelData" in dataset:
        dataset.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _rewrite_meta(dataset: Any) -> None:
    """Replace preamble and file meta information: they name the sender, its software, and anything at all (PS3.10 7.1)."""
    syntax = dataset.file_meta.TransferSyntaxUID
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "READINGROOM"
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
