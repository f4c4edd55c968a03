"""Invented people. Every name is made of common name parts; none belongs to anybody we know of."""

import datetime as dt
from dataclasses import dataclass

YEAR = 365.2425


@dataclass(frozen=True)
class Patient:
    """One patient as a hospital knows them.

    `name` is a DICOM PN: alphabetic=ideographic=phonetic groups (PS3.5 6.2.1).
    """

    name: str
    patient_id: str
    born: dt.date
    sex: str

    def age_on(self, day: dt.date) -> str:
        """Give the age as a DICOM age string (PS3.5 6.2, AS), such as "067Y"."""
        return f"{int((day - self.born).days / YEAR):03d}Y"


# Both hospitals number their patients from 100000 on: 100234 and 100311 are two different people each.
MERCY = {
    "novak": Patient("Nováková^Zdeňka", "100234", dt.date(1957, 3, 14), "F"),
    "sato": Patient("Sato^Haruka=佐藤^遥=さとう^はるか", "100311", dt.date(1983, 11, 2), "F"),
    "okafor": Patient("Okafor^Chidi", "100387", dt.date(1969, 6, 21), "M"),
    "sokolova": Patient("Sokolova^Marina^Lvovna=Соколова^Марина^Львовна", "100402", dt.date(1948, 1, 30), "F"),
    "brandt": Patient("Brandt^Jürgen", "100455", dt.date(1961, 9, 8), "M"),
    "haddad": Patient("Haddad^Yousef=حداد^يوسف", "100460", dt.date(1990, 4, 17), "M"),
    "lindqvist": Patient("Lindqvist^Åsa", "100498", dt.date(1974, 12, 5), "F"),
}
ST_LUKE = {
    "murphy": Patient("Murphy^Daniel^J", "100234", dt.date(1952, 8, 19), "M"),
    "ferreira": Patient("Ferreira^João^Miguel", "100311", dt.date(1979, 2, 27), "M"),
    "wang": Patient("Wang^Xiaodong=王^小东", "101120", dt.date(1966, 10, 11), "M"),
    "kim": Patient("Kim^Minji=金^玟志=김^민지", "101133", dt.date(1995, 5, 23), "F"),
    "papadopoulou": Patient("Papadopoulou^Eleni=Παπαδοπούλου^Ελένη", "101207", dt.date(1943, 7, 3), "F"),
    "larsen": Patient("Larsen^Søren", "101219", dt.date(1958, 12, 29), "M"),
}
REFERRERS = {
    "mercy": ("Whitfield^Anna^^Dr.", "Delacroix^Hélène^^Dr."),
    "st_luke": ("Osei^Kwame^^Dr.", "Varga^Péter^^Dr."),
}
