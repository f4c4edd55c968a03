"""Errors named by what the caller can do next. Doors translate them (``gate.problems``); rooms raise them."""

from typing import ClassVar


class Problem(Exception):  # noqa: N818 - named for the caller, not for Python
    """Something the caller should hear about. ``message`` is safe to show and holds no patient data."""

    code: ClassVar[str] = "broken"
    status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(Problem):
    """The request is not well formed: correct it and ask again."""

    code = "invalid"
    status = 400


class Unauthenticated(Problem):
    """Nobody is signed in, or the session ended: sign in."""

    code = "unauthenticated"
    status = 401


class Denied(Problem):
    """The role may never do this: ask somebody who may."""

    code = "denied"
    status = 403


class Missing(Problem):
    """It does not exist for this caller. A stranger's object and an unknown id are one and the same."""

    code = "missing"
    status = 404

    def __init__(self, message: str = "Nothing is here, or it is not yours to see.") -> None:
        super().__init__(message)


class NoPage(Problem):
    """The address takes what a form sends and shows nothing: open the form's page."""

    code = "no-page"
    status = 405


class NotAcceptable(Problem):
    """What the client would take is not offered: ask for another media type."""

    code = "not-acceptable"
    status = 406


class TooLarge(Problem):
    """More than is taken at once: send less."""

    code = "too-large"
    status = 413


class Unsupported(Problem):
    """The body is of a kind that is not taken here: send it in another media type."""

    code = "unsupported"
    status = 415


class Conflict(Problem):
    """The state moved on: look again, then decide."""

    code = "conflict"
    status = 409


class Gone(Problem):
    """It was there and is over: ask whoever gave the way to it for another."""

    code = "gone"
    status = 410


class Changed(Problem):
    """It is no longer what the caller saw (If-Match, RFC 9110 §13.1.1): read it again, then decide."""

    code = "changed"
    status = 412


class Unfit(Problem):
    """Well formed, but it contradicts an earlier request: use another Idempotency-Key."""

    code = "idempotency-key-reused"
    status = 422


class NeedsPrecondition(Problem):
    """An update must say what it changes (RFC 6585 §3): send the ETag as If-Match."""

    code = "if-match-missing"
    status = 428


class TooMany(Problem):
    """More requests than are let in: wait, then ask again. ``seconds``: how long."""

    code = "too-many"
    status = 429

    def __init__(self, seconds: int) -> None:
        minutes = -(-seconds // 60)
        wait = f"{seconds} s" if seconds <= 90 else f"{minutes} min"  # noqa: PLR2004 - where minutes begin to say more
        super().__init__(f"That was too often in a short time. Try again in {wait}.")


class Busy(Problem):
    """A part is not answering: try again shortly."""

    code = "busy"
    status = 503


class Broken(Problem):
    """Our fault. The request id leads to the log."""
