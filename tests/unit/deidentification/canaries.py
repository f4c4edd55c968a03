"""Objects with something to betray in every attribute of table E.1-1, at two depths, and in private blocks."""

from datetime import date, timedelta
from io import BytesIO

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from sidecar.deidentification import objects
from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.profile import rows
from sidecar.deidentification.safe_private import SAFE

FIRST_DAY = date(1901, 1, 1)
CT = "1.2.840.10008.5.1.4.1.1.2"
TEXT = {"LO", "SH", "LT", "ST", "UT", "UC", "CS", "AE"}


def planted(vr: str, tag: int, number: int) -> object | None:
    """Return a value of this representation that occurs nowhere else; None where there is no room for one."""
    name = f"ZQ{tag:08X}"
    day = (FIRST_DAY + timedelta(days=number)).strftime("%Y%m%d")
    if vr in TEXT:
        return name
    values: dict[str, object] = {
        "PN": f"{name}^{name}X", "UI": f"1.9.77.{tag}.1", "DA": day, "DT": f"{day}101112", "TM": f"101112.{number:06d}",
        "UR": f"http://{name}.example", "DS": f"77.{tag}"[:16], "IS": str(tag % 2**31), "OB": name.encode(), "UN": name.encode(),
        "OW": name.encode(),
    }  # fmt: skip
    return values.get(vr)


def traces(value: object) -> list[bytes]:
    """Return the bytes by which a planted value is known again."""
    if isinstance(value, bytes):
        return [value]
    text = str(value)
    return [text.partition("^")[0].encode() if "^" in text else text[:8].encode() if text[8:] == "101112" else text.encode()]


def full(*, depth: int = 1) -> tuple[Dataset, dict[int, object]]:
    """Return a CT object with all attributes of the table, and what was planted where."""
    dataset, secrets = Dataset(), {}
    for number, tag in enumerate(sorted(rows())):
        if tag >> 16 in {0, 2, 4, 0xFFFC} or not keyword_for_tag(tag):
            continue
        vr = dictionary_VR(tag).split(" or ")[0]
        if vr == "SQ":
            dataset.add_new(tag, "SQ", [_item(tag)] if depth else [])
        elif (value := planted(vr, tag, number)) is not None:
            dataset.add_new(tag, vr, value)
            secrets[tag] = value
    dataset.SOPClassUID = CT
    _private(dataset)
    if depth:
        dataset.SharedFunctionalGroupsSequence = Sequence([full(depth=0)[0]])
    return dataset, secrets


def _item(tag: int) -> Dataset:
    """Return an item with a bit of everything, known to the table and not."""
    item = Dataset()
    item.PatientName = item.ReviewerName = f"ZQITEM{tag:08X}"
    item.CodeMeaning = "Meaning"
    item.ReferencedSOPInstanceUID = f"1.9.78.{tag}"
    item.StudyDate = "19010101"
    item.TextValue = f"ZQITEM{tag:08X}"
    item.add_new(0x00291001, "LO", "ZQPRIVATEITEM")
    return item


def _private(dataset: Dataset) -> None:
    block = dataset.private_block(0x0029, "ZQ PRIVATE HEADER", create=True)
    block.add_new(0x10, "OB", b"ZQPRIVATEBYTES")
    block.add_new(0x11, "LO", "ZQPRIVATETEXT")
    for creator, group, element in SAFE:
        dataset.private_block(group, creator, create=True).add_new(element, "DS", "42.5")
        dataset.private_block(group, creator, create=True).add_new(0xFE, "LO", "ZQPRIVATENEIGHBOUR")
    dataset.private_block(0x7053, "Philips PET Private Group").add_new(0x00, "DS", "1.5")
    dataset.add_new(0x00111001, "LO", "ZQORPHAN")
    dataset.add_new(0x60000010, "US", 4)
    dataset.add_new(0x60003000, "OB", b"ZQOVERLAY!")
    dataset.add_new(0x60004000, "LT", "ZQOVERLAYTEXT")
    dataset.add_new(0x50000005, "US", 4)
    dataset.add_new(0x50003000, "OB", b"ZQCURVE!")
    dataset.add_new(0xFFFCFFFC, "OB", b"ZQPADDING!")


def make(original: bytes, how: Deidentifier) -> tuple[bytes, objects.Made]:
    """Return the file made of one that a person has released."""
    target = BytesIO()
    made = objects.make(BytesIO(original), target, how, hold_heads=False, reviewed=objects.Reviewed())
    return target.getvalue(), made


def stored(dataset: Dataset) -> bytes:
    """Return the file a cell would keep, its preamble and meta information telling too."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "ZQSOURCE"
    meta.PrivateInformationCreatorUID = "1.9.77.1"
    meta.PrivateInformation = b"ZQMETA"
    dataset.file_meta = meta
    dataset.preamble = b"ZQPREAMBLE".ljust(128, b"\0")
    target = BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()
