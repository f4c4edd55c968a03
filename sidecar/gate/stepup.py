"""Step-up: what is dear asks that a second factor was proved moments ago, not this morning (OWASP ASVS 5.0, 7.5)."""

from datetime import timedelta
from typing import ClassVar

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Problem

FRESH = timedelta(minutes=5)


class StepUp(Problem):
    """The session is good, but its second factor was proved too long ago: prove it again, then ask again (RFC 9470)."""

    code: ClassVar[str] = "step-up"
    status: ClassVar[int] = 401

    def __init__(self) -> None:
        super().__init__("Confirm that it is you: this asks for your second factor again.")


def need_fresh_person(scope: Scope) -> None:
    """As ``need_fresh``; an API key made for this very purpose passes: nobody is there to be asked."""
    if scope.actor.scopes is None:
        need_fresh(scope)


def need_fresh(scope: Scope) -> None:
    """Raise StepUp unless the acting session (or bearer: claim ``auth_time``) proved a second factor less than FRESH ago."""
    proved = scope.actor.fresh_at
    if proved is None or scope.now - proved >= FRESH:
        raise StepUp
