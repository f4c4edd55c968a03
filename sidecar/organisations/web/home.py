"""Where ``/admin`` leads: the first admin page the role may see."""

from flask import redirect
from flask.typing import ResponseReturnValue

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied
from sidecar.organisations.web.blueprint import bp

FIRST_PAGES = (
    (Permission.ORGANISATION_MANAGE, "/admin/organisations"),
    (Permission.SENDER_READ, "/admin/ae-titles"),
    (Permission.USER_MANAGE, "/admin/users"),
    (Permission.CONTRACT_READ, "/admin/contracts"),
)


@route(bp, "/admin", needs=Permission.SIGNED_IN)
def admin_home(scope: Scope) -> ResponseReturnValue:
    """Lead to what this role administers; Denied for those who administer nothing."""
    held = permissions_of(scope.actor)
    for needs, page in FIRST_PAGES:
        if needs in held:
            return redirect(page)
    raise Denied("Your role administers nothing.")
