"""Who acts: a person, a machine, or nobody."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a person is in the organisation."""

    ADMIN = "admin"
    MANAGER = "manager"
    RADIOLOGIST = "radiologist"
    TECHNICIAN = "technician"
    VIEWER = "viewer"
    SYSTEM = "system"


class OrganisationKind(StrEnum):
    """What an organisation is: it sends images, it reads them, or it runs the platform."""

    PROVIDER = "provider"
    READING_GROUP = "reading_group"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Glass:
    """Broken glass: what the actor's role does not open is open for a named reason until then. The walls ask the row itself."""

    id: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which organisation. ``session`` is the opaque id that a revocation names.

    ``fresh_at``: when a second factor was last proved in this session. ``signed_at``: when it last signed with both
    components of a signature or, within the window, with one of them (21 CFR 11.200(a)(1)). None: never.
    ``glass``: broken glass in use. ``link``: the share link by which a person outside came in.
    """

    user_id: UUID | None
    organisation_id: UUID | None
    role: Role | None
    kind: OrganisationKind | None
    name: str = ""
    session: str = ""
    scopes: frozenset[str] | None = None
    fresh_at: datetime | None = None
    signed_at: datetime | None = None
    glass: Glass | None = None
    link: UUID | None = None

    @property
    def named_only(self) -> bool:
        """Say whether only studies named for the actor exist for them, not all that their organisation sees."""
        return self.role is Role.VIEWER or self.glass is not None or self.link is not None

    @property
    def known(self) -> bool:
        """Say whether anybody is signed in at all."""
        return self.role is not None


NOBODY = Actor(None, None, None, None)


def system_actor(organisation_id: UUID) -> Actor:
    """Return the platform's own worker, acting inside one organisation's walls."""
    return Actor(None, organisation_id, Role.SYSTEM, None, name="system")


def platform_system() -> Actor:
    """Return the platform's own worker, acting across organisations: it sees cells and contracts, never studies."""
    return Actor(None, None, Role.SYSTEM, OrganisationKind.PLATFORM, name="system")
