"""What the pages of alerts, forwarding and access review accept. Each message stands at its field."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo

from sidecar.alerts.forwarding import Destination, Target, require_authority
from sidecar.alerts.rules import CHOICES
from sidecar.alerts.syslog import DEFAULT_PORT
from sidecar.kernel.errors import Invalid
from sidecar.organisations.rules import host_name

HTTPS = 443
LONGEST_PEM, LONGEST_NOTE = 20_000, 1000


def _host(written: str) -> str:
    try:
        found = host_name(written)
    except Invalid as problem:
        raise ValueError(problem.message) from None
    if not found:
        raise ValueError("Write the collector's name or address.")
    return found


def _authority(written: str) -> str:
    try:
        require_authority(written)
    except Invalid as problem:
        raise ValueError(problem.message) from None
    return written


def _public(written: str) -> str:
    if "PRIVATE KEY" in written:
        raise ValueError("There is a private key in this. Paste it into the field below, where it is kept sealed.")
    return _authority(written)


def _bearer(written: str) -> str:
    if any(not "!" <= sign <= "~" for sign in written.replace(" ", "")):
        raise ValueError("A token is one line of plain letters, digits and signs.")
    return written


def _base(written: str) -> str:
    url = urlsplit(written)
    if url.scheme != "https" or not url.hostname or url.username or url.password or url.query or url.fragment:
        raise ValueError("Write the base address as https://fhir.hospital.example/r4, without user, ? or #.")
    try:
        url.port  # noqa: B018 - raises for what is no port
    except ValueError:
        raise ValueError("The port is a number up to 65535.") from None
    _host(url.hostname)
    return written


Trimmed = StringConstraints(strip_whitespace=True)
Authority = Annotated[str, Trimmed, Field(max_length=LONGEST_PEM), AfterValidator(_authority)]


class _Start(BaseModel):
    model_config = ConfigDict(extra="ignore")
    start: Literal["now", "beginning"] = "now"

    @property
    def everything(self) -> bool:
        """Whether what is in the journal already goes as well."""
        return self.start == "beginning"


class SyslogForm(_Start):
    """A collector that takes syslog over TLS. An empty ``client_key`` keeps the one that is set."""

    host: Annotated[str, Trimmed, AfterValidator(_host)]
    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_PORT
    authority: Authority = ""
    client_certificate: Annotated[str, Trimmed, Field(max_length=LONGEST_PEM), AfterValidator(_public)] = ""
    client_key: Annotated[str, Trimmed, Field(max_length=LONGEST_PEM)] = ""
    target: Literal[Target.SYSLOG] = Target.SYSLOG

    def destination(self) -> Destination:
        """Return it in the words of the room."""
        more = {"client_certificate": self.client_certificate, "client_key": self.client_key}
        return Destination(self.host, self.port, self.authority, **more)


class FhirForm(_Start):
    """A FHIR server that takes AuditEvents. An empty ``bearer`` keeps the one that is set, unless ``forget`` is."""

    url: Annotated[str, Trimmed, Field(max_length=500), AfterValidator(_base)]
    bearer: Annotated[str, Trimmed, Field(max_length=4000), AfterValidator(_bearer)] = ""
    authority: Authority = ""
    forget: bool = False
    target: Literal[Target.FHIR] = Target.FHIR

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.forget and self.bearer:
            raise ValueError("Either a new token or none.")
        return self

    def destination(self) -> Destination:
        """Return it in the words of the room."""
        url = urlsplit(self.url)
        bearer = "" if self.forget else self.bearer or None
        return Destination(_host(url.hostname or ""), url.port or HTTPS, self.authority, url.path, bearer)


def _between(name: str) -> FieldInfo:
    choice = CHOICES[name]
    found: FieldInfo = Field(ge=choice.least, le=choice.most)
    return found


class LimitsForm(BaseModel):
    """From which number on the organisation is told; the bounds are those of rules.CHOICES."""

    model_config = ConfigDict(extra="ignore")
    failed_of_account: Annotated[int, _between("failed_of_account")]
    failed_of_address: Annotated[int, _between("failed_of_address")]
    denials: Annotated[int, _between("denials")]
    denials_of_images: Annotated[int, _between("denials_of_images")]
    downloads: Annotated[int, _between("downloads")]
    studies_seen: Annotated[int, _between("studies_seen")]


class NoteForm(BaseModel):
    """What it was."""

    model_config = ConfigDict(extra="ignore")
    note: Annotated[str, Trimmed, Field(min_length=1, max_length=LONGEST_NOTE)]


class ReviewForm(BaseModel):
    """A confirmation: of what was seen, with a remark or none."""

    model_config = ConfigDict(extra="ignore")
    seen: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    note: Annotated[str, Trimmed, Field(max_length=LONGEST_NOTE)] = ""
