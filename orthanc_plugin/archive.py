"""Orthanc's REST in the few calls the events need: a page of the change log in, events out.

Works over two functions (`get(uri) -> bytes`, `post(uri, body) -> bytes`), so it runs without Orthanc in tests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from orthanc_plugin.events import Event, instances_stored, timestamp

Get = Callable[[str], bytes]
Post = Callable[[str, bytes], bytes]
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a piece of the change log; `last` is the sequence number to go on from."""

    events: list[Event]
    last: int
    done: bool


class Archive:
    """Reads what was stored, in bulk: two to four REST calls for up to `limit` images."""

    def __init__(self, get: Get, post: Post, *, cell: str, caller: Callable[[str], str]) -> None:
        """`caller` names who is behind an address that Orthanc noted."""
        self._get = get
        self._post = post
        self._cell = cell
        self._caller = caller
        self._parents: list[str] = []

    def page(self, since: int, limit: int) -> Page:
        """Events of the instances stored after change number `since`, at most `limit` instances.

        Instances deleted meanwhile are left out: there is nothing to tell about them.
        """
        log = json.loads(self._get(f"/changes?type=NewInstance&since={since}&limit={limit}"))
        changes = [change for change in log["Changes"] if change["ChangeType"] == "NewInstance"]
        last = max((change["Seq"] for change in changes), default=since)
        identifiers = dict.fromkeys(change["ID"] for change in changes)
        return Page(self._events(identifiers, f"{since}-{last}"), last, bool(log["Done"]))

    def horizon(self) -> int:
        """The number of the last change."""
        return int(json.loads(self._get("/changes?last"))["Last"])

    def has_new(self, since: int, until: int) -> bool:
        """Whether an instance was stored after the one change and up to the other."""
        log = json.loads(self._get(f"/changes?type=NewInstance&since={since}&limit=1"))
        return any(change["ChangeType"] == "NewInstance" and change["Seq"] <= until for change in log["Changes"])

    def _events(self, identifiers: Iterable[str], batch: str) -> list[Event]:
        """One REST call while the images of a series keep coming: the parents of the last page are asked along."""
        wanted = list(identifiers)
        if not wanted:
            return []
        rows = self._bulk([*wanted, *self._parents])
        instances = [rows[identifier] for identifier in wanted if identifier in rows]
        series = self._complete(rows, {each["ParentSeries"] for each in instances})
        studies = self._complete(rows, {each["ParentStudy"] for each in series.values()})
        self._parents = [*series, *studies]
        known = [each for each in instances if series.get(each["ParentSeries"], {}).get("ParentStudy") in studies]
        for each in known:
            each["Metadata"]["RemoteIP"] = self._caller(each["Metadata"].get("RemoteIP", ""))
        at = timestamp(time.time())
        return list(instances_stored(cell=self._cell, at=at, batch=batch, instances=known, series=series, studies=studies))

    def _complete(self, rows: Rows, identifiers: set[str]) -> Rows:
        """The named resources, from what is there or from Orthanc."""
        missing = [identifier for identifier in identifiers if identifier not in rows]
        found = {**rows, **self._bulk(missing)} if missing else rows
        return {identifier: found[identifier] for identifier in identifiers if identifier in found}

    def _bulk(self, identifiers: list[str]) -> Rows:
        """Resources of any level by their ids; Orthanc leaves unknown ones out."""
        body = json.dumps({"Resources": identifiers, "Metadata": True}).encode()
        return {row["ID"]: row for row in json.loads(self._post("/tools/bulk-content", body))}
