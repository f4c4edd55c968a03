"""Waiting for something that was started, with a deadline and a reason."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from sidecar.instance.steps import StepError


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str, pause: float = 0.05) -> None:
    """Return as soon as ``ready()``; raise StepError naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise StepError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(pause)


def port_answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def url_status(url: str) -> int:
    """Return the HTTP status of a GET, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
