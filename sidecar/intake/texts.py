"""What may not enter the database as it stands: text of images is whatever some device once wrote.

The rules, in this order:

1. Controls, lone surrogates and marks that turn the direction of the words beside them (Unicode UAX #9) become U+FFFD:
   PostgreSQL stores not all of them, and no page and no print should obey them. Line ends and tabs stay (PS3.5 §6.1.3). An
   identifier of which anything was replaced ends like one that was cut: two different ones stay different.
2. Text longer than its limit is cut, and ends with "…" and a hash of the whole: two different values stay different, so a
   Patient ID of 64 KB never equals another patient's that begins alike.
3. Numbers that are no 32-bit integers are unknown (None), not an error: one odd element must not lose an image.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

LONGEST_TEXT = 4096
LONGEST_KEY = 256
"""Characters of identifiers: PS3.5 allows 64; an index row of PostgreSQL holds 2,700 bytes."""
INT32_MAX = 2**31 - 1

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_INTEGER = re.compile(r"\s*([+-]?\d{1,12})(?:\.0*)?\s*")  # IS, and what devices write instead (PS3.5 §6.2)
_RECEPTION = "%Y%m%dT%H%M%S"


def clean(value: object, limit: int, *, distinct: bool = False) -> str:
    """Return the value as text that can be stored and shown: rules 1 and 2. ``distinct``: it is an identifier."""
    given = "" if value is None else str(value)
    text = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", given)
    if len(text) <= limit and not (distinct and text != given):
        return text
    digest = hashlib.sha256((given if distinct else text).encode(errors="surrogatepass")).hexdigest()[:32]
    return f"{text[: limit - len(digest) - 1]}…{digest}"


def integer(value: object) -> int | None:
    """Return an IS value as a number, None when it is absent, not a number, or beyond 32 bits: rule 3."""
    found = _INTEGER.fullmatch(str(value)) if value is not None else None
    if found is None or abs(number := int(found[1])) > INT32_MAX:
        return None
    return number


def reception(value: str, otherwise: datetime, *, now: datetime) -> datetime:
    """Return Orthanc's ReceptionDate ("20261121T204504", UTC) as a moment: ``otherwise`` if unreadable, never later than now."""
    try:
        moment = datetime.strptime(value, _RECEPTION).replace(tzinfo=UTC)
    except ValueError:
        moment = otherwise
    return min(moment, now)


Text = Annotated[str, BeforeValidator(lambda value: clean(value, LONGEST_TEXT))]
"""Free text of an image, made storable."""
Key = Annotated[str, BeforeValidator(lambda value: clean(value, LONGEST_KEY, distinct=True))]
"""An identifier that may be absent."""
Identity = Annotated[Key, Field(min_length=1)]
"""An identifier without which nothing can be indexed."""
Whole = Annotated[int | None, BeforeValidator(integer)]
"""A number, or unknown."""
