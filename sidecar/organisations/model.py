"""Words of organisations, and the values services hand out."""

from dataclasses import dataclass
from enum import StrEnum

from sidecar.kernel.settings import PortRange, Settings


class Wanted(StrEnum):
    """What the platform admin wants of a cell. RESTARTING becomes RUNNING once it was done."""

    RUNNING = "running"
    STOPPED = "stopped"
    RESTARTING = "restarting"


class Refusal(StrEnum):
    """Why a cell refused an association or its images; the values are the wire's."""

    UNKNOWN_AET = "unknown-aet"
    WRONG_ADDRESS = "wrong-address"
    WRONG_CALLED_AET = "wrong-called-aet"


@dataclass(frozen=True, slots=True)
class Places:
    """The TCP ports new cells may be given."""

    dicom: PortRange
    http: PortRange

    @classmethod
    def of(cls, settings: Settings) -> "Places":
        """Return the ranges this installation was set up with."""
        return cls(settings.cell_dicom_ports, settings.cell_http_ports)


@dataclass(frozen=True, slots=True)
class Health:
    """A cell's condition in one word, its tone (ok, warn, bad, or '' for neutral), and the next step if there is one."""

    word: str
    tone: str
    advice: str = ""
