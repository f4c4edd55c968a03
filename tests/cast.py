"""The permanent cast: two hospitals, the group that reads for both, strangers, the platform. New organisations each time.

Tests never clean up: each cast has organisations of its own, and tenancy itself keeps tests apart.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pyotp

from sidecar.accounts.passwords import HASHER
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.scope import Scopes
from sidecar.organisations.tables import Cell, Contract, Organisation
from sidecar.sharing.tables import StudyShare

PASSWORD = "correct horse battery"
PASSWORD_HASH = HASHER.hash(PASSWORD)
PROVIDER, GROUP, PLATFORM = OrganisationKind.PROVIDER, OrganisationKind.READING_GROUP, OrganisationKind.PLATFORM


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the cast, with what is needed to sign in as them."""

    actor: Actor
    email: str
    totp_secret: str

    @property
    def organisation_id(self) -> UUID:
        assert self.actor.organisation_id is not None
        return self.actor.organisation_id

    @property
    def user_id(self) -> UUID:
        assert self.actor.user_id is not None
        return self.actor.user_id

    def code(self, at: float | None = None) -> str:
        """The authenticator's code, now or at an epoch second."""
        totp = pyotp.TOTP(self.totp_secret)
        return totp.now() if at is None else totp.at(int(at))


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays. Each hospital has a contract with the night owls; nobody has one with the strangers."""

    mercy: UUID
    luke: UUID
    nightowls: UUID
    strangers: UUID
    platform: UUID
    owner: Person  # mercy's technician
    colleague: Person  # mercy's viewer
    own_radiologist: Person  # mercy's
    mercy_admin: Person
    mercy_manager: Person
    luke_technician: Person
    luke_admin: Person
    luke_manager: Person
    luke_radiologist: Person
    luke_viewer: Person
    reader: Person  # nightowls' radiologist
    second_reader: Person
    lead: Person  # nightowls' manager
    nightowls_admin: Person
    stranger: Person  # another reading group's radiologist
    strange_manager: Person
    strange_admin: Person
    strange_technician: Person  # a third hospital's
    platform_admin: Person
    third: UUID


def make_cast(scopes: Scopes, seal: Seal, *, cells: str = "running") -> Cast:
    """Write a whole new cast into the database. Nobody listens on the ports of its ``cells``: stopped, where a worker runs."""
    mark = uuid4().hex[:8]
    names = {
        "mercy": (PROVIDER, "Mercy Hospital"),
        "luke": (PROVIDER, "St Luke's"),
        "third": (PROVIDER, "Third Hospital"),
        "nightowls": (GROUP, "Night Owls Radiology"),
        "strangers": (GROUP, "Strangers Radiology"),
        "platform": (PLATFORM, "Platform"),
    }
    ids = {key: uuid4() for key in names}
    root = Actor(None, ids["platform"], Role.ADMIN, PLATFORM, "cast")
    with scopes.open(root) as scope:
        for key, (kind, name) in names.items():
            scope.session.add(
                Organisation(
                    id=ids[key],
                    kind=kind.value,
                    name=f"{name} {mark}",
                    letterhead=f"{name}\n1 Main Street",
                    zone="UTC",
                    created_at=scope.now,
                )
            )
        scope.session.flush()
        for number, key in enumerate(("mercy", "luke", "third")):
            scope.session.add(
                Cell(
                    organisation_id=ids[key],
                    id=uuid4(),
                    aet=key.upper(),
                    dicom_port=1 + number,
                    http_port=4 + number,
                    secret_hash="",
                    wanted=cells,
                    state="new",
                    last_error="",
                    disk_bytes=0,
                    changes_cursor=0,
                    policy_revision=1,
                    versions={},
                    created_at=scope.now,
                )
            )
        for key in ("mercy", "luke"):
            scope.session.add(
                Contract(
                    organisation_id=ids[key],
                    id=uuid4(),
                    reading_organisation_id=ids["nightowls"],
                    modalities=None,
                    turnaround_minutes={"stat": 60, "urgent": 240, "routine": 1440},
                    starts_on=date(2020, 1, 1),
                    ends_on=None,
                    created_at=scope.now,
                )
            )

    def person(key: str, role: Role, name: str) -> Person:
        return make_person(scopes, seal, ids[key], names[key][0], role, name)

    return Cast(
        **ids,
        owner=person("mercy", Role.TECHNICIAN, "Tess Owner"),
        colleague=person("mercy", Role.VIEWER, "Vic Colleague"),
        own_radiologist=person("mercy", Role.RADIOLOGIST, "Dr. Rosa House"),
        mercy_admin=person("mercy", Role.ADMIN, "Ada Mercy"),
        mercy_manager=person("mercy", Role.MANAGER, "Max Mercy"),
        luke_technician=person("luke", Role.TECHNICIAN, "Lou Luke"),
        luke_admin=person("luke", Role.ADMIN, "Lea Luke"),
        luke_manager=person("luke", Role.MANAGER, "Len Luke"),
        luke_radiologist=person("luke", Role.RADIOLOGIST, "Dr. Liz Luke"),
        luke_viewer=person("luke", Role.VIEWER, "Lin Luke"),
        reader=person("nightowls", Role.RADIOLOGIST, "Dr. Nora Reader"),
        second_reader=person("nightowls", Role.RADIOLOGIST, "Dr. Sam Second"),
        lead=person("nightowls", Role.MANAGER, "Lena Lead"),
        nightowls_admin=person("nightowls", Role.ADMIN, "Alf Owl"),
        stranger=person("strangers", Role.RADIOLOGIST, "Dr. Stan Stranger"),
        strange_manager=person("strangers", Role.MANAGER, "Sue Stranger"),
        strange_admin=person("strangers", Role.ADMIN, "Sid Stranger"),
        strange_technician=person("third", Role.TECHNICIAN, "Tom Third"),
        platform_admin=person("platform", Role.ADMIN, "Pat Platform"),
    )


def make_person(scopes: Scopes, seal: Seal, organisation_id: UUID, kind: OrganisationKind, role: Role, name: str) -> Person:
    """Write one enrolled user."""
    user_id, secret = uuid4(), pyotp.random_base32()
    email = f"{name.rsplit(maxsplit=1)[-1].lower()}.{user_id.hex[:8]}@example.org"
    actor = Actor(user_id, organisation_id, role, kind, name, session=f"session-{user_id.hex[:8]}")
    with scopes.open(actor) as scope:
        scope.session.add(
            User(
                organisation_id=organisation_id,
                id=user_id,
                email_sealed=seal.close(email.encode(), place=f"users|{user_id}|email"),
                email_lookup=scope.lookup.of(email),
                name=name,
                role=role.value,
                zone="",
                password_hash=PASSWORD_HASH,
                totp_sealed=seal.close(secret.encode(), place=f"users|{user_id}|totp"),
                totp_last_step=0,
                identity_verified_at=datetime.now(UTC),
                created_at=datetime.now(UTC),
            )
        )
    return Person(actor, email, secret)


def share_with(scopes: Scopes, study_id: UUID, owner: UUID, *people: Person) -> None:
    """Share a study of ``owner`` with viewers, as somebody of their own organisation would."""
    for person in people:
        actor = replace(person.actor, role=Role.MANAGER)
        with scopes.open(actor) as scope:
            scope.session.add(
                StudyShare(
                    organisation_id=owner, study_id=study_id, user_id=person.user_id, user_organisation_id=person.organisation_id,
                    shared_at=scope.now, shared_by_id=person.user_id, shared_by_name="Max",
                )
            )  # fmt: skip
