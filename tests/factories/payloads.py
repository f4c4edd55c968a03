"""Two hundred texts that try to forge a log line, move a terminal, or smuggle a secret in. Each carries MARK."""

from __future__ import annotations

from itertools import cycle, islice

MARK = "FORGED"
SECRETS = (
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.ML2CgmxOTM6mq2IKz8Zn",
    "Bearer kq3TzrP0vXW8mYb6sN1dQ7uHc4eJ",
    "otpauth://totp/Reading%20Room:x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "rr_session=kq3TzrP0vXW8mYb6sN1dQ7uHc4eJ",
    "https://nora:hunter2hunter2@db.example/x",
    "/worklist?q=CANARY^NAME",
    "Xk93jdPq0sLmZ7aVbT2nYw8RcE4fGhUi6oK1QxSvD5M",
)
"""What must not be read in any log, in the shapes it has."""
WITHHELD = (
    "ML2CgmxOTM6mq2IKz8Zn", "kq3TzrP0vXW8mYb6sN1dQ7uHc4eJ", "JBSWY3DPEHPK3PXP", "hunter2hunter2", "CANARY",
    "Xk93jdPq0sLmZ7aVbT2nYw8",
)  # fmt: skip
"""The part of each that is the secret."""
BREAKS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x00", "\x08", "\x7f")
TAILS = (
    '{"level":"info","event":"FORGED"}',
    "E1122 03:00:00.000000 MAIN FORGED] all is well",
    '127.0.0.1 - - "GET /FORGED"',
    "\x1b[2J\x1b[1;31mFORGED\x1b[0m",
    "\x1b]0;FORGED\x07",
    "\x9b31mFORGED",
    '"},{"event":"FORGED"',
    "\u202eFORGED",
    "%n%s%x FORGED ${jndi:ldap://x/FORGED}",
    "<14>1 2026-11-22T00:00:00Z FORGED - - - -",
)


def payloads(count: int = 200) -> list[str]:
    """Return so many different ones."""
    breaks, tails, secrets = cycle(BREAKS), cycle(TAILS), cycle(SECRETS)
    made = (f"x{number}{next(breaks)}{next(tails)} {next(secrets)}" for number in range(10**6))
    return list(islice(made, count))
