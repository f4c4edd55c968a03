"""A real mail server (aiosmtpd) and what arrived there, for an application that sends mail while a test runs."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from sidecar.accounts.jobs import answer_all
from sidecar.accounts.office import Office
from sidecar.adapters.mail import Mailer
from sidecar.kernel.settings import Smtp
from sidecar.mail import jobs
from sidecar.mail.service import configured

HOUSE = "https://reading-room.example"


@dataclass
class LetterBox:
    """What arrived. ``answers`` are given to the next messages instead of taking them; ``refused`` recipients never get any."""

    app: Flask
    smtp: Smtp
    messages: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: frozenset[str] = frozenset()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=policy.default))
        return "250 taken"

    def deliver(self) -> int:
        """Do what the worker does every few seconds, until nothing more arrives; return how many did."""
        found = self.app.extensions
        answer_guests(self.app)
        arrived = 0
        with Mailer(self.smtp) as mailer:
            while now := jobs.deliver_due(found["readingroom.scopes"], found["readingroom.seal"], mailer, house=HOUSE):
                arrived += now
        return arrived

    def to(self, address: str) -> list[EmailMessage]:
        """What arrived for one address, after everything due was delivered."""
        self.deliver()
        return [each for each in self.messages if each["To"] == address]

    def link(self, address: str) -> str:
        """The path of the link in the last mail to an address."""
        found = re.findall(rf"^{HOUSE}(/\S+)$", self.to(address)[-1].get_content(), re.MULTILINE)
        assert len(found) == 1
        return str(found[0])


def answer_guests(app: Flask) -> None:
    """Let the worker look at what guests asked for."""
    found = app.extensions
    office = Office(found["readingroom.seal"], found["readingroom.redis"], configured(found["readingroom.settings"]))
    answer_all(found["readingroom.scopes"], office)


@contextmanager
def letter_box(app: Flask, **of_server: Any) -> Iterator[LetterBox]:
    """Let mail leave this application, to a server that keeps it. ``of_server``: what aiosmtpd is to ask for, e.g. TLS."""
    before = app.extensions["readingroom.settings"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # the controller calls its own port, so it must be told one
    box = LetterBox(app, Smtp("127.0.0.1", port, "plain", "Reading Room <reading-room@example.org>", "", ""))
    controller = Controller(box, hostname="127.0.0.1", port=port, **of_server)
    controller.start()
    try:
        app.extensions["readingroom.settings"] = replace(before, smtp=box.smtp)
        yield box
    finally:
        app.extensions["readingroom.settings"] = before
        controller.stop()
