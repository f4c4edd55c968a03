"""The very first account: without it nobody could invite anybody."""

from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.accounts import rules, service
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Invalid
from sidecar.organisations.tables import Organisation

PLATFORM_NAME = "Reading Room platform"


def platform_id(scopes: Scopes) -> UUID:
    """Return the id of the platform's own organisation, made at the first call."""
    with scopes.open(platform_root()) as scope:
        found = scope.session.scalar(select(Organisation.id).where(Organisation.kind == OrganisationKind.PLATFORM.value))
        if found is not None:
            return found
        made = Organisation(
            id=uuid4(), kind=OrganisationKind.PLATFORM.value, name=PLATFORM_NAME, letterhead="", zone="UTC", created_at=scope.now
        )
        scope.session.add(made)
    return made.id


def platform_root(organisation_id: UUID | None = None) -> Actor:
    """Return the actor of the command line: whoever may run it on this machine holds the keys anyway."""
    return Actor(None, organisation_id, Role.ADMIN, OrganisationKind.PLATFORM, "command line")


def invite_first_admin(scopes: Scopes, seal: Seal, *, email: str, name: str) -> str:
    """Create a platform administrator and return the token of the single-use invitation link.

    Raises:
        Invalid: not an e-mail address. Conflict: the account exists and has a password.
    """
    try:
        rules.email_address(email)
    except ValueError as fault:
        raise Invalid(str(fault)) from fault
    organisation = platform_id(scopes)
    with scopes.open(platform_root(organisation)) as scope:
        _user, token = service.invite_user(scope, seal, organisation_id=organisation, email=email, name=name, role=Role.ADMIN)
    return token
