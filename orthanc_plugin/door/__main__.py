"""The door's process: ``python -m orthanc_plugin.door`` with the cell's environment."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
import threading
import time
from types import FrameType

from orthanc_plugin.door.addresses import Addresses
from orthanc_plugin.door.admission import Outcome, judge
from orthanc_plugin.door.association import House, serve, spare_the_disk
from orthanc_plugin.door.listeners import Listeners
from orthanc_plugin.door.news import Herald
from orthanc_plugin.door.reception import cut
from orthanc_plugin.door.records import Records
from orthanc_plugin.door.tally import Record, Tally
from orthanc_plugin.door.tls import TlsFiles
from orthanc_plugin.holdings import ask
from orthanc_plugin.logtext import fault, one_line
from orthanc_plugin.policy import PolicyError, PolicyFile
from orthanc_plugin.settings import read

LOOK_SECONDS = 0.5
"""Between two looks at policy and certificates; a revoked certificate is out within this time."""
REPORT_SECONDS = 2.0
"""Refusals are gathered for so long."""
FAREWELL_SECONDS = 1.0
"""Given to open associations to write their records when the process is asked to stop."""
SWITCH_SECONDS = 0.0005
"""A thread that got bytes waits so long at most for another one's turn of Python (5 ms is the default)."""


def say(message: str, *, level: str = "W") -> None:
    """Write a line to the process's log, in the form of Orthanc's: W for what happens, E for what is wrong."""
    print(f"{level}{time.strftime('%m%d %H:%M:%S', time.gmtime())}.000000 door] {one_line(message)}", file=sys.stderr, flush=True)  # noqa: T201


class Door:
    """Everything of the process that lives as long as it does."""

    def __init__(self) -> None:
        settings = read(os.environ)
        self._settings = settings
        self._policy = PolicyFile(settings.policy_file, cell=settings.cell, organisation=settings.organisation)
        self._tls = TlsFiles(settings.tls)
        self._records = Records(settings.records)
        self._tally, self._lock = Tally(), threading.Lock()
        self.herald = Herald(settings.news)
        self._listeners = Listeners(self._serve, self._complain)
        self._complained = ""
        self._house = House(
            own_aet=settings.aet,
            inner_port=settings.inner_dicom_port,
            policy=lambda: self._policy.current,
            addresses=Addresses(settings.addresses),
            answered=self.herald.answered,
            ended=self.herald.ended,
            record=self._record,
            complain=self._complain,
            find=lambda keys: ask(settings.desk, keys),
            room=settings.room,
        )

    def look(self) -> None:
        """Take a new policy and new certificates into force, for open associations too."""
        try:
            changed = self._policy.refresh()
        except PolicyError as error:
            say(f"policy: {error}; revision {self._policy.current.revision} stays in force", level="E")
            changed = False
        policy = self._policy.current
        if policy.tls_port:
            try:
                self._tls.refresh()
            except OSError as error:
                say(f"the TLS port keeps what it has: {error.strerror or type(error).__name__}", level="E")
        try:
            self._listeners.want(
                plain_port=self._settings.dicom_port if policy.plain else 0,
                tls_port=policy.tls_port,
                context=self._tls.context,
            )
        except OSError as error:
            say(f"cannot listen for DICOM: {error.strerror}", level="E")
            raise SystemExit(1) from error
        if changed:
            say(f"policy: revision {policy.revision} is in force")
            for live in list(self._house.live.values()):
                if judge(policy, self._settings.aet, live.caller, live.request) is not Outcome.ACCEPTED:
                    cut(live.connection)

        if spare_the_disk(self._house):
            self._complain("the disk is all but full: nobody stores until there is room again")

    def report(self) -> None:
        """Write what was refused since the last report."""
        with self._lock:
            refused = self._tally.take()
        events = [record.event() for record in refused]
        if events and not self._records.write(events):
            self._complain("too many records wait for the plugin: some are let go")

    def _record(self, record: Record) -> None:
        if record.outcome is Outcome.ACCEPTED:
            if not self._records.write([record.event()]):
                self._complain("too many records wait for the plugin: some are let go")
            return
        with self._lock:
            self._tally.add(record)

    def _complain(self, message: str) -> None:
        """Say it once until something else is to be said: a scanner tries every second."""
        if message != self._complained:
            self._complained = message
            say(message, level="E")

    def _serve(self, connection: socket.socket, address: str, context: ssl.SSLContext | None) -> None:
        try:
            serve(self._house, connection, address, context)
        except Exception as error:  # noqa: BLE001 - one caller's thread: the others go on, and the log says what happened
            say(f"an association failed: {fault(error)}", level="E")

    def end(self) -> None:
        """End the associations, and write down what became of them."""
        for live in list(self._house.live.values()):
            cut(live.connection)
        deadline = time.monotonic() + FAREWELL_SECONDS
        while self._house.live and time.monotonic() < deadline:
            time.sleep(0.01)
        self.report()


def _herald(door: Door) -> None:
    while True:
        door.herald.turn()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Run until somebody asks it to stop; an error of the process itself ends it, and its supervisor starts it anew."""
    signal.signal(signal.SIGTERM, _stop)
    sys.setswitchinterval(SWITCH_SECONDS)
    door = Door()
    threading.Thread(target=_herald, args=(door,), name="herald", daemon=True).start()
    reported = time.monotonic()
    try:
        while True:
            door.look()
            if time.monotonic() - reported >= REPORT_SECONDS:
                door.report()
                reported = time.monotonic()
            time.sleep(LOOK_SECONDS)
    finally:
        door.end()


if __name__ == "__main__":
    main()
