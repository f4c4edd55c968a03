"""Words of the archive room: what a job is and how far, how a study is taken along, why one is deleted."""

from enum import StrEnum


class JobKind(StrEnum):
    """What a job does with a study."""

    DOWNLOAD = "download"
    SEND = "send"
    EXPORT = "export"


class JobState(StrEnum):
    """How far a job is. A download is DONE once nginx has it: how far the bytes are, the browser shows."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = frozenset({JobState.WAITING, JobState.RUNNING, JobState.CANCELLING})
"""States in which the worker still has something to do."""
REPEATABLE = frozenset({JobState.FAILED, JobState.CANCELLED})
"""States from which a job may be tried again."""


class Form(StrEnum):
    """How a study leaves: as a ZIP of readable folders, a file set with DICOMDIR (PS3.10 chapter 8), or by DICOMweb (PS3.18)."""

    ZIP = "zip"
    MEDIA = "media"
    OBJECTS = "dicomweb"


class Reason(StrEnum):
    """Why a study is deleted. The first three say that it never was a record of this patient's care."""

    SENT_IN_ERROR = "sent-in-error"
    WRONG_PATIENT = "wrong-patient"
    TEST_IMAGES = "test-images"
    DUPLICATE = "duplicate"
    PATIENTS_REQUEST = "patients-request"
    RETENTION_OVER = "retention-over"
    OTHER = "other"


MISFILED = frozenset({Reason.SENT_IN_ERROR, Reason.WRONG_PATIENT, Reason.TEST_IMAGES})
"""Reasons that the retention period does not hold against, as long as nobody has reported the study."""


class DeletionState(StrEnum):
    """How far a deletion is: hidden and undoable, being carried out, done, on its way back, or taken back.

    RETURNING is shown and never stored: hidden as yet, with ``undone_at``.
    """

    HIDDEN = "hidden"
    RETURNING = "returning"
    ERASING = "erasing"
    ERASED = "erased"
    UNDONE = "undone"


class Damage(StrEnum):
    """What is wrong with a stored file."""

    ALTERED = "altered"
    MISSING = "missing"
