"""Answers that take the same time whatever was found, so that time tells nobody which addresses have an account (CWE-208)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STEP_SECONDS = 0.25
"""Several times what the work takes (one argon2id, some rows): a busy machine answers in two steps, and still in whole ones."""


@contextmanager
def evenly(step: float = STEP_SECONDS) -> Iterator[None]:
    """Let what is inside take a whole number of steps, also when it raises. No transaction may be open around it."""
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(step - (time.monotonic() - began) % step)
