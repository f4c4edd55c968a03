"""Finds the reviewed route of a request. A path is walked part by part, so the size of the table does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from orthanc_plugin.routes import ROUTES, Route

_UID = r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*"
_ANY = r"[^/]+"
"""Values of routes that nobody has, which need no closer look."""
_NAME = r"[0-9A-Za-z_.-]{1,64}"
_VALUES = {
    "study": _UID,
    "series": _UID,
    "instance": _UID,
    "id": r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}",
    "job": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "index": r"[0-9]{1,6}",
    "frame": r"[1-9][0-9]{0,5}",
    "frames": r"[1-9][0-9]{0,5}(?:,[1-9][0-9]{0,5}){0,99}",
    "name": _NAME,
}
_RESTS = {
    "{bulk}": r"[0-9A-Fa-f]{8}(?:/[1-9][0-9]{0,5}/[0-9A-Fa-f]{8}){0,8}",
    "*": r"[0-9A-Za-z_.,-]+(?:/[0-9A-Za-z_.,-]+){0,15}",
}


@dataclass(slots=True)
class _Node:
    """One place in the tree of paths: what may come next, and the routes that end here by method."""

    literals: dict[str, _Node] = field(default_factory=dict)
    values: dict[str, tuple[re.Pattern[str], _Node]] = field(default_factory=dict)
    rests: dict[str, tuple[re.Pattern[str], _Node]] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)

    def below(self, part: str) -> _Node:
        """The node under one part of a pattern, made when it is new."""
        name = part.strip("{}")
        if part in _RESTS:
            return self.rests.setdefault(name, (re.compile(_RESTS[part]), _Node()))[1]
        if part.startswith("{"):
            return self.values.setdefault(name, (re.compile(_VALUES.get(name, _ANY)), _Node()))[1]
        return self.literals.setdefault(part, _Node())


Found = tuple[Route, dict[str, str]]


class Routes:
    """The routes of a table as a tree, shut ones too: a literal part that is never open wins over an open placeholder."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for part in route.path.split("/")[1:]:
                node = node.below(part)
            node.routes[route.method] = route

    def match(self, method: str, path: str) -> Found | None:
        """The route with the values in the path, or None."""
        return self._walk(self._root, method, path.split("/")[1:])

    def _walk(self, node: _Node, method: str, parts: list[str]) -> Found | None:
        if not parts:
            route = node.routes.get(method)
            return (route, {}) if route else None
        literal = node.literals.get(parts[0])
        found = self._walk(literal, method, parts[1:]) if literal else None
        return found or self._by_value(node, method, parts)

    def _by_value(self, node: _Node, method: str, parts: list[str]) -> Found | None:
        for name, (pattern, below) in node.values.items():
            if pattern.fullmatch(parts[0]) and (found := self._walk(below, method, parts[1:])):
                found[1][name] = parts[0]
                return found
        rest = "/".join(parts)
        for name, (pattern, below) in node.rests.items():
            if pattern.fullmatch(rest) and (route := below.routes.get(method)):
                return route, {name: rest}
        return None


_TREE = Routes(ROUTES)


def match(method: str, path: str) -> Found | None:
    """Find the reviewed route of a request with the values in its path; None when there is none."""
    return _TREE.match(method, path)
