"""The table of permissions and fields, for whoever gives people their roles."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from sidecar.gate import catalogue
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

bp = Blueprint("catalogue", __name__)


@route(bp, "/admin/permissions", needs=Permission.USER_MANAGE)
def permission_table(scope: Scope) -> ResponseReturnValue:
    """Show who may do and see what: the kinds of organisation that concern the viewer, the platform all of them."""
    shown = [index for index, (kind, _role) in enumerate(catalogue.columns()) if scope.actor.kind in (kind, "platform")]
    return render_template(
        "admin_permissions.html",
        titles=[catalogue.titles()[index] for index in shown],
        permissions=_rows(catalogue.permissions(), shown),
        fields=_rows(catalogue.fields(), shown),
        notes=catalogue.NOTES,
    )


def _rows(lines: list[catalogue.Line], shown: list[int]) -> list[tuple[catalogue.Line, list[str]]]:
    """Return the lines that concern anybody shown, each with its marks."""
    rows = [(line, [line.marks[index] for index in shown]) for line in lines]
    return [(line, marks) for line, marks in rows if any(marks)]
