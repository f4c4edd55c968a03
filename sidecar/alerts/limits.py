"""An organisation's own limits of alerts: a small clinic notices five downloads, a large reading group not thirty."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select

from sidecar.alerts.events import AlertLimitsSet
from sidecar.alerts.rules import CHOICES, Limits
from sidecar.alerts.tables import AlertLimits
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid

HOUSE = Limits()
"""In force for whoever set none."""


def limits_of(scope: Scope) -> Limits:
    """Return what is in force for the acting organisation."""
    row = _row(scope)
    return replace(HOUSE, **{name: getattr(row, name) for name in CHOICES}) if row else HOUSE


def set_limits(scope: Scope, chosen: Mapping[str, int]) -> Limits:
    """Choose the acting organisation's limits, each of CHOICES; Invalid outside its bounds. What is as before changes nothing."""
    for name, choice in CHOICES.items():
        if not choice.least <= chosen[name] <= choice.most:
            raise Invalid(f"{choice.label}: between {choice.least} and {choice.most}.")
    before = limits_of(scope)
    changes = [f"{name} {getattr(before, name)} to {chosen[name]}" for name in CHOICES if getattr(before, name) != chosen[name]]
    if not changes:
        return before
    row = _row(scope) or AlertLimits(organisation_id=scope.organisation_id)
    for name in CHOICES:
        setattr(row, name, chosen[name])
    row.changed_at = scope.now
    scope.session.add(row)
    scope.session.flush()
    scope.emit(AlertLimitsSet(organisation_id=scope.organisation_id, changes=", ".join(changes)))
    return limits_of(scope)


def _row(scope: Scope) -> AlertLimits | None:
    own = select(AlertLimits).where(AlertLimits.organisation_id == scope.organisation_id)
    return scope.session.scalars(own).one_or_none()
