"""What the admin pages accept. Each message stands at its field and says what to write instead."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo

from sidecar.kernel.errors import Invalid
from sidecar.organisations import rules
from sidecar.organisations.model import FINISHING_HOURS, READING_HOURS, CharacterSet, Priors, Service, Wanted

MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "OT", "PT", "RF", "US", "XA")
"""Modality (0008,0060) values offered for contracts (PS3.3 C.7.3.1.1.1); a contract over all of them needs none."""
WEEK = 7 * 24 * 60


def _by_rule(rule: Callable[[str], str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            return rule(text)
        except Invalid as problem:
            raise ValueError(problem.message) from None

    return check


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("Write a time zone such as Europe/Berlin or America/New_York.")
    return name


def _modality(code: str) -> str:
    if code not in MODALITIES:
        raise ValueError("Choose modalities from the list.")
    return code


def _networks(written: Any) -> list[str]:
    if isinstance(written, str):
        try:
            return rules.networks(written)
        except Invalid as problem:
            raise ValueError(problem.message) from None
    raise ValueError("Write one address or range per line.")


def _passphrase(text: str, form: ValidationInfo) -> str:
    if form.data.get("form") == "p12" and len(text) < SHORTEST_PASSPHRASE:
        raise ValueError(f"The file holds the private key: give it a passphrase of {SHORTEST_PASSPHRASE} or more characters.")
    return text


def _optional_aet(text: str) -> str:
    return _by_rule(rules.ae_title)(text) if text.strip() else ""


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Zone = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_zone)]
Letterhead = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Minutes = Annotated[int, Field(ge=5, le=WEEK)]
ReadingHours = Annotated[int, Field(ge=1, le=8760)]
FinishingHours = Annotated[int, Field(ge=0, le=720)]
Years = Annotated[int, Field(ge=1, le=5)]
SHORTEST_PASSPHRASE = 8
EmptyIsNone = BeforeValidator(lambda value: value or None)


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class OrganisationForm(_Form):
    """Who a tenant is and what is printed on its reports."""

    name: Name
    zone: Zone = "UTC"
    letterhead: Letterhead = ""


class HospitalForm(OrganisationForm):
    """A hospital; the AE title of its cell may be left to us."""

    aet: Annotated[str, AfterValidator(_optional_aet)] = ""


class EntityForm(_Form):
    """An AE title: what it may do, from where it calls, where it is reached."""

    aet: Annotated[str, AfterValidator(_by_rule(rules.ae_title))]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    networks: Annotated[list[str], BeforeValidator(_networks)] = []
    services: list[Service] = []
    host: Annotated[str, AfterValidator(_by_rule(rules.host_name))] = ""
    port: Annotated[int, BeforeValidator(lambda value: value or 0), Field(ge=0, le=rules.LAST_PORT)] = 0


class NetworkForm(_Form):
    """Which network is meant."""

    network: Annotated[str, AfterValidator(_by_rule(rules.network))]


class IssueForm(_Form):
    """A certificate with a key made here: one text file (PEM), or one file under a passphrase (PKCS #12)."""

    years: Years = 2
    form: Literal["pem", "p12"] = "p12"
    passphrase: Annotated[str, StringConstraints(max_length=200), AfterValidator(_passphrase), Field(validate_default=True)] = ""


class SignForm(_Form):
    """A certificate for the key of a device's own signing request."""

    years: Years = 2
    request: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class RenewForm(_Form):
    """For how long the next certificate holds."""

    years: Years = 2


class PlainPortForm(_Form):
    """Whether the port without TLS is open, and that it was read who will be shut out."""

    allowed: bool
    shut_out: bool = False


class CharacterSetForm(_Form):
    """What texts are in that name no character set."""

    character_set: CharacterSet


class RefusedForm(_Form):
    """Which refused caller is meant."""

    aet: str
    address: str


class WantedForm(_Form):
    """What is wanted of a cell."""

    wanted: Wanted


class ContractForm(_Form):
    """Who reads for whom, what, and how soon (minutes from arrival)."""

    provider_id: UUID
    reading_id: UUID
    modalities: list[Annotated[str, AfterValidator(_modality)]] = []
    stat: Minutes = 60
    urgent: Minutes = 240
    routine: Minutes = 1440
    reading_hours: ReadingHours = READING_HOURS
    priors: Priors = Priors.READ
    finishing_hours: FinishingHours = FINISHING_HOURS
    starts_on: date

    @property
    def turnaround_minutes(self) -> dict[str, int]:
        """The minutes by priority, as a contract keeps them."""
        return {"stat": self.stat, "urgent": self.urgent, "routine": self.routine}


class TermsForm(_Form):
    """What a running contract allows its readers: how long after sign-off, which older studies, how long to finish."""

    reading_hours: ReadingHours
    priors: Priors
    finishing_hours: FinishingHours | None = None


class EndForm(_Form):
    """The last day of a contract; empty takes it back."""

    ends_on: Annotated[date | None, EmptyIsNone] = None
