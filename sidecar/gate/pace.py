"""Answers that take the same time whatever was found, so that time tells nobody which addresses have an account (CWE-208)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STEP_SECONDS = 0.25
"""Several times what the work takes (one argon2id, some rows): a busy machine answers in two steps, and still in whole ones."""


def now() -> float:
    """Return when something began, for ``wait``."""
    return time.monotonic()


def wait(began: float) -> None:
    """Wait until a whole number of steps has passed since ``began``. No transaction may be open meanwhile."""
    time.sleep(STEP_SECONDS - (time.monotonic() - began) % STEP_SECONDS)


@contextmanager
def evenly() -> Iterator[None]:
    """Let what is inside take a whole number of steps, also when it raises."""
    began = now()
    try:
        yield
    finally:
        wait(began)
