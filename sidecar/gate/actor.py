"""Who acts: a person, a machine, or nobody."""

from dataclasses import dataclass
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
class Actor:
    """Who acts, for which organisation. ``session`` is the opaque id that a revocation names."""

    user_id: UUID | None
    organisation_id: UUID | None
    role: Role | None
    kind: OrganisationKind | None
    name: str = ""
    session: str = ""

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
