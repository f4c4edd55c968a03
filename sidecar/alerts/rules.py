"""Pure rules: what in a stretch of the journal deserves somebody's look. Facts in, findings out; no clock, no database.

Each rule counts inside a window that slides over its rows, so an attack is found wherever the sweeps of the worker fall.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sidecar.alerts.model import Finding, Kind, Seen

FAILED = "accounts.user.sign-in-failed"
REFUSED_AT_CELL = "studies.gate.refused"
GUESSED = "sharing.glass.missed"
DENIED = ("gate.door.", REFUSED_AT_CELL, GUESSED)
AT_ONCE: Mapping[str, Kind] = {
    "sharing.glass.broken": Kind.BREAK_GLASS,
    "accounts.user.second-factor-locked": Kind.LOCKED,
    "accounts.token.reused": Kind.REPLAY,
    "audit.journal.checked": Kind.JOURNAL_BROKEN,
}
STACKS = ("/dicom-web/", "/explorer/", "/edge/")
"""Routes that a viewer asks by itself, hundreds at a time."""
TAKEN = ("archive.study.downloaded", "deidentification.export.downloaded")
GIVEN = "studies.images.accessed"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of what, in which window, are too many. The numbers are what no honest night reaches."""

    failed_of_account: int = 8
    failed_of_address: int = 15
    denials: int = 12
    denials_of_images: int = 45
    downloads: int = 20
    studies_seen: int = 80
    soon: timedelta = timedelta(minutes=10)
    long: timedelta = timedelta(hours=1)

    @property
    def longest(self) -> timedelta:
        """How far back the rules look."""
        return max(self.soon, self.long)


@dataclass(frozen=True, slots=True)
class Choice:
    """What an organisation may choose for one of the limits: between an alarm every night and an attack that goes unseen."""

    least: int
    most: int
    label: str
    hint: str


CHOICES: Mapping[str, Choice] = {
    "failed_of_account": Choice(3, 30, "Failed sign-ins of one account", "within 10 minutes"),
    "failed_of_address": Choice(5, 100, "Failed sign-ins from one address", "within 10 minutes, for whichever accounts"),
    "denials": Choice(5, 100, "Attempts at what is not theirs", "by one person within 10 minutes"),
    "denials_of_images": Choice(20, 500, "Images asked for in vain", "by one person within 10 minutes"),
    "downloads": Choice(3, 200, "Studies taken along", "by one person within an hour"),
    "studies_seen": Choice(10, 1000, "Studies looked into", "by one person within an hour"),
}
"""Names of Limits → what may be chosen. The windows are the same for all."""


def findings(rows: Sequence[Seen], limits: Limits) -> list[Finding]:
    """Return every alert these rows (oldest first) deserve."""
    return [*failed_sign_ins(rows, limits), *probing(rows, limits), *mass_download(rows, limits), *at_once(rows)]


def deserved(rows: Sequence[Seen], limits: Limits, settled: Mapping[tuple[str, str], datetime]) -> list[Finding]:
    """Return the findings of these rows without what somebody has looked at already.

    ``settled``: (kind, subject) → when it was acknowledged; only rows after that count for it.
    """
    standing = []
    for found in findings(rows, limits):
        key = (found.kind.value, found.subject)
        if key not in settled:
            standing.append(found)
        elif found.last_at > settled[key]:
            since = findings([row for row in rows if row.at > settled[key]], limits)
            standing += [each for each in since if (each.kind.value, each.subject) == key]
    return standing


def failed_sign_ins(rows: Iterable[Seen], limits: Limits) -> Iterator[Finding]:
    """Wrong passwords and codes: many for one account, or many from one address, for whichever accounts."""
    failed = [row for row in rows if row.kind == FAILED]
    of_account = _bursts(failed, lambda row: row.person, limits.soon, limits.failed_of_account)
    for person, burst in of_account:
        yield _finding(Kind.FAILED_SIGN_INS, str(person), burst, user_id=str(person), addresses=_addresses(burst))
    for address, burst in _bursts(failed, lambda row: row.address, limits.soon, limits.failed_of_address):
        accounts = len({row.person for row in burst})
        yield _finding(Kind.FAILED_SIGN_INS, str(address), burst, accounts=accounts, addresses=[address])


def probing(rows: Iterable[Seen], limits: Limits) -> Iterator[Finding]:
    """One person asks again and again for what is not there for them: ids of others look exactly so.

    A viewer left open after its study was given back asks for a stack of images, so those count less.
    """
    denied = [row for row in rows if row.kind.startswith(DENIED)]
    of_images = [row for row in denied if row.route.startswith(STACKS) or row.kind == REFUSED_AT_CELL]
    others = [row for row in denied if row not in of_images]
    for some, many in ((others, limits.denials), (of_images, limits.denials_of_images)):
        for person, burst in _bursts(some, lambda row: row.person, limits.soon, many):
            yield _finding(Kind.PROBING, str(person), burst, user_id=str(person), addresses=_addresses(burst))


def mass_download(rows: Iterable[Seen], limits: Limits) -> Iterator[Finding]:
    """One person takes along more studies, or looks into more, than anybody needs in an hour."""
    taken = _once_per_study(row for row in rows if row.kind in TAKEN)
    for person, burst in _bursts(taken, lambda row: row.person, limits.long, limits.downloads):
        yield _finding(Kind.MASS_DOWNLOAD, str(person), burst, user_id=str(person), addresses=_addresses(burst))
    seen = _once_per_study(row for row in rows if row.kind == GIVEN)
    for person, burst in _bursts(seen, lambda row: row.person, limits.long, limits.studies_seen):
        yield _finding(Kind.MASS_DOWNLOAD, str(person), burst, user_id=str(person), addresses=_addresses(burst))


def at_once(rows: Iterable[Seen]) -> Iterator[Finding]:
    """What is an alert whenever it happens; one of each subject."""
    latest: dict[tuple[Kind, str], Finding] = {}
    for row in rows:
        if row.kind in AT_ONCE:
            kind, subject = AT_ONCE[row.kind], row.subject or str(row.person or "")
            latest[kind, subject] = _finding(kind, subject, [row], **({"user_id": str(row.person)} if row.person else {}))
    yield from latest.values()


def place(address: str) -> str:
    """Return the network that stands for where somebody is: /24 of IPv4, /48 of IPv6; "" for no address at all."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if known.version == 6 and known.ipv4_mapped:  # noqa: PLR2004 - the protocol's number
        known = known.ipv4_mapped
    return str(ip_network(f"{known}/{24 if known.version == 4 else 48}", strict=False))  # noqa: PLR2004


def _once_per_study(rows: Iterable[Seen]) -> list[Seen]:
    """A stack of images is one study: only its first row of each person counts. What names no study counts by itself."""
    first: dict[Hashable, Seen] = {}
    for number, row in enumerate(rows):
        first.setdefault((row.person, row.study_id or number), Seen(row.at, row.kind, row.person, row.address, row.study_id))
    return list(first.values())


def _bursts(
    rows: Iterable[Seen], key: Callable[[Seen], Hashable], window: timedelta, many: int
) -> Iterator[tuple[Hashable, list[Seen]]]:
    """Yield each key with the rows of its fullest stretch of ``window``, where that counts ``many`` or more.

    A row counts as often as it says (``count``); what has no key is nobody's.
    """
    groups: dict[Hashable, list[Seen]] = defaultdict(list)
    for row in rows:
        if key(row):
            groups[key(row)].append(row)
    for name, members in groups.items():
        best = _fullest(members, window)
        if sum(row.count for row in best) >= many:
            yield name, best


def _fullest(rows: Sequence[Seen], window: timedelta) -> list[Seen]:
    best, start, total, most = (0, 0), 0, 0, -1
    for end, row in enumerate(rows):
        total += row.count
        while row.at - rows[start].at > window:
            total -= rows[start].count
            start += 1
        if total > most:
            best, most = (start, end + 1), total
    return list(rows[slice(*best)])


def _addresses(rows: Iterable[Seen]) -> list[str]:
    return sorted({row.address for row in rows if row.address})[:5]


def _finding(kind: Kind, subject: str, rows: Sequence[Seen], **facts: object) -> Finding:
    count = sum(row.count for row in rows)
    return Finding(kind, subject, rows[0].at, rows[-1].at, {"count": count, **facts})
