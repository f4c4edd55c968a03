"""The custody of stored images: what each file was when it came is written down, and read again on a schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import false, select, update

from sidecar.archive.events import StudyDamaged
from sidecar.archive.model import Damage
from sidecar.archive.tables import InstanceDigest
from sidecar.gate.scope import Scope
from sidecar.studies.tables import Instance, Study

BATCH = 50
"""As many as a cell is asked about at once."""
AGAIN = timedelta(days=30)
"""After so long every file is read again."""
AGAIN_HIDDEN = timedelta(days=1)
"""A study that is about to be erased is not read: its files may go any moment."""


@dataclass(frozen=True, slots=True)
class Due:
    """An instance whose file is to be read now. ``sha256`` is None at its first reading."""

    orthanc_id: str
    study_id: UUID
    sha256: bytes | None
    damage: str
    hidden: bool


def due(scope: Scope, *, unread_since: datetime | None = None) -> list[Due]:
    """Return the next files of the acting organisation to be read, longest due first.

    ``unread_since``: a scrub; also those that are not due yet and were not read since that moment.
    """
    now = InstanceDigest.due_at <= scope.now
    scrubbed = InstanceDigest.verified_at < unread_since if unread_since else false()
    found = (
        select(InstanceDigest, Instance.study_id, Study.deleted_at)
        .join(
            Instance,
            (Instance.organisation_id == InstanceDigest.organisation_id) & (Instance.orthanc_id == InstanceDigest.orthanc_id),
        )
        .join(Study, (Study.organisation_id == Instance.organisation_id) & (Study.id == Instance.study_id))
        .where(InstanceDigest.organisation_id == scope.organisation_id, now | scrubbed)
        .order_by(InstanceDigest.due_at, InstanceDigest.orthanc_id)
        .limit(BATCH)
    )
    return [
        Due(row.orthanc_id, study_id, row.sha256, row.damage, hidden=deleted_at is not None)
        for row, study_id, deleted_at in scope.session.execute(found)
    ]


def judge(known: Due, told: Mapping[str, Any]) -> str:
    """Return what is wrong with a file, "" when nothing is. The first time Orthanc's MD5 of what came is the judge."""
    if not told:
        return Damage.MISSING
    same = bytes.fromhex(told["sha256"]) == known.sha256 if known.sha256 else bool(told["sound"])
    return "" if same else Damage.ALTERED


def write_down(scope: Scope, read: Sequence[Due], told: Mapping[str, Mapping[str, Any]]) -> int:
    """Keep what was read, and tell of each study that is newly damaged; return how many of its files are.

    A study that was deleted meanwhile is sealed in its cell, which then knows none of its files.
    """
    of_read = (Study.organisation_id == scope.organisation_id, Study.id.in_({each.study_id for each in read}))
    hidden = set(scope.session.scalars(select(Study.id).where(*of_read, Study.deleted_at.is_not(None))))
    put_off(scope, [each for each in read if each.study_id in hidden])
    found: dict[UUID, list[str]] = {}
    for each in (one for one in read if one.study_id not in hidden):
        damage = judge(each, told[each.orthanc_id])
        _keep(scope, each, told[each.orthanc_id], damage)
        if damage and damage != each.damage:
            found.setdefault(each.study_id, []).append(damage)
    for study_id, damages in found.items():
        altered, missing = damages.count(Damage.ALTERED), damages.count(Damage.MISSING)
        scope.emit(StudyDamaged(organisation_id=scope.organisation_id, study_id=study_id, altered=altered, missing=missing))
    return sum(map(len, found.values()))


def put_off(scope: Scope, hidden: Sequence[Due]) -> None:
    """Leave files of hidden studies for another day."""
    _update(scope, [each.orthanc_id for each in hidden], due_at=scope.now + AGAIN_HIDDEN)


def _keep(scope: Scope, known: Due, told: Mapping[str, Any], damage: str) -> None:
    values: dict[str, Any] = {"verified_at": scope.now, "due_at": scope.now + AGAIN, "damage": damage}
    if known.sha256 is None and told and not damage:
        values |= {"sha256": bytes.fromhex(told["sha256"]), "size_bytes": told["size"], "recorded_at": scope.now}
    _update(scope, [known.orthanc_id], **values)


def _update(scope: Scope, orthanc_ids: list[str], **values: Any) -> None:
    mine = (InstanceDigest.organisation_id == scope.organisation_id, InstanceDigest.orthanc_id.in_(orthanc_ids))
    changed = update(InstanceDigest).where(*mine).values(**values)
    scope.session.execute(changed.execution_options(synchronize_session=False))
