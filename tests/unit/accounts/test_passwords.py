"""Which passwords are good, and what is kept of them."""

import re

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.accounts import passwords
from sidecar.accounts.passwords import HASHER, Keeper, Kept, context_of, fault

AROUND = context_of("anna.weiss@mercy.example", "Dr. Anna Weiss", "Mercy Hospital")
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
TABLE = [
    ("short", False),
    ("elevenchars", False),
    ("Teleradiology2026", False),
    ("Teleradiology2026!!", False),
    ("readingroom1234", False),
    ("password1234", False),
    ("P@ssw0rd1234", False),
    ("qwertyuiop1234", False),
    ("1q2w3e4r5t6y", False),
    ("123456789012", False),
    ("aaaaaaaaaaaaaaaa", False),
    ("letmeinletmein", False),
    ("dragon-20262026", False),
    ("Anna sees mountains", False),
    ("mercy me it rains", False),
    ("four tall ships at dusk", True),
    ("correct horse battery", True),
    ("zmvlqpwrxtyu", True),
    ("пять тихих сов ночью", True),
    ("  spaces count at ends  ", True),
    ("🦉 three owls, one moon", True),
    ("\u202eright to left\u0000and zero", True),
]


@pytest.mark.parametrize(("password", "good"), TABLE)
def test_a02_a_table_of_passwords(password: str, good: bool) -> None:
    assert (fault(password, context=AROUND) is None) is good, fault(password, context=AROUND)


@pytest.mark.parametrize("length", [12, 15, 64, 128])
def test_a02_from_12_to_128_of_any_characters(length: int) -> None:
    words = "vier stille Käuze über dem Nebel, 七つの星と月 und ein Zug nach Süden; keiner winkt mehr zurück, sagt Ωmega — " * 2
    assert fault(words[:length], context=()) is None
    assert "at least 12" in str(fault(words[:11], context=()))
    assert "at most 128" in str(fault(words[:129], context=()))


def test_a02_every_password_of_the_list_that_is_long_enough_is_refused() -> None:
    """The list has 30,000; those of 12 characters and more are refused as they are, in capitals, and with a year."""
    common = [each for each in passwords.COMMON if len(each) >= passwords.SHORTEST]
    assert len(passwords.COMMON) == 30_000
    assert len(common) > 200
    for each in common:
        with_year = f"{each}2026" if each.strip(passwords.TRIMMINGS) else each  # a longer number is another number
        for turned in (each, each.upper(), with_year, each.capitalize() + "!"):
            assert fault(turned, context=()) is not None, turned


def keeper(pepper: bytes = b"pepper", hasher: PasswordHasher = CHEAP) -> Keeper:
    made = Keeper(hasher)
    made.use(pepper)
    return made


@given(st.text(st.characters(exclude_categories=()), min_size=12, max_size=128))
@settings(max_examples=100, deadline=None)
def test_a02_verified_exactly_as_received(password: str) -> None:
    """No trimming, no folding, no normal form, no cut at 72 bytes, also for what is no Unicode text at all."""
    house = keeper()
    kept = house.keep(password)
    assert house.verifies(kept, password)
    for other in (password + " ", password[:-1], password.swapcase(), "x" + password):
        assert other == password or not house.verifies(kept, other)


def test_a03_argon2id_with_its_parameters_and_the_pepper_kept_elsewhere() -> None:
    kept = keeper().keep("four tall ships at dusk")
    assert re.match(r"^\$argon2id\$v=19\$m=", kept.hash)
    assert keeper().verifies(kept, "four tall ships at dusk")
    assert not keeper(b"another").verifies(kept, "four tall ships at dusk"), "a copy of the database opens nothing"
    assert not keeper().verifies(Kept(kept.hash, 0), "four tall ships at dusk")


def test_a03_old_rows_still_open_and_are_outdated() -> None:
    house, old = keeper(), CHEAP.hash("four tall ships at dusk")
    assert house.verifies(Kept(old, 0), "four tall ships at dusk")
    assert house.outdated(Kept(old, 0))
    assert keeper(hasher=HASHER).outdated(house.keep("x" * 12)), "other parameters"
    assert not house.outdated(house.keep("x" * 12))


def test_a03_without_a_pepper_nothing_is_hashed() -> None:
    with pytest.raises(RuntimeError, match="no pepper"):
        Keeper(CHEAP).keep("four tall ships at dusk")


def test_a11_without_an_account_a_hash_of_the_same_cost_is_verified() -> None:
    """Nobody's hash bears the parameters of everybody's."""
    asked: list[str] = []

    class Watching(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own name
            asked.append(str(hash).rsplit("$", 2)[0])
            return super().verify(hash, password)

    house = keeper(hasher=Watching(time_cost=1, memory_cost=64, parallelism=1))
    kept = house.keep("four tall ships at dusk")
    assert not house.verifies(None, "four tall ships at dusk")
    assert not house.verifies(kept, "not the password")
    assert asked == [kept.hash.rsplit("$", 2)[0]] * 2
