"""The time zone of whoever looks: as chosen in the browser, else as in the account."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from flask import g, request


@cache
def known_zones() -> frozenset[str]:
    """Return the names of the IANA zones this machine has. Read once: it walks the zone files."""
    return frozenset(available_timezones())


def viewer_zone() -> ZoneInfo:
    """Return the zone in which this request's times are shown and its days begin; UTC before anybody has signed in.

    The cookie may be written by anybody: a name that is no zone counts as not chosen.
    """
    names = (request.cookies.get("zone"), getattr(g.get("_login_user"), "zone", None))
    return ZoneInfo(next((name for name in names if name in known_zones()), "UTC"))
