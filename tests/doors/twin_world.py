"""Two hospitals whose identifiers are all equal, each with its staff, its own secrets, and one study only it has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from sqlalchemy import select, text, update

from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.cell_tokens import session_hash
from sidecar.adapters.seals import Seal
from sidecar.archive.tables import InstanceDigest
from sidecar.gate.actor import OrganisationKind, Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.kernel.clock import utc_now
from sidecar.kernel.db import Base
from sidecar.organisations.tables import ApplicationEntity, Cell
from sidecar.studies.tables import Series, SeriesMetadata, SeriesThumbnail, Study
from tests.cast import Person, make_person
from tests.doors import phantom
from tests.doors.hospital import address_of, in_index, open_hospital, until

AET = "TWIN_CT"
STAFF = (Role.ADMIN, Role.MANAGER, Role.RADIOLOGIST, Role.TECHNICIAN, Role.VIEWER)
IMAGES = 2


def orthanc_id(*identifiers: object) -> str:
    """Return the identity Orthanc gives a patient, study, series or instance: SHA-1 over its DICOM identifiers."""
    digest = hashlib.sha1("|".join(map(str, identifiers)).encode()).hexdigest()  # noqa: S324 - Orthanc's own choice
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


@dataclass(frozen=True, slots=True)
class Identity:
    """One image by all names it has: DICOM's and Orthanc's."""

    patient_id: str
    study: str
    series: str
    instance: str

    @classmethod
    def of(cls, image: Dataset) -> Identity:
        return cls(image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID)

    def orthanc(self) -> dict[str, str]:
        """Return Orthanc's ids by level."""
        names = (self.patient_id, self.study, self.series, self.instance)
        levels = ("patients", "studies", "series", "instances")
        return {level: orthanc_id(*names[: depth + 1]) for depth, level in enumerate(levels)}


NOWHERE = "1.2.826.0.1.3680043.9.7133.404"
UNKNOWN = Identity("NOBODY", NOWHERE, f"{NOWHERE}.1", f"{NOWHERE}.1.1")


@dataclass(frozen=True, slots=True)
class Twin:
    """One of the two: what it shares with the other by name, what only it has, and the marks nobody else may ever see."""

    name: str
    cell: Cell
    people: dict[Role, Person]
    shared: Identity
    private: Identity
    canaries: frozenset[str]

    def token(self, workshop: Workshop, role: Role, cell: Cell | None = None) -> str:
        """Return a staff token of one of its people, for its own cell or wrongly for another's."""
        person = self.people[role]
        return workshop.tokens.mint(
            cell=(cell or self.cell).id, subject=str(person.user_id), organisation=self.cell.organisation_id, role=role.value,
            session=session_hash(person.actor.session), now=utc_now(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Alpha asks; bravo must never notice, and never be noticed."""

    alpha: Twin
    bravo: Twin
    workshop: Workshop = field(repr=False)

    def snapshot(self, twin: Twin) -> dict[str, str]:
        """Return digests of a hospital: its rows, table by table, and every image its cell holds."""
        found = {}
        with self.workshop.scopes.open(system_actor(twin.cell.organisation_id)) as scope:
            for table in Base.metadata.sorted_tables:
                if "organisation_id" in table.columns and table.name not in MOVING:
                    done = "AND actor_id IS NOT NULL" if table.name == "journal" else ""  # what people did, not the worker
                    asked = text(f"SELECT t::text FROM {table.name} t WHERE organisation_id = :org {done} ORDER BY 1")  # noqa: S608
                    rows = scope.session.scalars(asked, {"org": twin.cell.organisation_id}).all()
                    found[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
        storage = self.workshop.settings.cells_dir / str(twin.cell.id) / "storage"
        for path in sorted(each for each in storage.rglob("*") if each.is_file()):
            content = path.read_bytes()
            if content[128:132] == b"DICM":  # the others are Orthanc's own summaries, which it writes anew when it likes
                found[path.name] = hashlib.sha256(content).hexdigest()
        return found


MOVING = frozenset({"cells", "associations", "inbox", "alert_watches", "journal_keeping", "journal_checkpoints"})
"""Tables that move by themselves while nobody asks: when a cell was seen, who called its door, how far a journal was watched,
verified and sealed."""


def make_world(workshop: Workshop, seal: Seal, directory: Path) -> World:
    """Open both hospitals and send them their studies: one with equal identifiers to both, one to each alone."""
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    instances = [generate_uid() for _ in range(IMAGES)]
    twins = []
    for name in ("ALPHA", "BRAVO"):
        marks = {key: f"{name}{key}{uuid4().hex[:6].upper()}" for key in ("PAT", "DESC", "PID", "ACC", "REF")}
        common = phantom.study(IMAGES, PatientID="SAME-PATIENT", AccessionNumber="SAME-ACCESSION", **uids,
                               PatientName=f"{marks['PAT']}^A", StudyDescription=marks["DESC"])  # fmt: skip
        for image, uid in zip(common, instances, strict=True):
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid
        alone = phantom.study(IMAGES, PatientID=marks["PID"], AccessionNumber=marks["ACC"][:16],
                              PatientName=f"{marks['PAT']}^B", ReferringPhysicianName=marks["REF"])  # fmt: skip
        twins.append(_open(workshop, seal, directory / name, name, common, alone, marks))
    for twin in twins:
        with workshop.scopes.open(system_actor(twin.cell.organisation_id)) as scope:
            scope.session.execute(update(Study).values(completes_at=scope.now))  # nothing more comes
        until(lambda twin=twin: _at_rest(workshop, twin.cell), 60, "the worker has not done with what was sent")
    return World(*twins, workshop)


def _at_rest(workshop: Workshop, cell: Cell) -> bool:
    """Say whether all that follows an arrival by itself has happened: what moves later, somebody moved."""
    with workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
        series = set(scope.session.scalars(select(Series.id)))
        cached = [set(scope.session.scalars(select(cache.series_id))) for cache in (SeriesMetadata, SeriesThumbnail)]
        seen = scope.session.scalars(select(ApplicationEntity.last_seen_at)).all()
        digested = scope.session.scalars(select(InstanceDigest.sha256)).all()
        return cached == [series, series] and all(seen) and all(digested)


def _open(
    workshop: Workshop, seal: Seal, directory: Path, name: str, common: list[Dataset], alone: list[Dataset], marks: dict[str, str]
) -> Twin:
    cell = open_hospital(workshop, AET)
    files = phantom.write(directory, common + alone)
    said = phantom.storescu(cell.dicom_port, files, calling=AET, called=cell.aet).stdout
    assert said.count("(Success)") == len(files), said
    for image in (common[0], alone[0]):
        uid = str(image.StudyInstanceUID)
        until(lambda uid=uid: in_index(workshop, cell.organisation_id, uid)[1] == IMAGES, 30, "not all is indexed")
    organisation = cell.organisation_id
    people = {
        role: make_person(workshop.scopes, seal, organisation, OrganisationKind.PROVIDER, role, f"{name.title()} {role.title()}")
        for role in STAFF
    }
    private = Identity.of(alone[0])
    secrets = {*marks.values(), private.study, private.series, private.instance, *private.orthanc().values()}
    secrets |= {str(cell.id), str(organisation), *(str(person.user_id) for person in people.values())}
    secrets |= {hashlib.md5(path.read_bytes()).hexdigest() for path in files}  # noqa: S324 - what Orthanc would tell
    with workshop.scopes.open(system_actor(organisation)) as scope:
        secrets |= {str(each) for each in scope.session.scalars(select(Study.id))}
    return Twin(name, cell, people, Identity.of(common[0]), private, frozenset(secrets))


def instances_of(world: World, twin: Twin) -> int:
    """Return how many images a cell says it holds."""
    with CellClient(world.workshop.tokens) as client:
        return int(client.statistics(address_of(twin.cell))["CountInstances"])
