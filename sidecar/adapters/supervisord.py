"""Supervisord with a quicker eye: ``python -m sidecar.adapters.supervisord -c FILE``.

Its loop looks at dead children once a second. A cell refuses images for as long as it is away, so we look ten times;
with a hundred cells that costs a few milliseconds of CPU a second.
"""

from typing import Any

from supervisor import poller, supervisord

LOOK_SECONDS = 0.1


def look_often() -> None:
    """Shorten the pause of supervisord's loop, whatever it asks for."""
    patient = poller.Poller.poll

    def poll(self: Any, timeout: float) -> Any:
        return patient(self, min(timeout, LOOK_SECONDS))

    poller.Poller.poll = poll


if __name__ == "__main__":
    look_often()
    supervisord.main()
