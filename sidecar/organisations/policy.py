"""Who may do this to that very thing. Whether a row is visible at all is the wall's business (row-level security)."""

from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.kernel.errors import Denied


def require_platform(actor: Actor) -> None:
    """Let the platform's administrators and its own machines pass; raise Denied otherwise."""
    if actor.kind is not OrganisationKind.PLATFORM or actor.role not in {Role.ADMIN, Role.SYSTEM}:
        raise Denied("Only the platform's administrators may do this.")
