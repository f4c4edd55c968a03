"""Alerts as sentences: what happened, and what to do now."""

from collections.abc import Mapping
from typing import Any

from sidecar.alerts.model import LABELS, Kind

ADVICE: Mapping[Kind, str] = {
    Kind.FAILED_SIGN_INS: "Ask whether it was them. If not: disable the account, or have them change the password.",
    Kind.PROBING: "Ask what they were looking for. If nobody can say, disable the account first and talk then.",
    Kind.MASS_DOWNLOAD: "Ask what it was for. If nobody can say, disable the account: that ends what is running, too.",
    Kind.BREAK_GLASS: "Review it within 72 hours: was there an emergency?",
    Kind.GLASS_UNREVIEWED: "One of you who did not break it reviews it now. You are reminded every day until then.",
    Kind.NEW_PLACE: "Travelling? Then all is well. If they were not there, end their sessions and have the password changed.",
    Kind.LOCKED: "Ask whether it was them, then unlock it on their page.",
    Kind.REPLAY: "All its sessions were ended. Ask where the program runs, and whether its token can have got lost.",
    Kind.REVIEW_DUE: "Go through who may do what, and confirm it.",
    Kind.IMAGES_DAMAGED: "Do not read from them. Bring the files back from the backup of the cell, or have the study sent again.",
    Kind.JOURNAL_BROKEN: "Call the platform administrator. Delete nothing.",
}

SENTENCES: Mapping[str, tuple[str, str]] = {
    Kind.FAILED_SIGN_INS: (
        "{count} failed sign-ins as {who}{where}.",
        "{count} failed sign-ins{where}, for {accounts} accounts.",
    ),
    Kind.PROBING: ("{who} asked {count} times for what is not theirs to see{where}.",) * 2,
    Kind.MASS_DOWNLOAD: ("{who} took along or looked into {count} studies within an hour{where}.",) * 2,
    Kind.BREAK_GLASS: ("{who} broke the glass: access beyond the usual, for an emergency.",) * 2,
    Kind.GLASS_UNREVIEWED: (
        "{who} broke the glass {days} days ago, and nobody has reviewed it. It was due within 72 hours.",
        "The platform's administrator broke the glass {days} days ago, and nobody has reviewed it. It was due within 72 hours.",
    ),
    Kind.NEW_PLACE: ("{who} signed in from {place} for the first time.",) * 2,
    Kind.LOCKED: ("The second factor of {who} is locked after too many wrong codes.", "A second factor is locked."),
    Kind.REPLAY: ("A refresh token of {who} was used a second time.", "A refresh token was used a second time."),
    Kind.JOURNAL_BROKEN: ("An entry of the journal was changed or removed outside the application.",) * 2,
    Kind.IMAGES_DAMAGED: ("{count} files of a study are not what was received: altered, missing or unreadable.",) * 2,
    Kind.REVIEW_DUE: ("Nobody has reviewed yet who may do what in {quarter}.",) * 2,
}
"""Kind → what happened, about a person and about nobody in particular."""


def label(kind: str) -> str:
    """Return an alert's name."""
    return LABELS[Kind(kind)] if kind in set(Kind) else kind


def happened(kind: str, facts: Mapping[str, Any], person: str) -> str:
    """Return what happened in one sentence. ``person``: whom it is about, "" for nobody in particular."""
    places = ", ".join(facts.get("addresses", []))
    known = {"count": 1, "days": "some", "accounts": "several", "place": "a new place", "quarter": "the last quarter", **facts}
    said = SENTENCES.get(kind, ("{who}: " + label(kind), label(kind)))[0 if person else 1]
    return said.format_map({**known, "who": person or "Somebody", "where": f" from {places}" if places else ""})


def advice(kind: str) -> str:
    """Return what to do about it."""
    return ADVICE.get(Kind(kind), "") if kind in set(Kind) else ""
