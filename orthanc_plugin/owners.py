"""To which StudyInstanceUID one of Orthanc's ids belongs, and whether that UID says whose images are meant.

Ids are hashes of the UIDs, so what an id belongs to stays true; that only one patient bears a UID may end with any image.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

Find = Callable[[str], Any]
"""A GET of Orthanc's REST past the gate: the JSON, or None when there is no such resource."""
Post = Callable[[str, bytes], bytes]
Value = TypeVar("Value")

MAXIMUM_CACHED = 16384
SURE_SECONDS = 1.0
"""For so long nobody asks again whether one patient alone bears a UID: a stack of frames asks hundreds of times."""
_NONE: frozenset[str] = frozenset()


class Owners:
    """Answers decide.Owner through Orthanc, remembering all but patients: those gain studies."""

    def __init__(self, find: Find, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._post = post
        self._clock = clock
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._sure_until: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, level: str, identifier: str) -> frozenset[str]:
        """The StudyInstanceUIDs that a resource belongs to; none when it is unknown or its study is doubtful."""
        if level == "patients":
            studies = self._find(f"/patients/{identifier}/studies") or []
            return frozenset().union(*(self("studies", study["ID"]) for study in studies))
        uid = identifier if level == "dicom-web" else self.uid(level, identifier)
        return frozenset({uid}) if self._is_one_patients(uid) else _NONE

    def uid(self, level: str, identifier: str) -> str:
        """The StudyInstanceUID that a study, series or instance belongs to, "" when there is no such resource."""
        with self._lock:
            known = self._cache.get(identifier)
        if known:
            return known
        study = self._find(f"/{level}/{identifier}" + ("" if level == "studies" else "/study"))
        uid: str = study["MainDicomTags"].get("StudyInstanceUID", "") if study else ""
        if uid:
            self._remember(self._cache, identifier, uid)
        return uid

    def _is_one_patients(self, uid: str) -> bool:
        now = self._clock()
        with self._lock:
            if now < self._sure_until.get(uid, now):
                return True
        if self.study(uid) is None:
            return False
        self._remember(self._sure_until, uid, now + SURE_SECONDS)
        return True

    def _remember(self, cache: OrderedDict[str, Value], key: str, value: Value) -> None:
        with self._lock:
            cache[key] = value
            cache.move_to_end(key)
            while len(cache) > MAXIMUM_CACHED:
                cache.popitem(last=False)

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
