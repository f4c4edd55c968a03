"""Words of organisations, and the values services hand out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sidecar.kernel.settings import PortRange, Settings


class Wanted(StrEnum):
    """What the platform admin wants of a cell. RESTARTING becomes RUNNING once it was done."""

    RUNNING = "running"
    STOPPED = "stopped"
    RESTARTING = "restarting"


READING_HOURS = 72
"""How long after sign-off a reading group sees a study unless the contract says otherwise: a weekend of questions."""


FINISHING_HOURS = 24
"""How long after a contract's last day its readers may finish what they have, unless it says otherwise."""


class Priors(StrEnum):
    """Which older studies of the patient come along with one to be read: none, those the group was given to read, or all."""

    NONE = "none"
    READ = "read"
    ALL = "all"


class Service(StrEnum):
    """What an AE title may ask of the cell: the DIMSE services of PS3.4 by the words of the policy snapshot."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    WORKLIST = "worklist"
    COMMITMENT = "commitment"


SENDS = (Service.ECHO, Service.STORE)
"""What a scanner needs, and what a newly registered AE title may."""


class CharacterSet(StrEnum):
    """What texts are in that name no Specific Character Set (0008,0005), by Orthanc's names; PS3.3 C.12.1.1.2 beside them."""

    UTF8 = "Utf8"
    """ISO_IR 192"""
    LATIN1 = "Latin1"
    """ISO_IR 100"""
    LATIN2 = "Latin2"
    """ISO_IR 101"""
    TURKISH = "Latin5"
    """ISO_IR 148"""
    CYRILLIC = "Cyrillic"
    """ISO_IR 144"""
    WINDOWS1251 = "Windows1251"
    """No defined term, and met all the same"""
    GREEK = "Greek"
    """ISO_IR 126"""
    ARABIC = "Arabic"
    """ISO_IR 127"""
    HEBREW = "Hebrew"
    """ISO_IR 138"""
    THAI = "Thai"
    """ISO_IR 166"""
    JAPANESE = "Japanese"
    """ISO_IR 13"""
    CHINESE = "Chinese"
    """GB18030"""


class Outcome(StrEnum):
    """How an association ended, in the words of the wire."""

    ACCEPTED = "accepted"
    UNKNOWN_AET = "unknown-aet"
    WRONG_ADDRESS = "wrong-address"
    WRONG_CALLED_AET = "wrong-called-aet"
    NO_CERTIFICATE = "no-certificate"
    WRONG_CERTIFICATE = "wrong-certificate"
    SERVICE_NOT_ALLOWED = "service-not-allowed"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    TOO_MANY = "too-many"
    NO_ROOM = "no-room"
    UNKNOWN_DESTINATION = "unknown-destination"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """How a trial of a node ended: in a ``word`` for the journal, in plain ``text``, and what to do about it."""

    ok: bool
    word: str
    text: str
    advice: str = ""


class CertificateState(StrEnum):
    """What a certificate is worth now."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRecord:
    """What a cell's door tells of one association, or of ``count`` equal refused ones. Sizes in bytes.

    ``port`` is "plain" or "tls"; ``certificate`` the sha256 of the caller's, or ""; ``objects`` how many images
    were stored or delivered, 0 when unknown. ``called_aet`` is the destination where that is no node (UNKNOWN_DESTINATION).
    """

    aet: str
    called_aet: str
    address: str
    port: str
    certificate: str
    outcome: Outcome
    services: tuple[str, ...]
    bytes_in: int
    bytes_out: int
    began_at: datetime
    ended_at: datetime
    count: int = 1
    objects: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """The TCP ports new cells may be given."""

    dicom: PortRange
    http: PortRange
    inner_dicom: PortRange
    dicom_tls: PortRange

    @classmethod
    def of(cls, settings: Settings) -> "Places":
        """Return the ranges this installation was set up with."""
        return cls(
            settings.cell_dicom_ports,
            settings.cell_http_ports,
            settings.cell_inner_dicom_ports,
            settings.cell_dicom_tls_ports,
        )


@dataclass(frozen=True, slots=True)
class Health:
    """A cell's condition in one word, its tone (ok, warn, bad, or '' for neutral), and the next step if there is one."""

    word: str
    tone: str
    advice: str = ""
