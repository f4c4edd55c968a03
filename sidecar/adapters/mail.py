"""Mail by SMTP (RFC 5321), one connection for a handful of messages."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import localtime
from types import TracebackType
from typing import Self

from sidecar.kernel.settings import Smtp

SECONDS = 15
"""A server that takes longer is one that does not answer."""
NEVER = 500
"""Reply codes from here on say that trying again is useless (RFC 5321 §4.2.1)."""


class Undelivered(Exception):  # noqa: N818 - named for the sender
    """The server did not take it. ``reason`` names the fault without the recipient; ``permanent``: it never will."""

    def __init__(self, reason: str, *, code: str, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.permanent = permanent


class Mailer:
    """Sends plain text. Connects at the first message, and again after a message that went wrong.

    A server that cannot be reached, proves to be another or refuses our password is asked once: the messages that follow get the
    same answer, and an account is not locked by trying again for each of them.
    """

    def __init__(self, smtp: Smtp) -> None:
        self._smtp = smtp
        self._line: smtplib.SMTP | None = None
        self._away: Undelivered | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hang_up()

    def send(self, to: str, subject: str, text: str, *, message_id: str) -> None:
        """Hand one message over; raise Undelivered. ``message_id`` is the same at every attempt."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._smtp.sender, to, subject
        message["Message-ID"] = f"<{message_id}@{self._smtp.sender.rpartition('@')[2].rstrip('>')}>"
        message["Date"] = localtime()
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday answers
        message.set_content(text)
        line = self._connected()
        try:
            line.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise _undelivered(error) from error

    def _connected(self) -> smtplib.SMTP:
        if self._away is not None:
            raise self._away
        try:
            return self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            self._away = _undelivered(error)
            raise self._away from error

    def _connect(self) -> smtplib.SMTP:
        if self._line is None:
            smtp = self._smtp
            context = ssl.create_default_context(cafile=smtp.authority or None)
            if smtp.security == "tls":
                line: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=SECONDS, context=context)
            else:
                line = smtplib.SMTP(smtp.host, smtp.port, timeout=SECONDS)
            self._line = line
            if smtp.security == "starttls":
                line.starttls(context=context)
            if smtp.user:
                line.login(smtp.user, smtp.password)
        return self._line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _undelivered(error: Exception) -> Undelivered:
    """Name a fault. Only what the server says about this message (5yz) is for ever; a wrong password of ours is not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max(code for code, _words in error.recipients.values())
        return Undelivered(f"The mail server refuses the recipient ({code}).", code=str(code), permanent=code >= NEVER)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"The mail server refuses the user or password it was given ({error.smtp_code})."
        return Undelivered(said, code=str(error.smtp_code), permanent=False)
    if isinstance(error, smtplib.SMTPResponseException):
        permanent = error.smtp_code >= NEVER and isinstance(error, smtplib.SMTPDataError)
        return Undelivered(f"The mail server answered {error.smtp_code}.", code=str(error.smtp_code), permanent=permanent)
    name = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"The mail server's certificate is not trusted: {error.verify_message.rstrip('.')}. Nothing was sent."
        return Undelivered(said, code=name, permanent=False)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        said = "The mail server does not offer what is set, encryption (STARTTLS) or signing in. Nothing was sent."
        return Undelivered(said, code=name, permanent=False)
    return Undelivered(f"The mail server does not answer as it should ({name}).", code=name, permanent=False)
