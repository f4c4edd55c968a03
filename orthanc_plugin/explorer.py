"""What a reading context is answered where Orthanc would tell of the whole archive: lists, searches, counts, patients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orthanc_plugin import finding
from orthanc_plugin.decide import Request
from orthanc_plugin.finding import MAXIMUM, Asked, MalformedError, number
from orthanc_plugin.owners import Find, Owners, Post

Json = dict[str, Any]
_PATIENT = ("ID", "Type", "MainDicomTags")
"""What is told of a patient; the rest (last update, labels, protection) speaks of studies outside the context."""
MAXIMUM_LOOKUP = 256


class Context:
    """One reading context's view of the cell. `studies`: the StudyInstanceUIDs it lists."""

    def __init__(self, studies: frozenset[str], owners: Owners, find: Find, post: Post) -> None:
        self._uids = studies
        self._owners = owners
        self._find = find
        self._post = post
        self._mine: dict[str, Json] | None = None

    def answer(self, asked: Request, body: bytes) -> Any:
        """The JSON for a request that the gate let through with "answer ourselves"; None: there is nothing.

        Raises:
            MalformedError: the search cannot be understood.
        """
        parts = asked.path.split("/")[1:]
        if parts[0] == "tools":
            return self._tool(parts[1], body)
        if parts == ["statistics"]:
            return self._statistics()
        if len(parts) == 1:
            return self._page(parts[0], asked.arguments)
        if len(parts) == 2:  # noqa: PLR2004 - /patients/{id}
            return self._patient(parts[1], _form(asked.arguments))
        below = [study for study in self._studies().values() if study["ParentPatient"] == parts[1]]
        return self._expanded(parts[2], self._ids(parts[2], below), _form(asked.arguments))

    def _studies(self) -> dict[str, Json]:
        """The context's studies that are in the cell, by Orthanc's id."""
        if self._mine is None:
            identifiers = (self._owners.study(uid) for uid in sorted(self._uids))
            found = {each: self._find(f"/studies/{each}") for each in identifiers if each}
            self._mine = {identifier: study for identifier, study in found.items() if study}
        return self._mine

    def _ids(self, level: str, studies: Iterable[Json]) -> list[str]:
        """Ids of one level in these studies, each once."""
        if level == "studies":
            return [study["ID"] for study in studies]
        if level == "patients":
            return list(dict.fromkeys(study["ParentPatient"] for study in studies))
        series = [each for study in studies for each in study["Series"]]
        if level == "series":
            return series
        return [each for one in series for each in (self._find(f"/series/{one}") or {}).get("Instances", [])]

    def _page(self, level: str, arguments: Mapping[str, str]) -> list[Any]:
        since, limit = number(arguments, "since", 0), number(arguments, "limit", MAXIMUM)
        identifiers = self._ids(level, self._studies().values())[since : since + min(limit, MAXIMUM)]
        expand = "expand" in arguments and arguments["expand"] not in {"false", "0"}
        return self._expanded(level, identifiers, _form(arguments)) if expand else identifiers

    def _expanded(self, level: str, identifiers: Iterable[str], form: str) -> list[Json]:
        read: Callable[[str], Any] = (
            (lambda each: self._patient(each, form)) if level == "patients" else lambda each: self._find(f"/{level}/{each}{form}")
        )
        return [resource for resource in map(read, identifiers) if resource]

    def _patient(self, identifier: str, form: str) -> Json | None:
        """A patient with those of its studies that the context lists."""
        patient = self._find(f"/patients/{identifier}{form}")
        mine = [study["ID"] for study in self._studies().values() if study["ParentPatient"] == identifier]
        return {**{name: patient[name] for name in _PATIENT}, "Studies": mine} if patient and mine else None

    def _statistics(self) -> Json:
        studies = self._studies()
        each = [found for identifier in studies if (found := self._find(f"/studies/{identifier}/statistics"))]
        disk, plain = (sum(int(one[name]) for one in each) for name in ("DiskSize", "UncompressedSize"))
        return {
            "CountPatients": len({study["ParentPatient"] for study in studies.values()}),
            "CountStudies": len(studies),
            "CountSeries": sum(one["CountSeries"] for one in each),
            "CountInstances": sum(one["CountInstances"] for one in each),
            "TotalDiskSize": str(disk),
            "TotalDiskSizeMB": disk >> 20,
            "TotalUncompressedSize": str(plain),
            "TotalUncompressedSizeMB": plain >> 20,
        }

    def _tool(self, name: str, body: bytes) -> Any:
        if name == "lookup":
            return self._lookup(body)
        asked = finding.read(body)
        found = self._found(asked)
        if name == "count-resources":
            return {"Count": len(found)}
        page = found[asked.since : asked.since + asked.limit]
        return self._expanded(finding.LEVELS[asked.level], page, asked.form) if asked.expand else page

    def _found(self, asked: Asked) -> list[str]:
        """Ids that match, judged once more by their owner: nothing is left to Orthanc's matching alone."""
        studies = self._studies()
        uids = finding.within(asked, [study["MainDicomTags"]["StudyInstanceUID"] for study in studies.values()])
        if not uids:
            return []
        identifiers: list[str] = json.loads(self._post("/tools/find", finding.server_built(asked, uids)))
        if asked.level in {"Patient", "Study"}:
            among = [studies[each] for each in identifiers if each in studies]
            return self._ids(finding.LEVELS[asked.level], among)
        return [each for each in identifiers if self._holds(finding.LEVELS[asked.level], each)]

    def _holds(self, level: str, identifier: str) -> bool:
        owners = self._owners(level, identifier)
        return not owners.isdisjoint(self._uids) if level == "patients" else bool(owners) and owners <= self._uids

    def _lookup(self, body: bytes) -> list[Json]:
        if not 0 < len(body) <= MAXIMUM_LOOKUP:
            raise MalformedError("not an identifier")
        found: list[Json] = json.loads(self._post("/tools/lookup", body))
        return [each for each in found if self._holds(finding.LEVELS[each["Type"]], each["ID"])]


def _form(arguments: Mapping[str, str]) -> str:
    """The format of tags asked for, as an argument of Orthanc's."""
    return "?full" if "full" in arguments else "?short" if "short" in arguments else ""
