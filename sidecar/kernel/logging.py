"""Structured logs: one JSON object per line, ids instead of names, and nothing that opens a door.

What others wrote (addresses, headers, texts of images) may reach a line. JSON escapes every control character, so no value
begins a line of its own or moves a terminal's cursor. Secrets are withheld by their name and by their look; arguments of
addresses too, since searches name patients. Of an exception the log keeps where it happened and of which type it was:
messages quote what was typed, and only those of a Problem are our own words.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

import structlog

from sidecar.kernel.errors import Problem

WITHHELD = "[withheld]"
SECRET_NAMES = re.compile(
    r"pass(word|phrase)?$|passwd|secret|token|authorization|cookie|csrf|^code$|totp|otp|bearer|credential|private.?key|api.?key|pepper",
    re.IGNORECASE,
)
"""Names of values that are never written."""
SECRET_LOOKS = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.?[\w-]*"), WITHHELD),  # a JWT (RFC 7519)
    (re.compile(r"\b(Bearer|Basic|Cell)\s+[\w.~+/=:-]{6,}", re.IGNORECASE), rf"\1 {WITHHELD}"),
    (re.compile(r"otpauth://\S+"), WITHHELD),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL), WITHHELD),
    (re.compile(r"\b(rr_session|session|csrf_token)=[^;&\s]+"), rf"\1={WITHHELD}"),
    (re.compile(r"(://)[^/\s:@]+:[^/\s@]+@"), rf"\1{WITHHELD}@"),
    (re.compile(r"(/[\w.~%@:/+-]*)\?[^\s\"']+"), rf"\1?{WITHHELD}"),
    (re.compile(r"\b[A-Z2-7]{32}\b"), WITHHELD),  # a secret of an authenticator (RFC 4648 base32, 160 bits)
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{40,}\b"), WITHHELD),  # what links and keys are made of
)
"""Values that open something, wherever they turn up. Hexadecimal hashes and UUIDs do not look so."""
LONGEST = 2000
"""Characters of one value."""


def configure_logging(level: int = logging.INFO) -> None:
    """Send structlog and the standard library's loggers to stderr as JSON lines."""
    structlog.configure(
        processors=[*_shared(), *_rendered()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [standard_handler(sys.stderr)]
    root.setLevel(level)
    for server in ("gunicorn.error", "gunicorn.access"):  # they write lines of their own otherwise, whole addresses included
        logging.getLogger(server).handlers.clear()
        logging.getLogger(server).propagate = True
    logging.getLogger("httpx").setLevel(logging.WARNING)  # logs whole URLs at INFO
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # two lines per job per second at INFO


def standard_handler(stream: TextIO) -> logging.Handler:
    """Return what writes the standard library's records as the same lines."""
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=[remove, *_rendered()]))
    return handler


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendered() -> list[structlog.typing.Processor]:
    return [structlog.processors.ExceptionRenderer(where), withhold, structlog.processors.JSONRenderer(default=str)]


def where(exc_info: structlog.typing.ExcInfo) -> str:
    """Return an exception as type and places, the first cause first; the message of a Problem alone is ours to write."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        said = f": {error.message}" if isinstance(error, Problem) else ""
        told.append(" > ".join([*places, type(error).__name__ + said]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " | then ".join(reversed(told))


def withhold(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take out what must not be read, and cut what is too long."""
    return {name: _safe(name, value) for name, value in event.items()}


def _safe(name: str, value: Any) -> Any:
    if SECRET_NAMES.search(name):
        return WITHHELD
    if isinstance(value, Mapping):
        return {_plain(str(key), LONGEST): _safe(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe("", each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _plain(str(value), LONGEST if name != "exception" else 20 * LONGEST)


def _plain(text: str, longest: int) -> str:
    for look, instead in SECRET_LOOKS:
        text = look.sub(instead, text)
    return text if len(text) <= longest else f"{text[:longest]}…"
