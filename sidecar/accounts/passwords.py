"""Passwords: which ones are good enough, and what is kept of them.

Kept is argon2id (RFC 9106) over HMAC-SHA-256 of the password under the pepper, a secret file: a copy of the database alone is not
enough to guess against. ``password_pepper`` beside the hash names the pepper, 0 none (rows of the first house); it is put right,
like outdated parameters, at the next sign-in.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import threading
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

SHORTEST = 12
LONGEST = 128
HASHER = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)
"""argon2id, about 60 ms on the two cores this is sized for (measured; above OWASP's settings for argon2id)."""
AT_ONCE = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))
"""More at once than there are cores would take memory and make nobody's answer sooner."""
PEPPER = 1
"""The pepper in use: the secret file ``pepper``."""
COMMON: frozenset[str] = frozenset(FREQUENCY_LISTS["passwords"])
"""The passwords most often found in published breaches, lower case, as zxcvbn brings them."""
OURS = ("reading", "room", "radiology", "teleradiology", "radiologist", "hospital", "orthanc", "dicom", "report")
"""Words anybody guesses first here."""
TRIMMINGS = "0123456789!?.,*#$&+-_ "
"""What people put around a common word when they are asked for a longer one."""
COMMON_CORES = frozenset(core for each in COMMON if (core := each.strip(TRIMMINGS)))
ONLY_OURS = re.compile("|".join(sorted(OURS, key=len, reverse=True)) + f"|[{re.escape(TRIMMINGS)}]")
FEWEST_GUESSES = 10**8
"""Below this zxcvbn's estimate says that somebody who guesses online gets there."""
ESTIMATED = 72
"""Characters of a password that are estimated: the estimate's time grows with the square of the length."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of a password."""

    hash: str
    pepper: int


class Keeper:
    """Hashes and verifies with the process's pepper, which a composition root gives it once (``use``)."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self.hasher = hasher
        self._pepper = b""
        self._nobodys = Kept("", PEPPER)

    def use(self, pepper: bytes) -> None:
        """Take the pepper, and make what is verified against when there is no account."""
        self._pepper = pepper
        self._nobodys = self.keep(secrets.token_urlsafe(16))

    def keep(self, password: str) -> Kept:
        """Return what to store of a password."""
        with AT_ONCE:
            return Kept(self.hasher.hash(self._mixed(password, PEPPER)), PEPPER)

    def verifies(self, kept: Kept | None, password: str) -> bool:
        """Say whether this is the password. Without one it takes as long, and says no."""
        with AT_ONCE:
            stored = kept or self._nobodys
            try:
                return self.hasher.verify(stored.hash, self._mixed(password, stored.pepper)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, kept: Kept) -> bool:
        """Say whether a good password should be kept anew: other parameters, or another pepper."""
        return kept.pepper != PEPPER or self.hasher.check_needs_rehash(kept.hash)

    def _mixed(self, password: str, pepper: int) -> bytes:
        if pepper == 0:
            return password.encode(errors="surrogatepass")
        if not self._pepper:
            raise RuntimeError("no pepper: a composition root gives it with KEEPER.use(settings.secret('pepper'))")
        return base64.b64encode(hmac.digest(self._pepper, password.encode(errors="surrogatepass"), hashlib.sha256))


KEEPER = Keeper()
"""This process's. One, because it bounds how many passwords are hashed at once."""


def fault(password: str, *, context: tuple[str, ...]) -> str | None:
    """Return what is wrong with a new password, in words for its owner, or None (NIST SP 800-63B §3.1.1.2).

    Any characters count as they are; ``context`` are the words around the person: name, address, organisation.
    """
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a sentence works well."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    lowered = password.lower()
    if any(len(word) > 3 and word.lower() in lowered for word in context):  # noqa: PLR2004
        return "Do not build the password from your name, e-mail address or organisation."
    if _guessed(lowered, context):
        return "This one is easily guessed; choose another. Four words that have nothing to do with each other work well."
    return None


def context_of(*texts: str) -> tuple[str, ...]:
    """Return the words of names and addresses: what a password must not be built from."""
    return tuple(word for text in texts for word in text.replace("@", " ").replace(".", " ").replace("-", " ").split())


def _guessed(lowered: str, context: tuple[str, ...]) -> bool:
    core = lowered.strip(TRIMMINGS)
    if lowered in COMMON or core in COMMON_CORES or (core and not ONLY_OURS.sub("", core)):
        return True
    estimate = zxcvbn(lowered[:ESTIMATED], user_inputs=[*OURS, *context])
    return bool(estimate["guesses"] < FEWEST_GUESSES)
