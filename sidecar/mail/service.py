"""Mail: written down here, delivered by ``mail.jobs``."""

import json
from dataclasses import asdict, dataclass
from uuid import UUID, uuid4

from sqlalchemy import func, select

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.settings import Settings
from sidecar.mail.tables import Mail
from sidecar.vault.service import close, open_sealed


@dataclass(frozen=True, slots=True)
class Letter:
    """What arrives. ``path`` is what to open: a path of ours, put as a link under the text at delivery."""

    to: str
    subject: str
    text: str
    path: str = ""


def configured(settings: Settings) -> bool:
    """Say whether mail leaves this house at all; where it does not, whoever made a link gets to see it."""
    return settings.smtp is not None


def post(  # noqa: PLR0913 - what a letter has
    scope: Scope, seal: Seal, *, organisation_id: UUID, to: str, subject: str, text: str, path: str = ""
) -> None:
    """Write a mail down; it leaves after this transaction stands, and not at all when it is rolled back.

    The link's host is the house's own address and nothing a request said (its Host header may be anybody's).
    """
    mail_id = uuid4()
    letter = Letter(to, " ".join(subject.split()), text, path)
    sealed = close(scope, seal, organisation_id, json.dumps(asdict(letter)).encode(), place=_place(mail_id))
    scope.session.add(
        Mail(
            organisation_id=organisation_id,
            id=mail_id,
            sealed=sealed,
            attempts=0,
            last_error="",
            due_at=scope.now,
            created_at=scope.now,
        )
    )


def read_letter(scope: Scope, seal: Seal, mail: Mail) -> Letter:
    """Open a mail for its delivery."""
    return Letter(**json.loads(open_sealed(scope, seal, mail.organisation_id, mail.sealed, place=_place(mail.id))))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an administrator should know: how many mails did not arrive (some of them given up), and why the last did not."""

    waiting: int
    given_up: int
    last_error: str


def trouble(scope: Scope, organisation_id: UUID) -> Trouble | None:
    """Return what is wrong with an organisation's mail; None when nothing is."""
    failed = select(Mail).where(Mail.organisation_id == organisation_id, Mail.last_error != "")
    last = scope.session.scalars(failed.order_by(Mail.created_at.desc()).limit(1)).one_or_none()
    if last is None:
        return None
    counts = select(func.count(Mail.due_at), func.count()).where(Mail.organisation_id == organisation_id, Mail.last_error != "")
    waiting, every = scope.session.execute(counts).one()
    return Trouble(waiting, every - waiting, last.last_error)


def _place(mail_id: UUID) -> str:
    return f"mails|{mail_id}|sealed"
