"""Values that say nothing: dummies by value representation (PS3.15 E.3.1, code D), shifted dates, capped ages."""

from datetime import datetime, timedelta
from typing import Any

from pydicom.dataelem import DataElement

DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "ANONYMIZED"),
    **dict.fromkeys(("DS", "IS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "UL", "US", "SV", "UV"), 0),
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "UR": "urn:x-anonymized",
}
OLDEST = 89
"""Years. There are so few people above that an age alone could name one: 90 stands for all of them."""


def empty(element: DataElement) -> None:
    """Give the element zero length, whatever it is."""
    element.value = [] if element.VR == "SQ" else element.empty_value


def shifted(text: str, days: int) -> str:
    """Return a DA or DT value moved back by whole days; empty when it names no full date. A TM value stays as it is."""
    digits = text.strip().replace(".", "", 2) if text[4:5] == "." else text.strip()  # ACR-NEMA wrote 1999.12.31
    try:
        moved = datetime.strptime(digits[:8], "%Y%m%d") - timedelta(days=days)  # noqa: DTZ007 - a day has no zone
    except (ValueError, OverflowError):
        return ""
    return f"{moved:%Y%m%d}".rjust(8, "0") + digits[8:]


def capped(age: str) -> str:
    """Return an AS value ("045Y"), 090Y for everybody older than 89."""
    years = age.strip().removesuffix("Y")
    return "090Y" if years.isdigit() and int(years) > OLDEST and not age.strip().endswith(("D", "W", "M")) else age
