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


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a piece of the change log; `last` is the sequence number to go on from."""

    events: list[Event]
    last: int
    done: bool


class Archive:
    """Reads what was stored, in bulk: four REST calls for up to `limit` images."""

    def __init__(self, get: Get, post: Post, *, cell: str) -> None:
        self._get = get
        self._post = post
        self._cell = cell

    def page(self, since: int, limit: int) -> Page:
        """Events of the instances stored after change number `since`, at most `limit` instances.

        Instances deleted meanwhile are left out: there is nothing to tell about them.
        """
        log = json.loads(self._get(f"/changes?type=NewInstance&since={since}&limit={limit}"))
        changes = [change for change in log["Changes"] if change["ChangeType"] == "NewInstance"]
        last = max((change["Seq"] for change in changes), default=since)
        identifiers = dict.fromkeys(change["ID"] for change in changes)
        return Page(self._events(identifiers, f"{since}-{last}"), last, bool(log["Done"]))

    def _events(self, identifiers: Iterable[str], batch: str) -> list[Event]:
        instances = self._bulk("Instance", identifiers, metadata=True)
        series = {each["ID"]: each for each in self._bulk("Series", {each["ParentSeries"] for each in instances})}
        studies = {each["ID"]: each for each in self._bulk("Study", {each["ParentStudy"] for each in series.values()})}
        known = [
            instance
            for instance in instances
            if instance["ParentSeries"] in series and series[instance["ParentSeries"]]["ParentStudy"] in studies
        ]
        at = timestamp(time.time())
        return list(instances_stored(cell=self._cell, at=at, batch=batch, instances=known, series=series, studies=studies))

    def _bulk(self, level: str, identifiers: Iterable[str], *, metadata: bool = False) -> list[dict[str, Any]]:
        """Resources in the order asked; unknown ids are left out by Orthanc."""
        resources = list(identifiers)
        if not resources:
            return []
        body = {"Resources": resources, "Level": level, "Metadata": metadata}
        rows: list[dict[str, Any]] = json.loads(self._post("/tools/bulk-content", json.dumps(body).encode()))
        by_id = {row["ID"]: row for row in rows}
        return [by_id[identifier] for identifier in resources if identifier in by_id]
