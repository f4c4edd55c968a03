"""What single sign-on asks of the other ways in."""

from typing import ClassVar

from sidecar.accounts.sso.tables import SsoProvider
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Problem


class SsoRequired(Problem):
    """The organisation's people sign in with its own provider: go there."""

    code: ClassVar[str] = "sso-required"
    status: ClassVar[int] = 403

    def __init__(self, path: str) -> None:
        super().__init__(f"Your organisation wants you to sign in with its own account, at {path}.")
        self.path = path


def refuse_password(scope: Scope) -> None:
    """Raise SsoRequired where the scope's organisation does not take passwords. Asked after the password was found right."""
    provider = scope.session.get(SsoProvider, scope.organisation_id)
    if provider is not None and provider.required:
        raise SsoRequired(sign_in_path(provider))


def sign_in_path(provider: SsoProvider) -> str:
    """Return the address at which an organisation's people sign in."""
    return f"/sso/{provider.organisation_id}"
