"""What the order form and the JSON API accept. Each message stands at its field and says what to write instead."""

from collections.abc import Callable
from datetime import date, time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from sidecar.kernel.errors import Invalid
from sidecar.orders import rules
from sidecar.orders.model import MODALITIES, OrderFacts, OrderStatus
from sidecar.organisations.rules import ae_title

LONGEST_REASON = 1000
EARLIEST, LATEST = date(1850, 1, 1), date(2099, 12, 31)


def _by_rule(rule: Callable[[str], str]) -> Callable[[str], str]:
    def check(written: str) -> str:
        try:
            return rule(written)
        except Invalid as problem:
            raise ValueError(problem.message) from None

    return check


def _limited(longest: int) -> Callable[[str], str]:
    return _by_rule(lambda written: rules.text(written, longest))


def _one_line(written: str) -> str:
    """A question may be typed on several lines; DICOM and the reading page show one."""
    return " ".join(written.split())


def _modality(code: str) -> str:
    if code not in MODALITIES:
        raise ValueError("Choose a modality from the list.")
    return code


def _known_day(day: date | None) -> date | None:
    if day is not None and not EARLIEST <= day <= LATEST:
        raise ValueError(f"Write a year from {EARLIEST.year} to {LATEST.year}.")
    return day


def _clock(written: object) -> object:
    if isinstance(written, str):
        try:
            return time.fromisoformat(written.strip()).replace(second=0, microsecond=0, tzinfo=None)
        except ValueError:
            raise ValueError("Write a time such as 14:30.") from None
    return written


Filled = StringConstraints(strip_whitespace=True, min_length=1)
Day = Annotated[date, AfterValidator(_known_day)]
EmptyIsNone = BeforeValidator(lambda value: value or None)


class OrderForm(BaseModel):
    """An imaging order as a technician writes it down."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)

    patient_id: Annotated[str, Filled, AfterValidator(_limited(rules.LONG))]
    patient_name: Annotated[str, Filled, AfterValidator(_by_rule(rules.person_name))]
    patient_birth_date: Annotated[date | None, EmptyIsNone, AfterValidator(_known_day)] = None
    patient_sex: Literal["", "F", "M", "O"] = ""
    accession_number: Annotated[str, AfterValidator(_limited(rules.SHORT))] = ""
    modality: Annotated[str, AfterValidator(_modality), Field(json_schema_extra={"enum": list(MODALITIES)})]
    scheduled_station_ae_title: Annotated[str, AfterValidator(_by_rule(ae_title))]
    scheduled_procedure_step_start_date: Day
    scheduled_procedure_step_start_time: Annotated[time, BeforeValidator(_clock)]
    requested_procedure_description: Annotated[str, Filled, AfterValidator(_limited(rules.LONG))]
    referring_physician_name: Annotated[str, AfterValidator(_by_rule(rules.person_name))] = ""
    reason_for_requested_procedure: Annotated[str, BeforeValidator(_one_line), AfterValidator(_limited(LONGEST_REASON))] = ""

    def facts(self) -> OrderFacts:
        """Return it in the words of the room."""
        born = self.patient_birth_date
        return OrderFacts(**{**self.model_dump(), "patient_birth_date": f"{born:%Y%m%d}" if born else ""})


class StatusForm(BaseModel):
    """What an order becomes; completed is what its images make it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal[OrderStatus.SCHEDULED, OrderStatus.ARRIVED, OrderStatus.CANCELLED]
