"""What is handed over for spreadsheets holds text only: an AE title is chosen by whoever calls, a name by its owner."""

import pytest

from sidecar.audit.formats import cell


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_begins_as_a_formula_whatever_the_spreadsheet_takes_for_the_end_of_one(sign: str) -> None:
    """Where the comma is the decimal sign, a semicolon ends a cell; in Japan a wide sign begins a formula too."""
    formula = f"{sign}cmd|' /c'!A"
    assert cell(formula) == f"'{formula}"
    assert cell(f"\t{formula}") == f"'\t{formula}"
    assert cell(f"refused X;{formula} from 10.1.2.3") == f"refused X;'{formula} from 10.1.2.3"
    assert cell(f'refused X; "{formula}') == f"""refused X; "'{formula}"""
    assert cell(f"a line\r\n{formula}") == f"a line\r\n'{formula}"


def test_other_text_and_numbers_stay() -> None:
    for text in ("CT-7 = CT7", "nora@nightowls.example", "10.1.2.3/32, 10.1.2.4/32; two networks", "a; b-c", ""):
        assert cell(text) == text
    assert cell(7) == 7
