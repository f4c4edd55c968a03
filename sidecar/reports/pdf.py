"""The signed report on paper: letterhead, identification, sections, signature, addenda. Made only from what was signed.

Text is inert: it is drawn as it stands, nothing in it is markup. Not done: PDF/A, paper other than A4.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sidecar.reports import lettering, rules
from sidecar.reports.model import ADDENDUM_MEANING_WORDS, MEANING_WORDS, PURPOSE_NAMES, SECTIONS, Content, Meaning, Standing
from sidecar.reports.paper import BOTTOM, MARGIN, PAGE_HEIGHT, ROOM, Draw, Sheets, Style, line_drawer
from sidecar.ui import words

HOUSE = Style("bold", 14, 19)
TITLE = Style("bold", 13, 20)
HEADING = Style("bold", 9, 14)
BODY = Style("regular", 10, 15)
STRONG = Style("bold", 10, 15)
SMALL = Style("regular", 8, 11.5, 0.3)
MONO = Style("mono", 7.5, 11.5, 0.2)
COLUMN = ROOM / 2 - 8
SIGNED = 130.0
"""Points that a signature takes."""
SEX = {"M": "male", "F": "female", "O": "other"}
DA_LENGTH = 8


def render(content: Content, content_hash: str) -> bytes:
    """Return the PDF of a signed content, the same bytes each time. ``content`` as ``rules.sign_content`` made it."""
    sheets = Sheets()
    _letterhead(sheets, content["reading_organisation"])
    _flag(sheets, content)
    _identification(sheets, content)
    for section in SECTIONS:
        if content["sections"][section].strip():
            _section(sheets, section.capitalize(), content["sections"][section].strip())
    _signature(sheets, content, rules.original_signature(content), MEANING_WORDS)
    for number, each in enumerate(content.get("addenda", ()), start=1):
        sheets.space(14)
        whole = TITLE.leading + sheets.height(each["text"].strip(), BODY) + SIGNED
        sheets.need(min(whole, PAGE_HEIGHT / 2))  # a short addendum and its signature stay on one page
        _section(sheets, f"{PURPOSE_NAMES[each['purpose']]} {number}", each["text"].strip(), heading_style=TITLE)
        _signature(sheets, content, each["signature"], ADDENDUM_MEANING_WORDS)
    _version(sheets, content, content_hash)
    return sheets.pdf(
        title="Radiology report",
        subject=f"Content SHA-256 {content_hash}",
        frame=lambda page, pages: _frame(content, page, pages),
    )


def _letterhead(sheets: Sheets, reader: dict[str, Any]) -> None:
    sheets.text(reader["name"], HOUSE)
    if reader["letterhead"].strip():
        sheets.text(reader["letterhead"].strip(), SMALL)
    sheets.space(8)
    sheets.rule()
    sheets.space(8)
    sheets.text("Radiology report", TITLE)


def _identification(sheets: Sheets, content: Content) -> None:
    patient, study = content["patient"], content["study"]
    images, series = study["NumberOfStudyRelatedInstances"], study["NumberOfStudyRelatedSeries"]
    left = [
        ("Patient", words.dicom_name(patient["PatientName"])),
        ("Patient ID", patient["PatientID"]),
        ("Born", day(patient["PatientBirthDate"])),
        ("Sex", SEX.get(patient["PatientSex"], patient["PatientSex"])),
        ("For", content["organisation"]["name"]),
    ]
    right = [
        ("Examination", " · ".join(filter(None, ["/".join(study["ModalitiesInStudy"]), study["StudyDescription"]]))),
        ("Date", " ".join(filter(None, [day(study["StudyDate"]), clock(study["StudyTime"])]))),
        ("Accession", study["AccessionNumber"]),
        ("Referred by", words.dicom_name(study["ReferringPhysicianName"]) if study["ReferringPhysicianName"] else ""),
        ("Images", f"{images} in {series} series"),
    ]
    start = sheets.y
    ends = []
    for x, facts in ((MARGIN, left), (MARGIN + COLUMN + 16, right)):
        sheets.y = start
        for label, value in facts:
            _fact(sheets, label, value or "not given", x=x)
        ends.append(sheets.y)
    sheets.y = min(ends) - 4
    sheets.text(f"Study Instance UID {study['StudyInstanceUID']}", SMALL)
    sheets.space(8)
    sheets.rule()


def _fact(sheets: Sheets, label: str, value: str, *, x: float) -> None:
    sheets.pages[-1].append(line_drawer(label, SMALL, x=x, y=sheets.y - BODY.leading))
    style = STRONG if label == "Patient" else BODY
    sheets.text(value, style, x=x + 64, room=COLUMN - 64)


def _section(sheets: Sheets, heading: str, text: str, *, heading_style: Style = HEADING) -> None:
    sheets.space(10)
    sheets.need(heading_style.leading + 2 * BODY.leading)  # a heading never stands alone at the foot of a page
    sheets.text(heading, heading_style)
    sheets.text(text, BODY)


def _flag(sheets: Sheets, content: Content) -> None:
    """Say at the top what was added after signing, and by whom: nobody reads the first page alone and misses it."""
    addenda = content.get("addenda", [])
    if not addenda:
        return
    corrected = rules.standing(content) is Standing.CORRECTED
    count = "an addendum" if len(addenda) == 1 else f"{len(addenda)} addenda"
    told = "This report was corrected after it was signed." if corrected else f"This report has {count}."
    sheets.text(f"{told} Read on below its original text:", STRONG)
    for number, each in enumerate(addenda, start=1):
        at = datetime.fromisoformat(each["signature"]["signed_at"]).astimezone(UTC)
        who = each["signature"]["signer_name"]
        sheets.text(f"{PURPOSE_NAMES[each['purpose']]} {number} of {at:%Y-%m-%d %H:%M} UTC by {who}", BODY)
    sheets.space(6)
    sheets.rule(0)
    sheets.space(8)


def _signature(sheets: Sheets, content: Content, signature: dict[str, str], words_of: dict[Meaning, str]) -> None:
    at = datetime.fromisoformat(signature["signed_at"]).astimezone(UTC)
    zone = ZoneInfo(content["reading_organisation"]["zone"])
    sheets.need(SIGNED)  # printed name, time, meaning and hash stay together (21 CFR 11.50)
    sheets.space(20)
    sheets.rule()
    sheets.space(6)
    sheets.text("Electronically signed by", SMALL)
    sheets.text(signature["signer_name"], STRONG)
    sheets.text(words_of[Meaning(signature["meaning"])], BODY)
    sheets.text(f"{at:%Y-%m-%d %H:%M:%S} UTC ({at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}, {zone.key})", BODY)


def _version(sheets: Sheets, content: Content, content_hash: str) -> None:
    sheets.space(4)
    sheets.text(f"Report {content['report']['id']}, version {content['report']['version']}", MONO)
    sheets.text(f"Content SHA-256 {content_hash}", MONO)


def _frame(content: Content, page: int, pages: int) -> list[Draw]:
    """Return head and foot: whose report this is on every page, and how many pages belong together."""
    patient = content["patient"]
    who = [words.dicom_name(patient["PatientName"]), f"ID {patient['PatientID']}", f"born {day(patient['PatientBirthDate'])}"]
    line = " · ".join([*who, f"Accession {content['study']['AccessionNumber'] or 'not given'}"])
    number = f"Page {page} of {pages}"
    foot = BOTTOM - 26
    drawn = [
        line_drawer(_cut(line, ROOM - 90), SMALL, x=MARGIN, y=foot),
        line_drawer(number, SMALL, x=MARGIN, y=foot, from_right=True),
    ]
    if page > 1:
        head = PAGE_HEIGHT - MARGIN
        house = f"{content['reading_organisation']['name']} · Radiology report"
        drawn += [
            line_drawer(_cut(house, ROOM), SMALL, x=MARGIN, y=head),
            line_drawer(_cut(line, ROOM), SMALL, x=MARGIN, y=head - 12),
        ]
    return drawn


def _cut(line: str, room: float) -> str:
    """Return as much of a line as fits; the full identification stands on the first page."""
    pieces = lettering.wrap(lettering.printable(line), SMALL.face, SMALL.size, room)
    return pieces[0] if len(pieces) == 1 else pieces[0] + " …"


def day(value: str) -> str:
    """Return a DICOM DA (PS3.5 §6.2) as 1957-03-14; any other value as it came, "not given" for none."""
    if len(value) == DA_LENGTH and value.isdigit():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value or "not given"


def clock(value: str) -> str:
    """Return a DICOM TM (PS3.5 §6.2) as 21:04; "" when absent or malformed."""
    return f"{value[:2]}:{value[2:4]}" if value[:4].isdigit() and len(value) >= 4 else ""  # noqa: PLR2004
