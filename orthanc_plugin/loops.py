"""Threads that survive their own errors and stop when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

from orthanc_plugin.logtext import fault

RESTART_PAUSE = 2.0
"""Seconds before a step that raised is tried again."""

Step = Callable[[], float]
"""One turn of work; returns the seconds to wait before the next one (the wake event ends the wait early)."""


class Loop:
    """Runs a step again and again in a daemon thread.

    The one place that catches everything: an unexpected error is logged with where it happened and the step is tried
    again, because a cell that stops telling is worse than a cell that tells late. `unblock` ends a step that waits for
    something else than time.
    """

    def __init__(
        self, name: str, step: Step, report_crash: Callable[[str], None], *, unblock: Callable[[], None] | None = None
    ) -> None:
        self._step = step
        self._unblock = unblock
        self._report_crash = report_crash
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.name = name
        self.crashes = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """End the current wait. Cheap: called for every stored image."""
        if not self._wake.is_set():
            self._wake.set()

    def rest(self, seconds: float) -> None:
        """Wait inside a step; only `stop` ends it early."""
        self._stopping.wait(seconds)

    def stop(self, timeout: float) -> None:
        """Ask it to end and wait up to `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._unblock is not None:
            self._unblock()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause = self._step()
            except Exception as error:  # noqa: BLE001
                if self._stopping.is_set():
                    return
                self.crashes += 1
                self._report_crash(f"{self.name}: {fault(error)}")
                self.rest(RESTART_PAUSE)
                continue
            if pause > 0:
                self._wake.wait(pause)
