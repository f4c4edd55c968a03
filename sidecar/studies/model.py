"""Words of a study's life, and the facts a cell tells about what arrived. Fields that are DICOM elements carry their keyword."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Arrival(StrEnum):
    """Whether images may still come."""

    ARRIVING = "arriving"
    COMPLETE = "complete"


class Status(StrEnum):
    """How far the reading is."""

    UNREAD = "unread"
    ASSIGNED = "assigned"
    READING = "reading"
    PRELIMINARY = "preliminary"
    FINAL = "final"


class Priority(StrEnum):
    """Requested Procedure Priority (0040,1003), reduced to what a worklist needs. Order: STAT first."""

    STAT = "stat"
    URGENT = "urgent"
    ROUTINE = "routine"


class TakeBackReason(StrEnum):
    """Why a hospital takes an unsigned study back from its readers. The last is the worker's own: nobody chooses it."""

    ANOTHER_READER = "another-reader"
    TOO_LONG = "too-long"
    SENT_IN_ERROR = "sent-in-error"
    NOT_NEEDED = "not-needed"
    OTHER = "other"
    CONTRACT_ENDED = "contract-ended"


PRIORITY_RANK = {Priority.STAT: 0, Priority.URGENT: 1, Priority.ROUTINE: 2}


@dataclass(frozen=True, slots=True)
class ArrivedStudy:
    """Study-level elements as the cell told them; "" where absent. ``orthanc_id`` is the cell's own identity of the study."""

    orthanc_id: str
    study_instance_uid: str
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    accession_number: str = ""
    study_date: str = ""
    study_time: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician_name: str = ""


@dataclass(frozen=True, slots=True)
class ArrivedSeries:
    """Series-level elements as the cell told them."""

    orthanc_id: str
    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part_examined: str = ""
    series_date: str = ""
    series_time: str = ""


@dataclass(frozen=True, slots=True)
class ArrivedInstance:
    """One stored object; ``received_at`` is when the cell had it on disk (aware UTC)."""

    orthanc_id: str
    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    received_at: datetime
    instance_number: int | None = None
    number_of_frames: int = 1
    rows: int | None = None
    columns: int | None = None
    remote_aet: str = ""
    remote_ip: str = ""


@dataclass(frozen=True, slots=True)
class ArrivedInstances:
    """What a cell says it has stored: objects of one study. Whose study it is, is never in here: the cell's owner's."""

    study: ArrivedStudy
    series: tuple[ArrivedSeries, ...]
    instances: tuple[ArrivedInstance, ...]

    @property
    def first_received_at(self) -> datetime:
        """When the earliest of these objects was stored."""
        return min(instance.received_at for instance in self.instances)

    @property
    def last_received_at(self) -> datetime:
        """When the latest of these objects was stored."""
        return max(instance.received_at for instance in self.instances)
