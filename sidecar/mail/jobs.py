"""What the worker does with mails: hand them to the mail server until it takes them, or nobody waits any more."""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select

from sidecar.adapters.mail import Mailer, Undelivered
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.mail import rules
from sidecar.mail.service import Letter, read_letter
from sidecar.mail.tables import Mail
from sidecar.vault.errors import KeyDestroyed

LOG = structlog.get_logger("mail")
CLAIM = timedelta(minutes=2)
"""So long a mail belongs to the process that took it; longer than any answer of a server is awaited. If the process dies, it is
taken again after that: a mail may arrive twice (with one Message-ID), and never not at all."""
AT_ONCE = 50
FOOTER = "\n\n--\nReading Room. This address is not read."


def deliver(workshop: Workshop) -> None:
    """Deliver what is due, and forget what is too old. Nobody waits here for a server that does not answer: it is asked once."""
    forget_old(workshop.scopes)
    if workshop.settings.smtp is None:
        return
    with Mailer(workshop.settings.smtp) as mailer:
        deliver_due(workshop.scopes, workshop.seal, mailer, house=workshop.settings.public_url)


def deliver_due(scopes: Scopes, seal: Seal, mailer: Mailer, *, house: str) -> int:
    """Try each mail that is due, at most ``AT_ONCE``; return how many arrived. ``house`` is the public address of links."""
    with scopes.open(platform_system()) as scope:
        due = select(Mail.organisation_id, Mail.id).where(Mail.due_at <= scope.now).order_by(Mail.due_at).limit(AT_ONCE)
        todo = scope.session.execute(due).all()
    return sum(deliver_one(scopes, seal, mailer, organisation_id, mail_id, house=house) for organisation_id, mail_id in todo)


def deliver_one(  # noqa: PLR0913 - with what, which one, and as whose
    scopes: Scopes, seal: Seal, mailer: Mailer, organisation_id: UUID, mail_id: UUID, *, house: str
) -> bool:
    """Take one mail, hand it over outside any transaction, and note how it went; True when it arrived."""
    with scopes.open(system_actor(organisation_id)) as scope:
        same = select(Mail).where(Mail.id == mail_id, Mail.due_at <= scope.now)
        mail = scope.session.scalars(same.with_for_update(skip_locked=True)).one_or_none()
        if mail is None:
            return False
        try:
            letter = read_letter(scope, seal, mail)
        except KeyDestroyed:
            scope.session.delete(mail)
            return False
        mail.attempts += 1
        mail.due_at = scope.now + CLAIM
    try:
        mailer.send(letter.to, letter.subject, body(letter, house=house), message_id=str(mail_id))
    except Undelivered as refusal:
        _put_off(scopes, mail, refusal)
        return False
    with scopes.open(system_actor(organisation_id)) as scope:
        scope.session.execute(delete(Mail).where(Mail.id == mail_id))
    return True


def body(letter: Letter, *, house: str) -> str:
    """Return the text as it is sent: the link alone on its line, so that every mail program finds its end."""
    link = f"\n\n{house}{letter.path}" if letter.path else ""
    return f"{letter.text}{link}{FOOTER}\n"


def _put_off(scopes: Scopes, mail: Mail, refusal: Undelivered) -> None:
    LOG.warning("mail not delivered", mail=str(mail.id), attempts=mail.attempts, permanent=refusal.permanent, reason=refusal.code)
    with scopes.open(system_actor(mail.organisation_id)) as scope:
        row = scope.session.scalars(select(Mail).where(Mail.id == mail.id)).one()
        row.last_error = refusal.reason
        row.due_at = rules.next_attempt(
            attempts=row.attempts, created_at=row.created_at, now=scope.now, permanent=refusal.permanent
        )


def forget_old(scopes: Scopes) -> None:
    """Delete what is past its life: also what was given up, and what was written while no server was configured."""
    with scopes.open(platform_system()) as scope:
        scope.session.execute(delete(Mail).where(Mail.created_at < scope.now - rules.LIFE))
