"""Which fields of a study who sees: one table for every list, page and serialiser (45 CFR 164.502(b), minimum necessary).

A field that is not named here is shown. Under broken glass nothing of the patient is masked: that is what it was broken for.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

from sidecar.gate.actor import Actor, OrganisationKind, Role

Row = TypeVar("Row")
Who = tuple[OrganisationKind, Role]


class Show(StrEnum):
    """How much of a field is shown."""

    PLAIN = "plain"
    MASKED = "masked"
    HIDDEN = "hidden"


HOSPITAL, GROUP, PLATFORM = OrganisationKind.PROVIDER, OrganisationKind.READING_GROUP, OrganisationKind.PLATFORM
NO_CARE: frozenset[Who] = frozenset(
    {(HOSPITAL, Role.ADMIN), (GROUP, Role.ADMIN), (GROUP, Role.MANAGER), (GROUP, Role.TECHNICIAN), (PLATFORM, Role.ADMIN)}
)
"""Who runs users, assignment or billing: a line must be told from the next one, no more."""
OUTSIDE: frozenset[Who] = frozenset({(HOSPITAL, Role.VIEWER), (GROUP, Role.VIEWER)})
NO_MACHINES: frozenset[Who] = OUTSIDE | {(GROUP, role) for role in Role}

FIELDS: Mapping[str, tuple[Show, frozenset[Who]]] = {
    "patient_name": (Show.MASKED, NO_CARE),
    "patient_id": (Show.MASKED, NO_CARE),
    "patient_birth_date": (Show.MASKED, NO_CARE),
    "referring_physician_name": (Show.HIDDEN, OUTSIDE),
    "reason_for_requested_procedure": (Show.HIDDEN, OUTSIDE),
    "remote_ip": (Show.HIDDEN, NO_MACHINES),
    "remote_aet": (Show.HIDDEN, NO_MACHINES),
    "http_username": (Show.HIDDEN, NO_MACHINES),
}
"""Field: how it is shown to these roles; to all others plainly. Drafts of reports: ``reports.policy.visible``."""


def name_mask(name: str) -> str:
    """Return a Person Name (PS3.5 §6.2) as initials of family and given name."""
    family, _, rest = name.partition("=")[0].partition("^")
    initials = [f"{part.strip()[0]}." for part in (family, rest.partition("^")[0]) if part.strip()]
    return "^".join(initials)


def id_mask(identifier: str) -> str:
    """Return an identifier as its last two characters; one of four or fewer shows none of them."""
    return f"…{identifier[-2:] if len(identifier) > 4 else ''}" if identifier else ""  # noqa: PLR2004


def date_mask(date: str) -> str:
    """Return a date (DA) as its year, which is enough for an age."""
    return date[:4]


MASKS: Mapping[str, Callable[[str], str]] = {
    "patient_name": name_mask,
    "patient_id": id_mask,
    "patient_birth_date": date_mask,
}


def show(actor: Actor, field: str) -> Show:
    """Return how this person sees a field."""
    how, whom = FIELDS.get(field, (Show.PLAIN, frozenset()))
    if actor.kind is None or actor.role is None or (actor.kind, actor.role) not in whom:
        return Show.PLAIN
    return Show.PLAIN if actor.glass is not None and how is Show.MASKED else how


def unseen(actor: Actor) -> frozenset[str]:
    """Return the fields this person does not see as they are.

    No search of theirs looks at them: asked letter by letter, what is found and what is not would spell them out.
    """
    return frozenset(field for field in FIELDS if show(actor, field) is not Show.PLAIN)


def value(actor: Actor, field: str, text: str) -> str:
    """Return a field's text as this person sees it; "" where it is hidden."""
    how = show(actor, field)
    if how is Show.HIDDEN:
        return ""
    return MASKS[field](text) if how is Show.MASKED else text


def seen(actor: Actor, row: Row) -> Row:
    """Return a row (a study, an order, an instance) as this person sees it: its fields by the table, all else as it is."""
    return cast("Row", Seen(actor, row)) if any(show(actor, field) is not Show.PLAIN for field in FIELDS) else row


class Seen:
    """A row through somebody's eyes. Reading only."""

    __slots__ = ("_actor", "_row")

    def __init__(self, actor: Actor, row: Any) -> None:
        self._actor, self._row = actor, row

    def __getattr__(self, name: str) -> Any:
        """Return the field, masked or hidden."""
        found = getattr(self._row, name)
        return value(self._actor, name, found) if name in FIELDS else found
