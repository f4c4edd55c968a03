"""Plain words of the DICOM pages: what an AE title may do, what became of an association. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sidecar.adapters.knock import Answer, Knock
from sidecar.organisations.model import CharacterSet, NodeAnswer, Outcome, Service
from sidecar.ui.words import size, span_words

SERVICES: Mapping[str, tuple[str, str]] = {
    Service.ECHO: ("Echo", "test the connection (C-ECHO)"),
    Service.STORE: ("Store", "send images to this archive (C-STORE)"),
    Service.FIND: ("Find", "search the archive's list of studies (C-FIND)"),
    Service.MOVE: ("Move", "have studies sent to a registered node (C-MOVE)"),
    Service.GET: ("Get", "fetch studies over its own call (C-GET)"),
    Service.WORKLIST: ("Worklist", "ask for the ordered examinations (modality worklist)"),
    Service.COMMITMENT: ("Commitment", "ask whether sent images are kept for good (storage commitment)"),
}
"""Service → its name at a device, and what it lets the device do."""
CHARACTER_SETS: Mapping[str, str] = {
    CharacterSet.UTF8: "UTF-8",
    CharacterSet.LATIN1: "Latin-1: Western Europe",
    CharacterSet.LATIN2: "Latin-2: Central Europe",
    CharacterSet.TURKISH: "Latin-5: Turkish",
    CharacterSet.CYRILLIC: "Cyrillic (ISO 8859-5)",
    CharacterSet.WINDOWS1251: "Cyrillic (Windows-1251)",
    CharacterSet.GREEK: "Greek",
    CharacterSet.ARABIC: "Arabic",
    CharacterSet.HEBREW: "Hebrew",
    CharacterSet.THAI: "Thai",
    CharacterSet.JAPANESE: "Japanese",
    CharacterSet.CHINESE: "Chinese (GB 18030)",
}
NOTHING_SENT = 4096
"""Bytes: an association that sent fewer agreed on the terms and transferred nothing."""

ADVICE: Mapping[str, str] = {
    Outcome.UNKNOWN_AET: "Its images are refused until it is registered.",
    Outcome.WRONG_ADDRESS: "The title is registered, but not from there. Register that address too, or find out who it is.",
    Outcome.WRONG_CALLED_AET: "Set the called AE title at the device to {archive}.",
    Outcome.NO_CERTIFICATE: "Install its certificate at the device and switch TLS on there.",
    Outcome.WRONG_CERTIFICATE: "Its certificate is another title's or another authority's, revoked or ended. Issue a new one.",
    Outcome.NO_ROOM: "It was told to try again later; nothing it had sent before is lost. Your platform's people must make room.",
    Outcome.SERVICE_NOT_ALLOWED: "Allow it in the entry of this AE title, if it shall.",
}
"""What to do about a refusal. ``archive`` is the cell's AE title."""

CALLING_NOT_RECOGNISED, CALLED_NOT_RECOGNISED = (1, 1, 3), (1, 1, 7)
"""Result, source, reason of a rejection (PS3.8 table 9-21)."""
TRANSIENT = 2
"""Result of a rejection that may be otherwise a moment later."""


class Told(Protocol):
    """What the words are made from: an associations row."""

    aet: str
    called_aet: str
    address: str
    port: str
    outcome: str
    services: list[str]
    objects: int
    bytes_in: int
    bytes_out: int
    began_at: datetime
    ended_at: datetime
    count: int


class Refused(Protocol):
    """A refused_associations row."""

    aet: str
    address: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """What became of an association; ``tone`` ok, warn or "" (neutral)."""

    text: str
    tone: str


def association(row: Told) -> Sentence:
    """Say what became of an association."""
    if row.outcome == Outcome.ACCEPTED:
        return Sentence(f"{row.aet} {_done(row)}{_times(row.count, 'time')}", "ok")
    if row.outcome == Outcome.INCOMPLETE:
        return Sentence(f"{row.aet} {_done(row)}; others did not get through", "warn")
    return Sentence(
        refusal(row.outcome, row.aet, row.address, row.services, row.called_aet) + _times(row.count, "attempt"), "warn"
    )


def refusal(outcome: str, aet: str, address: str, services: Sequence[str] = (), called: str = "") -> str:
    """Say who was refused and why, without how often."""
    who = aet or "A caller without an AE title"
    asked = " and ".join(SERVICES[each][0].lower() for each in services if each in SERVICES) or "something"
    texts = {
        Outcome.UNKNOWN_AET: f"Unknown AE title {aet} from {address}" if aet else f"{who} from {address}",
        Outcome.WRONG_ADDRESS: f"{who} called from {address}, where it is not registered",
        Outcome.WRONG_CALLED_AET: f"{who} from {address} called this archive {called or 'by another name'}",
        Outcome.NO_CERTIFICATE: f"{who} from {address} showed no certificate",
        Outcome.WRONG_CERTIFICATE: f"{who} from {address} showed a certificate that does not count for it",
        Outcome.SERVICE_NOT_ALLOWED: f"{who} from {address} asked for {asked}, which it may not do",
        Outcome.TIMEOUT: f"{aet or 'Somebody'} at {address} opened a connection and fell silent",
        Outcome.MALFORMED: f"{aet or 'Somebody'} at {address} sent something that is not DICOM",
        Outcome.TOO_MANY: f"{aet or 'Somebody'} at {address} had too many connections open at once",
        Outcome.NO_ROOM: f"{who} wanted to send images, for which the disk has no room just now",
        Outcome.UNKNOWN_DESTINATION: f"{who} asked to have images sent to {called}, which is no node with an address here",
    }
    return texts[Outcome(outcome)]


def refused(row: Refused) -> str:
    """Say who was refused, why and how often."""
    often = "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    return f"{refusal(row.reason, row.aet, row.address)}, {often}"


def advice(row: Refused, *, archive: str) -> str:
    """Say what to do about a refusal. ``archive`` is the cell's AE title."""
    if not row.aet:
        return "It cannot be registered: entries are found by their AE title. Set one at the device."
    return ADVICE[Outcome(row.reason)].format(archive=archive)


def _done(row: Told) -> str:
    took = span_words((row.ended_at - row.began_at).total_seconds())
    asked = set(row.services) - {Service.ECHO}
    if not asked:
        return "tested the connection (echo)"
    if asked == {Service.STORE}:
        return _sent(row, took)
    names = ", ".join(SERVICES[each][0].lower() for each in row.services if each in asked and each in SERVICES)
    moved = f", {_images(row.objects)}" if row.objects else ""
    moved += f", sent {size(row.bytes_in)}" if row.bytes_in > NOTHING_SENT else ""
    moved += f", received {size(row.bytes_out)}" if row.bytes_out > NOTHING_SENT else ""
    return f"connected for {names or 'something unknown'}{moved}, {took}"


def _sent(row: Told, took: str) -> str:
    if row.objects:
        return f"sent {_images(row.objects)}, {size(row.bytes_in)}, in {took}"
    return f"sent {size(row.bytes_in)} in {took}" if row.bytes_in > NOTHING_SENT else "connected to send and sent nothing"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _times(count: int, word: str) -> str:
    if count == 1:
        return ""
    return f", {count} {word}s"


def reached(sent: bool, aet: str) -> NodeAnswer:  # noqa: FBT001 - which of two sentences
    """Say that a trial went well."""
    if sent:
        text = f"{aet} took the test image."
        return NodeAnswer(ok=True, word="taken", text=text, advice="Look for the patient TEST^IMAGE there, and delete it there.")
    return NodeAnswer(
        ok=True, word="answered", text=f"{aet} answered.", advice="The archive reaches it, and it knows the archive."
    )


def not_reached(found: Knock, aet: str, where: str, *, archive: str) -> NodeAnswer:
    """Say why a trial failed, from what the node answers to a knock."""
    if found.answer is Answer.REJECTED:
        return _rejected(found, aet, archive)
    text, advice = {
        Answer.UNKNOWN_HOST: ("There is no host of this name.", "Check the name, or write the address in figures."),
        Answer.NOBODY_LISTENS: (
            f"Nothing listens at {where}.",
            "The machine is there: check the port, and whether its DICOM service runs.",
        ),
        Answer.UNREACHABLE: (f"There is no way to {where}.", "Check the address; the network between may be down."),
        Answer.OFF_LIMITS: (
            f"{where} leads to the platform itself, where no node of yours can be.",
            "Write the address the node has in your own network. It is not called as it stands.",
        ),
        Answer.SILENT: (
            f"{where} does not answer.",
            "The machine is off, the address is another's, or a firewall drops the call.",
        ),
        Answer.ABORTED: (
            f"{where} hung up.",
            "It is no DICOM service, expects TLS, or does not take calls from this archive's address.",
        ),
        Answer.NOT_SUPPORTED: (
            f"{aet} takes the call and refuses this service.",
            "Its DICOM settings do not accept what was tried.",
        ),
        Answer.ACCEPTED: (
            f"{aet} takes the call and then did not do what was asked.",
            "Its own log knows why; it may be full or busy.",
        ),
    }[found.answer]
    return NodeAnswer(ok=False, word=found.answer.value, text=text, advice=advice)


def _rejected(found: Knock, aet: str, archive: str) -> NodeAnswer:
    if found.reason == CALLING_NOT_RECOGNISED:
        text, advice = (
            f"{aet} does not know {archive}.",
            f"Register the AE title {archive} at the node, with this archive's address.",
        )
    elif found.reason == CALLED_NOT_RECOGNISED:
        text, advice = f"The node there is not called {aet}.", "Correct the AE title here or at the node; capitals matter."
    elif found.reason[0] == TRANSIENT:
        text, advice = f"{aet} takes no calls at the moment.", "It has too many connections. Try again in a minute."
    else:
        text, advice = (
            f"{aet} refused the call without saying why.",
            f"Check at the node that {archive} may call from this address.",
        )
    return NodeAnswer(ok=False, word=found.answer.value, text=text, advice=advice)
