"""Pure rules of one-time codes and e-mail addresses."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Annotated

import pyotp
from pydantic import AfterValidator, StringConstraints

STEP_SECONDS, CODE_DIGITS = 30, 6
MOST_FAILURES = 10
"""Wrong codes in a row after which codes are refused for a while, right ones too."""
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=15), timedelta(days=1)
BACKUP_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing in it is mistaken for something else on paper."""
BACKUP_GROUPS, BACKUP_GROUP = 5, 5
LOOKALIKES = str.maketrans("oil", "011")


def matching_step(secret: str, code: str, *, at: float, last_step: int) -> int | None:
    """Return the time step whose TOTP equals ``code``, newer than ``last_step``, or None (RFC 6238 §5.2: one use).

    One step to either side is allowed for clocks that differ; ``at`` is epoch seconds.
    """
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    now = int(at) // STEP_SECONDS
    for step in (now, now - 1, now + 1):
        if hmac.compare_digest(totp.at(step * STEP_SECONDS), code) and step > last_step:
            return step
    return None


LONGEST_NAME = 120
JOINERS = "\u200c\u200d"
"""Not printed themselves, but letters of some scripts are written with them."""
EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@,;:<>()\[\]\\\"]+\.[^\s@,;:<>()\[\]\\\".]+")
"""One address and nothing that could be two, or a name with one (RFC 5322 §3.4): it goes into the head of mails."""


def email_address(text: str) -> str:
    """Return an e-mail address as it is; ValueError for what cannot be one."""
    if not EMAIL.fullmatch(text):
        raise ValueError("Write an e-mail address such as name@hospital.org.")
    return text


def person_name(text: str) -> str:
    """Return a person's name on one line, ValueError for none: it stands in mails, under reports and in others' logs."""
    name = " ".join("".join(sign if sign.isprintable() or sign in JOINERS else " " for sign in text).split())
    if not name:
        raise ValueError("Write the name, as it shall stand under reports.")
    return name


PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME), AfterValidator(person_name)
]
"""A name as forms and programs give it."""


def lock_for(failures: int) -> timedelta | None:
    """Return how long codes are refused after so many wrong ones in a row, each time twice as long; None: not yet."""
    if failures < MOST_FAILURES:
        return None
    return min(FIRST_LOCK * (1 << min(failures - MOST_FAILURES, 10)), LONGEST_LOCK)


def new_backup_code() -> str:
    """Return five groups of five signs: 125 bits from the system's generator."""
    groups = ("".join(secrets.choice(BACKUP_ALPHABET) for _ in range(BACKUP_GROUP)) for _ in range(BACKUP_GROUPS))
    return "-".join(groups)


def backup_code_hash(typed: str) -> bytes:
    """Return what is stored of a backup code, however it was typed: case, spaces and hyphens do not matter."""
    clean = "".join(sign for sign in typed.lower() if sign.isalnum()).translate(LOOKALIKES)
    return hashlib.sha256(clean.encode()).digest()
