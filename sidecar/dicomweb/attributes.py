"""The attributes the index can match and return, each with its level in the Study Root model (PS3.4 C.6.2)."""

from collections.abc import Callable
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
Read = Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One DICOM attribute. ``always``: returned without being asked for (PS3.18 tables 10.6.3-3 to 10.6.3-5)."""

    tag: str
    keyword: str
    vr: str
    level: Level
    read: Read
    always: bool = True

    def values(self, row: Row) -> tuple[Value, ...]:
        """Return the row's values; none when empty or unknown."""
        found = self.read(row)
        if isinstance(found, list):
            return tuple(found)
        return (found,) if isinstance(found, str | int) and found != "" else ()


def _study(tag: str, keyword: str, vr: str, read: Callable[[Study], object], *, always: bool = True) -> Attribute:
    return Attribute(tag, keyword, vr, Level.STUDY, lambda row: read(row.study), always)


def _series(tag: str, keyword: str, vr: str, read: Callable[[Series], object], *, always: bool = True) -> Attribute:
    return Attribute(tag, keyword, vr, Level.SERIES, lambda row: row.series and read(row.series), always)


def _instance(tag: str, keyword: str, vr: str, read: Callable[[Instance], object], *, always: bool = True) -> Attribute:
    return Attribute(tag, keyword, vr, Level.INSTANCE, lambda row: row.instance and read(row.instance), always)


ATTRIBUTES = (
    _instance("00080016", "SOPClassUID", "UI", lambda i: i.sop_class_uid),
    _instance("00080018", "SOPInstanceUID", "UI", lambda i: i.sop_instance_uid),
    _study("00080020", "StudyDate", "DA", lambda s: s.study_date),
    _series("00080021", "SeriesDate", "DA", lambda s: s.series_date, always=False),
    _study("00080030", "StudyTime", "TM", lambda s: s.study_time),
    _series("00080031", "SeriesTime", "TM", lambda s: s.series_time, always=False),
    _study("00080050", "AccessionNumber", "SH", lambda s: s.accession_number),
    _study("00080056", "InstanceAvailability", "CS", lambda _: "ONLINE"),
    _series("00080060", "Modality", "CS", lambda s: s.modality),
    _study("00080061", "ModalitiesInStudy", "CS", lambda s: s.modalities_in_study),
    _study("00080090", "ReferringPhysicianName", "PN", lambda s: s.referring_physician_name),
    _study("00081030", "StudyDescription", "LO", lambda s: s.study_description, always=False),
    _series("0008103E", "SeriesDescription", "LO", lambda s: s.series_description),
    _study("00100010", "PatientName", "PN", lambda s: s.patient_name),
    _study("00100020", "PatientID", "LO", lambda s: s.patient_id),
    _study("00100030", "PatientBirthDate", "DA", lambda s: s.patient_birth_date),
    _study("00100040", "PatientSex", "CS", lambda s: s.patient_sex),
    _series("00180015", "BodyPartExamined", "CS", lambda s: s.body_part_examined, always=False),
    _study("0020000D", "StudyInstanceUID", "UI", lambda s: s.study_instance_uid),
    _series("0020000E", "SeriesInstanceUID", "UI", lambda s: s.series_instance_uid),
    _study("00200010", "StudyID", "SH", lambda s: s.study_id),
    _series("00200011", "SeriesNumber", "IS", lambda s: s.series_number),
    _instance("00200013", "InstanceNumber", "IS", lambda i: i.instance_number),
    _study("00201206", "NumberOfStudyRelatedSeries", "IS", lambda s: s.series_count),
    _study("00201208", "NumberOfStudyRelatedInstances", "IS", lambda s: s.instance_count),
    _series("00201209", "NumberOfSeriesRelatedInstances", "IS", lambda s: s.instance_count),
    _instance("00280008", "NumberOfFrames", "IS", lambda i: i.number_of_frames),
    _instance("00280010", "Rows", "US", lambda i: i.rows),
    _instance("00280011", "Columns", "US", lambda i: i.columns),
)
"""In the order of their tags: answers are written in it."""

UNIQUE_KEYS = frozenset({"0020000D", "0020000E"})
"""Returned below their own level too, so that a row says where it belongs."""

_BY_NAME = {each.tag: each for each in ATTRIBUTES} | {each.keyword: each for each in ATTRIBUTES}


def find(name: str) -> Attribute | None:
    """Return the attribute that a client names by keyword or by eight hexadecimal digits, if the index has it."""
    return _BY_NAME.get(name) or _BY_NAME.get(name.upper())
