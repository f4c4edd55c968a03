"""The organisation's code: what its staff type to register. Whoever has it still waits for somebody's approval."""

import secrets
from uuid import UUID

from sqlalchemy import delete, select

from sidecar.accounts import member_events as events
from sidecar.accounts.member_tables import OrganisationCode
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No sign that is read as another on a note."""
GROUPS, GROUP = 3, 4
"""60 bits: nobody finds one by trying."""
UNKNOWN = "No organisation has this code. Ask whoever gave it to you."


def normal(typed: str) -> str:
    """Return a code as it is stored, however it was typed; a scope opened with ``login=`` this sees whose it is."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())


def shown(code: str) -> str:
    """Return a code as it is given to people: ``K7QF-2M9X-TB4W``."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def organisation_of(scope: Scope, typed: str) -> UUID:
    """Return whose code this is; Invalid, in words for whoever typed it, when nobody's."""
    found = scope.session.scalar(select(OrganisationCode.organisation_id).where(OrganisationCode.code == normal(typed)))
    if found is None:
        raise Invalid(UNKNOWN)
    return found


def code_of(scope: Scope, organisation_id: UUID) -> str:
    """Return an organisation's code as given to people, "" when it has none."""
    found = scope.session.scalar(select(OrganisationCode.code).where(OrganisationCode.organisation_id == organisation_id))
    return shown(found) if found else ""


def make(scope: Scope, organisation_id: UUID) -> str:
    """Give the organisation a new code; an earlier one is void at once."""
    _drop(scope, organisation_id)
    code = "".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP))
    scope.session.add(OrganisationCode(organisation_id=organisation_id, code=code, made_at=scope.now))
    scope.emit(events.CodeMade(organisation_id=organisation_id))
    return shown(code)


def withdraw(scope: Scope, organisation_id: UUID) -> None:
    """Let nobody register any more."""
    _drop(scope, organisation_id)
    scope.emit(events.CodeWithdrawn(organisation_id=organisation_id))


def _drop(scope: Scope, organisation_id: UUID) -> None:
    scope.session.execute(delete(OrganisationCode).where(OrganisationCode.organisation_id == organisation_id))
