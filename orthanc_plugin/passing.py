"""What staff and the sidecar are answered on the routes that a reading context is answered differently on."""

from __future__ import annotations

from typing import Any

from orthanc_plugin.decide import Request
from orthanc_plugin.finding import MAXIMUM, MalformedError, number

_ABOUT = ("ApiVersion", "Name", "Version")
_LISTS = frozenset({"/patients", "/studies", "/series"})


def about(system: dict[str, Any]) -> dict[str, Any]:
    """What people are told of the server. Without labels, which nobody may write, and without its inner settings."""
    return {**{name: system[name] for name in _ABOUT}, "HasLabels": False}


def native(asked: Request) -> str:
    """The path with arguments as Orthanc takes them. An expanded list has an end, also when none was asked for.

    Raises:
        MalformedError: since or limit is no number.
    """
    arguments = {name: value for name, value in asked.arguments.items() if name != "_"}
    if asked.path in _LISTS and "expand" in arguments:
        limit = number(arguments, "limit", MAXIMUM) or MAXIMUM
        arguments |= {"since": str(number(arguments, "since", 0)), "limit": str(min(limit, MAXIMUM))}
    if any("&" in value or "#" in value for value in arguments.values()):
        raise MalformedError("not one argument")
    query = "&".join(f"{name}={value}" if value else name for name, value in arguments.items())
    return f"{asked.path}?{query}" if query else asked.path
