"""The wire between cell and sidecar (format 3), checked. Names on the wire are DICOM keywords and Orthanc's own."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from sidecar.intake.texts import Identity, Key, Text, Whole, reception
from sidecar.organisations.model import AssociationRecord, Outcome, Service
from sidecar.studies import model

MAXIMUM_INSTANCES = 500
MAXIMUM_EVENTS = 100
Size = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""Bytes, as far as the index can count them."""


class Wire(BaseModel):
    """What the wire may hold more than we know is ignored: an older sidecar understands a newer cell."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WireStudy(Wire):
    """Patient and study level."""

    ID: Identity
    StudyInstanceUID: Identity
    PatientID: Key = ""
    PatientName: Text = ""
    PatientBirthDate: Text = ""
    PatientSex: Text = ""
    AccessionNumber: Key = ""
    StudyDate: Text = ""
    StudyTime: Text = ""
    StudyDescription: Text = ""
    StudyID: Text = ""
    ReferringPhysicianName: Text = ""

    def facts(self) -> model.ArrivedStudy:
        """Return it in the words of the index."""
        return model.ArrivedStudy(
            orthanc_id=self.ID,
            study_instance_uid=self.StudyInstanceUID,
            patient_id=self.PatientID,
            patient_name=self.PatientName,
            patient_birth_date=self.PatientBirthDate,
            patient_sex=self.PatientSex,
            accession_number=self.AccessionNumber,
            study_date=self.StudyDate,
            study_time=self.StudyTime,
            study_id=self.StudyID,
            study_description=self.StudyDescription,
            referring_physician_name=self.ReferringPhysicianName,
        )


class WireSeries(Wire):
    """Series level."""

    ID: Identity
    SeriesInstanceUID: Identity
    Modality: Key = ""
    SeriesNumber: Whole = None
    SeriesDescription: Text = ""
    BodyPartExamined: Text = ""
    SeriesDate: Text = ""
    SeriesTime: Text = ""

    def facts(self) -> model.ArrivedSeries:
        """Return it in the words of the index."""
        return model.ArrivedSeries(
            orthanc_id=self.ID,
            series_instance_uid=self.SeriesInstanceUID,
            modality=self.Modality,
            series_number=self.SeriesNumber,
            series_description=self.SeriesDescription,
            body_part_examined=self.BodyPartExamined,
            series_date=self.SeriesDate,
            series_time=self.SeriesTime,
        )


class WireInstance(Wire):
    """One stored object and how it came."""

    ID: Identity
    SOPInstanceUID: Identity
    SOPClassUID: Key = ""
    SeriesInstanceUID: Identity
    InstanceNumber: Whole = None
    NumberOfFrames: Whole = None
    Rows: Whole = None
    Columns: Whole = None
    RemoteAET: Key = ""
    RemoteIP: Key = ""
    ReceptionDate: Key = ""

    def facts(self, *, at: datetime, now: datetime) -> model.ArrivedInstance:
        """Return it in the words of the index; ``at`` stands in for an unreadable ReceptionDate."""
        return model.ArrivedInstance(
            orthanc_id=self.ID,
            sop_instance_uid=self.SOPInstanceUID,
            sop_class_uid=self.SOPClassUID,
            series_instance_uid=self.SeriesInstanceUID,
            received_at=reception(self.ReceptionDate, at, now=now),
            instance_number=self.InstanceNumber,
            number_of_frames=max(1, self.NumberOfFrames or 1),
            rows=self.Rows,
            columns=self.Columns,
            remote_aet=self.RemoteAET,
            remote_ip=self.RemoteIP,
        )


class InstancesStored(Wire):
    """Images of one study are on the cell's disk."""

    kind: Literal["instances-stored"]
    event_id: UUID
    at: AwareDatetime
    study: WireStudy
    series: Annotated[list[WireSeries], Field(min_length=1, max_length=MAXIMUM_INSTANCES)]
    instances: Annotated[list[WireInstance], Field(min_length=1, max_length=MAXIMUM_INSTANCES)]

    def facts(self, *, now: datetime) -> model.ArrivedInstances:
        """Return it in the words of the index."""
        return model.ArrivedInstances(
            study=self.study.facts(),
            series=tuple(series.facts() for series in self.series),
            instances=tuple(instance.facts(at=self.at, now=now) for instance in self.instances),
        )


class Association(Wire):
    """Somebody called at the cell's door: what became of one association, or of ``count`` equal refused ones."""

    kind: Literal["association"]
    event_id: UUID
    at: AwareDatetime
    aet: Key
    called_aet: Key
    address: Key
    port: Literal["plain", "tls"]
    certificate: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    outcome: Outcome
    services: Annotated[list[Service], Field(max_length=len(Service))]
    bytes_in: Size
    bytes_out: Size
    objects: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    began_at: AwareDatetime
    ended_at: AwareDatetime
    count: Annotated[int, Field(ge=1, le=2**31 - 1)]

    def record(self) -> AssociationRecord:
        """Return it in the words of the organisation."""
        return AssociationRecord(
            aet=self.aet,
            called_aet=self.called_aet,
            address=self.address,
            port=self.port,
            certificate=self.certificate,
            outcome=self.outcome,
            services=tuple(service.value for service in self.services),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            objects=self.objects,
            began_at=self.began_at,
            ended_at=self.ended_at,
            count=self.count,
        )


class CellStarted(Wire):
    """The cell came up; what runs in it."""

    kind: Literal["cell-started"]
    event_id: UUID
    at: AwareDatetime
    orthanc: Key
    python: Key = ""
    plugins: dict[Key, Key] = {}
    unknown_routes: Annotated[list[Text], Field(max_length=1000)] = []


class GateVisited(Wire):
    """Somebody was let in at the cell's gate, or was not: ``count`` requests from ``first_at`` to ``last_at``.

    ``subject``: the StudyInstanceUID, or why it was refused. ``receipt``: in whose name (adapters.cell_tokens), "" for nobody.
    """

    kind: Literal["gate-visited"]
    event_id: UUID
    at: AwareDatetime
    receipt: Annotated[str, Field(max_length=4096)]
    sort: Literal["study", "search", "refused"]
    subject: Key
    first_at: AwareDatetime
    last_at: AwareDatetime
    count: Annotated[int, Field(ge=1, le=2**31 - 1)]


WireEvent = Annotated[InstancesStored | Association | CellStarted | GateVisited, Field(discriminator="kind")]
EVENT: TypeAdapter[WireEvent] = TypeAdapter(WireEvent)
"""Reads any event of wire format 3."""
