"""To which StudyInstanceUID one of Orthanc's ids belongs. Ids are hashes of the UIDs, so what was once found stays true."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

Find = Callable[[str], Any]
"""A GET of Orthanc's REST past the gate: the JSON, or None when there is no such resource."""
Post = Callable[[str, bytes], bytes]

MAXIMUM_CACHED = 16384
_NONE: frozenset[str] = frozenset()


class Owners:
    """Answers decide.Owner through Orthanc, remembering all but patients: those gain studies."""

    def __init__(self, find: Find, post: Post) -> None:
        self._find = find
        self._post = post
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, level: str, identifier: str) -> frozenset[str]:
        """The StudyInstanceUIDs that a resource belongs to; none when it is unknown or its study is doubtful."""
        if level == "patients":
            studies = self._find(f"/patients/{identifier}/studies") or []
            return frozenset().union(*(self("studies", study["ID"]) for study in studies))
        with self._lock:
            uid = self._cache.get(identifier)
        return frozenset({uid}) if uid else self._look_up(level, identifier)

    def _look_up(self, level: str, identifier: str) -> frozenset[str]:
        study = self._find(f"/{level}/{identifier}" + ("" if level == "studies" else "/study"))
        uid = study["MainDicomTags"].get("StudyInstanceUID", "") if study else ""
        if self.study(uid) is None:
            return _NONE
        with self._lock:
            self._cache[identifier] = uid
            while len(self._cache) > MAXIMUM_CACHED:
                self._cache.popitem(last=False)
        return frozenset({uid})

    def study(self, uid: str) -> str | None:
        """Orthanc's id of the one study with this StudyInstanceUID.

        None when there is none, and also when two patients of the hospital bear it: the UID then does not say whose
        images are meant, and a reading context knows nothing else.
        """
        if not uid:
            return None
        query = {"Level": "Study", "Query": {"StudyInstanceUID": uid}, "Limit": 2}
        found: list[str] = json.loads(self._post("/tools/find", json.dumps(query).encode()))
        return found[0] if len(found) == 1 else None
