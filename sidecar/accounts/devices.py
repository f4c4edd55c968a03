"""What a browser calls itself, in words its owner recognises."""

from functools import lru_cache

from ua_parser import parse

UNKNOWN = "Unknown device"


@lru_cache(maxsize=1000)
def device_words(agent: str) -> str:
    """Return e.g. ``Chrome 142 on Windows 10`` for a User-Agent header; the header's word for itself is no proof of anything."""
    found = parse(agent)
    browser = " ".join(filter(None, (found.user_agent.family, found.user_agent.major))) if found.user_agent else ""
    system = " ".join(filter(None, (found.os.family, found.os.major))) if found.os else ""
    return " on ".join(filter(None, (browser, system))) or UNKNOWN
