"""Every event of the sidecar has plain words, and the words name only facts the event has."""

import importlib
import pkgutil
import string
from dataclasses import fields

import pytest

import sidecar
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


def test_values_are_said_as_people_would() -> None:
    assert sentence("organisations.cell.wanted", {"wanted": "restarting"}) == "restarted the archive"
    assert sentence("accounts.user.sign-in-failed", {"factor": "totp"}) == "failed to sign in (wrong code)"


def test_a_fact_that_is_missing_is_a_dash_and_an_unknown_kind_stays() -> None:
    assert sentence("organisations.sender.added", {"aet": "CT1"}) == "registered the sender CT1 from \N{EN DASH}"
    assert sentence("something.new", {}) == "something.new"
