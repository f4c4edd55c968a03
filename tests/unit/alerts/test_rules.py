"""What in a stretch of the journal is an alert, and what is an honest night."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sidecar.alerts import rules
from sidecar.alerts.model import Kind, Seen
from sidecar.alerts.quarters import Quarter
from sidecar.alerts.rules import Limits
from sidecar.alerts.words import happened
from sidecar.kernel.errors import Missing

LIMITS = Limits()
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ANN, BOB = UUID(int=1), UUID(int=2)


def rows(
    kind: str, number: int, *, person: UUID | None = ANN, every: float = 10, address: str = "10.1.2.3", **more: object
) -> list[Seen]:
    return [Seen(START + timedelta(seconds=every * n), kind, person, address, **more) for n in range(number)]  # type: ignore[arg-type]


def studies(kind: str, count: int, *, images: int = 1) -> list[Seen]:
    times = (START + timedelta(seconds=n) for n in range(count * images))
    return [Seen(at, kind, ANN, "10.1.2.3", study_id=UUID(int=100 + n // images)) for n, at in enumerate(times)]


def found(seen: Iterable[Seen]) -> list[tuple[Kind, str]]:
    return [(each.kind, each.subject) for each in rules.findings(sorted(seen, key=lambda row: row.at), LIMITS)]


def spread(seen: list[Seen], people: int) -> list[Seen]:
    return [Seen(row.at, row.kind, UUID(int=10 + n % people), row.address) for n, row in enumerate(seen)]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (rows(rules.FAILED, 8), [(Kind.FAILED_SIGN_INS, str(ANN))]),
        (rows(rules.FAILED, 7), []),
        (rows(rules.FAILED, 20, every=120), []),
        (spread(rows(rules.FAILED, 15), 15), [(Kind.FAILED_SIGN_INS, "10.1.2.3")]),
        (spread(rows(rules.FAILED, 14), 14), []),
        (rows("gate.door.missed", 6) + rows("gate.door.denied", 6), [(Kind.PROBING, str(ANN))]),
        (rows("gate.door.missed", 6) + rows("gate.door.missed", 6, person=BOB), []),
        (rows("gate.door.missed", 11), []),
        (rows("gate.door.missed", 40, every=1, route="/dicom-web/<root>/x"), []),
        (rows("gate.door.missed", 45, every=1, route="/dicom-web/<root>/x"), [(Kind.PROBING, str(ANN))]),
        (rows("studies.gate.refused", 2, count=25), [(Kind.PROBING, str(ANN))]),
        (rows("gate.door.missed", 30, person=None), []),
        (studies("archive.study.downloaded", 20), [(Kind.MASS_DOWNLOAD, str(ANN))]),
        (studies("archive.study.downloaded", 19), []),
        (studies("archive.study.downloaded", 3, images=30), []),
        (studies("studies.images.accessed", 79, images=4), []),
        (studies("studies.images.accessed", 80), [(Kind.MASS_DOWNLOAD, str(ANN))]),
        (rows("accounts.user.signed-in", 100), []),
        (rows("sharing.glass.broken", 1, subject="g1"), [(Kind.BREAK_GLASS, "g1")]),
        (rows("accounts.user.second-factor-locked", 3), [(Kind.LOCKED, str(ANN))]),
        (rows("accounts.token.reused", 1), [(Kind.REPLAY, str(ANN))]),
        (rows("audit.journal.checked", 2, person=None), [(Kind.JOURNAL_BROKEN, "")]),
    ],
)
def test_what_is_an_alert(seen: list[Seen], expected: list[tuple[Kind, str]]) -> None:
    assert found(seen) == expected


def test_the_fullest_stretch_is_told_wherever_it_lies() -> None:
    quiet = [Seen(START - timedelta(minutes=30), rules.FAILED, ANN, "10.9.9.9")]
    (finding,) = rules.findings([*quiet, *rows(rules.FAILED, 9)], LIMITS)
    assert (finding.first_at, finding.facts["count"], finding.facts["addresses"]) == (START, 9, ["10.1.2.3"])


def test_what_was_looked_at_counts_no_more() -> None:
    seen = rows(rules.FAILED, 10)
    key = (Kind.FAILED_SIGN_INS.value, str(ANN))
    assert len(rules.deserved(seen, LIMITS, {})) == 1
    assert rules.deserved(seen, LIMITS, {key: seen[-1].at}) == []
    assert rules.deserved(seen, LIMITS, {key: seen[5].at}) == [], "four after it are not many"
    later = [Seen(row.at + timedelta(minutes=5), row.kind, row.person, "10.7.7.7") for row in seen]
    (again,) = rules.deserved([*seen, *later], LIMITS, {key: seen[-1].at})
    assert again.first_at == later[0].at
    assert len(rules.deserved(seen, LIMITS, {(Kind.PROBING.value, str(ANN)): seen[-1].at})) == 1


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.1.2.3", "10.1.2.0/24"), ("::ffff:10.1.2.3", "10.1.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("", ""),
        ("not an address", ""),
    ],
)  # fmt: skip
def test_a_place_is_a_network(address: str, place: str) -> None:
    assert rules.place(address) == place


def test_every_alert_has_a_sentence() -> None:
    for kind in Kind:
        for person in ("Ann", ""):
            said = happened(kind.value, {}, person)
            assert said.endswith(".")
            assert "{" not in said
    assert happened("probing", {"count": 12, "addresses": ["10.1.2.3"]}, "Ann") == (
        "Ann asked 12 times for what is not theirs to see from 10.1.2.3."
    )


def test_quarters() -> None:
    last = Quarter.of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert (str(last), str(last.before), str(last.after)) == ("2026-Q4", "2026-Q3", "2027-Q1")
    assert (last.begins, last.ends) == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert Quarter.named("2026-Q1").before == Quarter(2025, 4)
    for wrong in ("2026-Q5", "2026-Q0", "26-Q1", "2026Q1", "2026-Q1\n", ""):
        with pytest.raises(Missing):
            Quarter.named(wrong)
