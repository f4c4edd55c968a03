"""The attributes the index can match and return, each with its level in the Study Root model (PS3.4 C.6.2)."""

from dataclasses import dataclass
from enum import IntEnum

from sidecar.studies.tables import Instance, Series, Study


class Level(IntEnum):
    """Query levels, upper ones first: a lower row carries the values of the rows above it."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One result: a study, a series of it, or an instance of that."""

    study: Study
    series: Series | None = None
    instance: Instance | None = None


Value = str | int


@dataclass(frozen=True, slots=True)
class Attribute:
    """One DICOM attribute and its column at its level; ``column`` "" is InstanceAvailability, equal for all we have.

    ``always``: returned without being asked for (PS3.18 tables 10.6.3-3 to 10.6.3-5).
    """

    tag: str
    keyword: str
    vr: str
    level: Level
    column: str
    always: bool = True

    def values(self, row: Row) -> tuple[Value, ...]:
        """Return the row's values; none when empty or unknown."""
        if not self.column:
            return ("ONLINE",)
        found = getattr((row.study, row.series, row.instance)[self.level - 1], self.column)
        if isinstance(found, list):
            return tuple(found)
        return (found,) if isinstance(found, str | int) and found != "" else ()


_STUDY, _SERIES, _INSTANCE = Level
ATTRIBUTES = (
    Attribute("00080016", "SOPClassUID", "UI", _INSTANCE, "sop_class_uid"),
    Attribute("00080018", "SOPInstanceUID", "UI", _INSTANCE, "sop_instance_uid"),
    Attribute("00080020", "StudyDate", "DA", _STUDY, "study_date"),
    Attribute("00080021", "SeriesDate", "DA", _SERIES, "series_date", always=False),
    Attribute("00080030", "StudyTime", "TM", _STUDY, "study_time"),
    Attribute("00080031", "SeriesTime", "TM", _SERIES, "series_time", always=False),
    Attribute("00080050", "AccessionNumber", "SH", _STUDY, "accession_number"),
    Attribute("00080056", "InstanceAvailability", "CS", _STUDY, ""),
    Attribute("00080060", "Modality", "CS", _SERIES, "modality"),
    Attribute("00080061", "ModalitiesInStudy", "CS", _STUDY, "modalities_in_study"),
    Attribute("00080090", "ReferringPhysicianName", "PN", _STUDY, "referring_physician_name"),
    Attribute("00081030", "StudyDescription", "LO", _STUDY, "study_description", always=False),
    Attribute("0008103E", "SeriesDescription", "LO", _SERIES, "series_description"),
    Attribute("00100010", "PatientName", "PN", _STUDY, "patient_name"),
    Attribute("00100020", "PatientID", "LO", _STUDY, "patient_id"),
    Attribute("00100030", "PatientBirthDate", "DA", _STUDY, "patient_birth_date"),
    Attribute("00100040", "PatientSex", "CS", _STUDY, "patient_sex"),
    Attribute("00180015", "BodyPartExamined", "CS", _SERIES, "body_part_examined", always=False),
    Attribute("0020000D", "StudyInstanceUID", "UI", _STUDY, "study_instance_uid"),
    Attribute("0020000E", "SeriesInstanceUID", "UI", _SERIES, "series_instance_uid"),
    Attribute("00200010", "StudyID", "SH", _STUDY, "study_id"),
    Attribute("00200011", "SeriesNumber", "IS", _SERIES, "series_number"),
    Attribute("00200013", "InstanceNumber", "IS", _INSTANCE, "instance_number"),
    Attribute("00201206", "NumberOfStudyRelatedSeries", "IS", _STUDY, "series_count"),
    Attribute("00201208", "NumberOfStudyRelatedInstances", "IS", _STUDY, "instance_count"),
    Attribute("00201209", "NumberOfSeriesRelatedInstances", "IS", _SERIES, "instance_count"),
    Attribute("00280008", "NumberOfFrames", "IS", _INSTANCE, "number_of_frames"),
    Attribute("00280010", "Rows", "US", _INSTANCE, "rows"),
    Attribute("00280011", "Columns", "US", _INSTANCE, "columns"),
)
"""In the order of their tags: answers are written in it."""

UNIQUE_KEYS = frozenset({"0020000D", "0020000E"})
"""Returned below their own level too, so that a row says where it belongs."""

_BY_NAME = {each.tag: each for each in ATTRIBUTES} | {each.keyword: each for each in ATTRIBUTES}


def find(name: str) -> Attribute | None:
    """Return the attribute that a client names by keyword or by eight hexadecimal digits, if the index has it."""
    return _BY_NAME.get(name) or _BY_NAME.get(name.upper())
