"""The paper: whose it is, what it says, who signed when and meaning what; in every script, and inert."""

import io
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader

from sidecar.instance import packages
from sidecar.kernel.settings import SettingsError
from sidecar.reports import lettering, pdf, rules
from tests.unit.reports.samples import signed

LONG = "\n\n".join(f"Finding number {number}: nothing of note." for number in range(120))


def pages(**patient: str) -> list[str]:
    content = signed(**patient)
    document = PdfReader(io.BytesIO(pdf.render(content, rules.content_hash(content))))
    return [page.extract_text() for page in document.pages]


def test_names_in_several_scripts_are_there_to_read_and_to_copy() -> None:
    names = {
        "Nováková^Zdeňka": "Nováková, Zdeňka",
        "Sokolova^Marina=Соколова^Марина": "Соколова Марина",
        "Papadopoulou^Eleni=Παπαδοπούλου^Ελένη": "Παπαδοπούλου Ελένη",
        "Sato^Haruka=佐藤^遥": "佐藤 遥",
        "Wang^Xiaodong=王^小东": "王 小东",
        "Kim^Minji=金^玟志": "金 玟志",
        "김^민지": "김, 민지",
    }
    for name, shown in names.items():
        assert shown in pages(PatientName=name)[0], name


def test_right_to_left_names_are_joined_and_turned() -> None:
    text = pages(PatientName="Haddad^Yousef=حداد^يوسف")[0]
    drawn = next(line for line in text.splitlines() if "Haddad" in line)
    assert "ﺣﺪﺍﺩ" in drawn or "ﺩﺍﺪﺣ" in drawn  # joined forms; extractors differ in the order they report
    assert "حداد" in unicodedata.normalize("NFKC", drawn) or "دادح" in unicodedata.normalize("NFKC", drawn)


def test_signature_block() -> None:
    """Control D03: printed name, UTC date-time and meaning; the hash binds them (D05)."""
    content = signed()
    text = pages()[0]
    assert "Dr. Zoë Okafor" in text
    assert "Author of this final report" in text
    assert "2026-11-21 20:04:07 UTC (2026-11-21 21:04:07 CET, Europe/Amsterdam)" in text
    assert rules.content_hash(content) in text
    assert content["report"]["id"] in text


def test_letterhead_identification_and_sections() -> None:
    text = pages()[0]
    for part in (
        "Night Owls Radiology",
        "12 Harbour Street",
        "Mercy Hospital",
        "100234",
        "1957-03-14",
        "A-17",
        "214 in 3 series",
    ):
        assert part in text
    assert "Findings\nLungs are clear." in text
    assert "Recommendation" not in text  # an empty section is not printed


def test_the_patient_is_on_every_page_and_pages_are_counted() -> None:
    content = signed({"findings": LONG, "impression": "Normal."})
    document = PdfReader(io.BytesIO(pdf.render(content, rules.content_hash(content))))
    texts = [page.extract_text() for page in document.pages]
    assert len(texts) > 2
    for number, text in enumerate(texts, start=1):
        assert "Nováková, Zdeňka" in text
        assert "ID 100234" in text
        assert f"Page {number} of {len(texts)}" in text
    assert all(f"Finding number {number}:" in "".join(texts) for number in range(120))


def test_the_same_content_gives_the_same_bytes_and_another_does_not() -> None:
    content = signed()
    assert pdf.render(content, "h") == pdf.render(content, "h")
    assert pdf.render(content, "h") != pdf.render(signed(PatientID="100235"), "h")


def test_markup_is_only_text() -> None:
    nasty = "<b>bold</b> & <img src=x> {{ 7*7 }} ${x} %(y)s </para><para>"
    content = signed({"findings": nasty, "impression": "x"})
    text = PdfReader(io.BytesIO(pdf.render(content, "h"))).pages[0].extract_text()
    assert nasty.replace(" ", "") in text.replace("\n", "").replace(" ", "")


def test_what_no_font_draws_is_printed_by_its_number_and_nothing_hides() -> None:
    assert lettering.printable("a\u0915b") == "a[U+0915]b"
    assert lettering.printable("x\u202ey") == "x[U+202E]y"
    assert lettering.printable("soft\u00adhyphen\u200b") == "softhyphen"
    assert lettering.printable("\U0001f600") == "[U+1F600]"


def test_no_line_is_wider_than_its_room() -> None:
    for text in ("word " * 80, "x" * 400, "漢字" * 100, "ab 漢字 cd " * 40):
        lines = lettering.wrap(text, "regular", 10, 200)
        assert all(lettering.width(line, "regular", 10) <= 200 for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_every_fonts_package_is_installed_natively_and_in_the_image() -> None:
    image = (Path(__file__).parents[3] / "Dockerfile.sidecar").read_text()
    for _file, package in lettering.FONTS.values():
        assert package in image
        assert package in {each.name for each in packages.RUNTIME}


def test_a_missing_font_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lettering, "FONT_ROOTS", (tmp_path,))
    with pytest.raises(SettingsError, match="apt-get install fonts-dejavu-core"):
        lettering.load.__wrapped__()
