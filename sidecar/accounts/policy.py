"""Who may give whom which role. The same rule cuts the choices on the pages."""

from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.permissions import GRANTS, Permission, may_ever
from sidecar.kernel.errors import Denied, Invalid

BY_MANAGERS = frozenset({Role.RADIOLOGIST, Role.TECHNICIAN, Role.VIEWER})


def may_give(actor: Actor, kind: str) -> list[Role]:
    """Return the roles the actor may give to somebody who comes new into an organisation of this kind.

    Nobody makes administrators alone, except the platform: an administrator's role is given to a member, by two people.
    """
    held = [role for role in Role if (OrganisationKind(kind), role) in GRANTS]
    if actor.kind is OrganisationKind.PLATFORM:
        return held
    if may_ever(actor, Permission.USER_MANAGE):
        return [role for role in held if role is not Role.ADMIN]
    return [role for role in held if role in BY_MANAGERS]


def need_may_give(actor: Actor, role: Role, *, kind: str) -> None:
    """Raise Denied unless the actor may give this role to a newcomer; Invalid where no such role exists."""
    if (OrganisationKind(kind), role) not in GRANTS:
        raise Invalid("Choose one from the list.")
    if role not in may_give(actor, kind):
        raise Denied("You cannot give this role alone. Give another one; who is a member can be raised by two people.")


def exists(role: Role, kind: str) -> bool:
    """Say whether organisations of this kind have this role at all."""
    return (OrganisationKind(kind), role) in GRANTS
