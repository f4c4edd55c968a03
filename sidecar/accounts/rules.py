"""Pure rules of passwords and one-time codes."""

import hmac

import pyotp

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
STEP_SECONDS = 30
COMMON = frozenset({"password1234", "123456789012", "qwertyuiopas", "letmeinletmein", "teleradiology2026", "readingroom1234"})


def password_fault(password: str, *, context: tuple[str, ...]) -> str | None:
    """Return what is wrong with a new password, in words for its owner, or None (NIST SP 800-63B §5.1.1.2)."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Use at least {SHORTEST_PASSWORD} characters; a sentence works well."
    if len(password) > LONGEST_PASSWORD:
        return f"Use at most {LONGEST_PASSWORD} characters."
    lowered = password.lower()
    if lowered in COMMON or len(set(lowered)) < 5:  # noqa: PLR2004
        return "This one is easily guessed; choose another."
    if any(word and len(word) > 3 and word.lower() in lowered for word in context):  # noqa: PLR2004
        return "Do not build the password from your name, e-mail address or organisation."
    return None


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


def email_address(text: str) -> str:
    """Return an e-mail address as it is; ValueError for what cannot be one."""
    local, _, domain = text.partition("@")
    if not local or "." not in domain or any(sign.isspace() for sign in text):
        raise ValueError("Write an e-mail address such as name@hospital.org.")
    return text
