"""Lookups of addresses: the same for every way to write one, another for every key, none without a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.adapters.lookups import NO_LOOKUP, Lookup

LOOKUP = Lookup(b"a key of thirty-two bytes, or so")


@given(st.emails())
def test_case_and_surrounding_space_do_not_matter(address: str) -> None:
    plain = address.lower()
    assert LOOKUP.of(f" {plain}\n") == LOOKUP.of(plain)
    if plain.upper().lower() == plain:
        assert LOOKUP.of(plain.upper()) == LOOKUP.of(plain)
    assert plain not in LOOKUP.of(plain)


def test_addresses_and_keys_are_told_apart() -> None:
    found = {LOOKUP.of("a@b.org"), LOOKUP.of("a@b.orgs"), LOOKUP.of(""), Lookup(b"another").of("a@b.org")}
    assert len(found) == 4
    assert all(each.startswith("address:") and len(each) == len("address:") + 64 for each in found)
    assert LOOKUP.of("\ud800@b.org") != LOOKUP.of("a@b.org")  # whatever a form may send


def test_a_mark_is_no_lookup_and_another_for_every_key() -> None:
    found = {LOOKUP.mark("a@b.org"), LOOKUP.mark("a@b.orgs"), Lookup(b"another").mark("a@b.org"), LOOKUP.of("a@b.org")[8:40]}
    assert len(found) == 4
    assert {len(each) for each in found} == {32}
    with pytest.raises(RuntimeError, match="lookup_key"):
        NO_LOOKUP.mark("a@b.org")


def test_without_a_key_nobody_is_looked_up() -> None:
    with pytest.raises(RuntimeError, match="lookup_key"):
        NO_LOOKUP.of("a@b.org")
    assert "thirty" not in repr(LOOKUP)
