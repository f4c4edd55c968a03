"""Every event of the sidecar has plain words, and the words name only facts the event has."""

import importlib
import pkgutil
import string
from dataclasses import fields

import pytest

import sidecar
from sidecar.audit.vocabulary import ACTIVITY, APPLICATION_ACTIVITY, CODES, code_of, has_code
from sidecar.audit.words import WORDS, sentence
from sidecar.gate.scope import Event


def kinds() -> list[type[Event]]:
    """Return every event that happens: those of the rooms' ``events`` modules with nothing more special below them."""
    names = [found.name for found in pkgutil.walk_packages(sidecar.__path__, "sidecar.") if found.name.endswith(".events")]
    declared = [value for name in names for value in vars(importlib.import_module(name)).values() if isinstance(value, type)]
    return [each for each in declared if issubclass(each, Event) and each is not Event and not each.__subclasses__()]


@pytest.mark.parametrize("event", kinds(), ids=lambda event: event.kind)
def test_every_event_has_words(event: type[Event]) -> None:
    assert event.kind in WORDS
    used = {name for _text, name, _spec, _conversion in string.Formatter().parse(WORDS[event.kind]) if name}
    assert used <= {each.name for each in fields(event)} | {"person", "counterpart"}


@pytest.mark.parametrize("event", kinds(), ids=lambda event: event.kind)
def test_every_event_has_codes_and_an_outcome(event: type[Event]) -> None:
    assert has_code(event.kind)
    assert event.outcome in {0, 4, 8, 12}


def test_the_longest_beginning_decides_and_an_unknown_kind_is_still_told() -> None:
    assert code_of("accounts.user.signed-in").event.code == "110114"
    assert code_of("accounts.user.something-new").event.code == "110113"
    assert code_of("studies.study.opened").event.code == "110103"
    assert code_of("forgotten") == ACTIVITY
    assert not has_code("forgotten")


def test_every_code_is_one_of_the_standard() -> None:
    """DICOM PS3.16, CID 400 Audit Event ID and CID 401 Audit Event Type Code."""
    for code in CODES.values():
        assert 110100 <= int(code.event.code) <= 110114
        assert code.type is None or 110120 <= int(code.type.code) <= 110142
        assert code.action in {*"CRUDE"}
    assert APPLICATION_ACTIVITY.code == "110100"


def test_values_are_said_as_people_would() -> None:
    assert sentence("organisations.cell.wanted", {"wanted": "restarting"}) == "restarted the archive"
    assert sentence("accounts.user.sign-in-failed", {"factor": "totp"}) == "failed to sign in (wrong code)"
    until = {"expires_at": "2027-02-20T06:21:40.973144+00:00"}
    assert sentence("accounts.key.made", until) == "made an API key, valid until 2027-02-20 06:21 UTC"


def test_a_fact_that_is_missing_is_a_dash_and_an_unknown_kind_stays() -> None:
    assert sentence("organisations.sender.added", {"aet": "CT1"}) == "registered the sender CT1 from \N{EN DASH}"
    assert sentence("something.new", {}) == "something.new"
