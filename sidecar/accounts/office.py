"""What the services of accounts need beside a scope: where letters go, and where sessions end."""

from dataclasses import dataclass
from uuid import UUID

from redis import Redis

from sidecar.accounts import addresses
from sidecar.accounts.letters import Letter
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.mail import service as mail


@dataclass(frozen=True, slots=True)
class Office:
    """``mails``: whether mail leaves this house. Where it does not, whoever makes a link hands it over."""

    seal: Seal
    redis: Redis
    mails: bool

    def write_to(self, scope: Scope, user: User, letter: Letter, *, path: str = "") -> None:
        """Write to a person's own address."""
        self.write(scope, user.organisation_id, addresses.of(scope, self.seal, user), letter, path=path)

    def write(self, scope: Scope, organisation_id: UUID, to: str, letter: Letter, *, path: str = "") -> None:
        """Write to an address, where mail leaves this house."""
        if self.mails:
            subject, text = letter
            mail.post(scope, self.seal, organisation_id=organisation_id, to=to, subject=subject, text=text, path=path)
