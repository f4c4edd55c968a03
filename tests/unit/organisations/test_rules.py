"""AE titles, networks, ports, contracts, health: facts in, decision out."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugin.senders import parse_sender
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.settings import PortRange
from sidecar.organisations import rules

NOW = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "title"), [("CT1", "CT1"), ("  CT 1 ", "CT 1"), ("a" * 16, "a" * 16), ("CT-1_b.", "CT-1_b.")])
def test_titles_lose_insignificant_spaces_only(text: str, title: str) -> None:
    assert rules.ae_title(text) == title


@pytest.mark.parametrize("text", ["", "    ", "A" * 17, "CT\\1", "CT\t1", "CT\n", "Röntgen", "CT\u200b1"])
def test_bad_titles_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        rules.ae_title(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        (" 10.1.2.0/24 ", "10.1.2.0/24"),
        ("10.1.2.0/255.255.255.0", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("fe80::1", "fe80::1/128"),
    ],
)
def test_networks_have_one_spelling(text: str, network: str) -> None:
    assert rules.network(text) == network


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write the address"),
        ("10.1.2", "not an address"),
        ("ct7.mercy.example", "not an address"),
        ("10.1.2.5/24", "10.1.2.0/24, or only 10.1.2.5"),
        ("0.0.0.0/0", "half the world"),
        ("::/0", "half the world"),
        ("10.1.2.0/99", "not an address"),
    ],
)
def test_bad_networks_say_what_to_write(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        rules.network(text)


@given(st.text(max_size=20), st.sampled_from(["10.1.2.3", "10.0.0.0/8", "::ffff:1.2.3.4", "2001:db8::1"]))
def test_whatever_we_accept_the_plugin_accepts(title: str, network: str) -> None:
    try:
        accepted = rules.ae_title(title)
    except Invalid:
        return
    assert parse_sender(accepted, [rules.network(network)]).aet == accepted


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("10.1.2.0/24", "10.1.2.3", True),
        ("10.1.2.0/24", "::ffff:10.1.2.3", True),
        ("10.1.2.0/24", "10.1.3.3", False),
        ("10.1.2.0/24", "2001:db8::1", False),
        ("10.1.2.0/24", "not an address", False),
    ],
)
def test_admits(network: str, address: str, inside: bool) -> None:
    assert rules.admits(network, address) is inside


@pytest.mark.parametrize(
    ("name", "taken", "title"),
    [
        ("Mercy General Hospital", set(), "MERCY_GENERAL"),
        ("St. Luke's", set(), "ST_LUKES"),
        ("Klinikum Süd", set(), "KLINIKUM_SUD"),
        ("Universitätsklinikum", set(), "UNIVERSITATSKLIN"),
        ("東京病院", set(), "HOSPITAL"),
        ("東京病院", {"HOSPITAL"}, "HOSPITAL2"),
        ("Universitätsklinikum", {"UNIVERSITATSKLIN", "UNIVERSITATSKLI2"}, "UNIVERSITATSKLI3"),
    ],
)
def test_a_title_is_made_from_the_name(name: str, taken: set[str], title: str) -> None:
    assert rules.derive_aet(name, taken) == title


@given(st.text(max_size=60), st.sets(st.text(max_size=16), max_size=5))
def test_a_made_title_is_always_good_and_free(name: str, taken: set[str]) -> None:
    title = rules.derive_aet(name, taken)
    assert rules.ae_title(title) == title
    assert title not in taken


def test_ports_taken_or_in_use_are_passed_over() -> None:
    ports = PortRange(100, 103)
    assert rules.choose_port(ports, {100}, lambda port: port != 101) == 102
    with pytest.raises(Conflict, match="100 to 103"):
        rules.choose_port(ports, {100, 101, 102, 103}, lambda _port: True)


def test_the_last_day_of_a_contract_counts() -> None:
    day = date(2026, 11, 21)
    assert rules.in_force(day, day, day)
    assert rules.in_force(day, None, day + timedelta(days=999))
    assert not rules.in_force(day, day, day + timedelta(days=1))
    assert not rules.in_force(day, None, day - timedelta(days=1))


@pytest.mark.parametrize(
    ("mine", "other", "shared"),
    [(None, None, True), (None, ["CT"], True), (["CT"], ["MR"], False), (["CT", "MR"], ["MR"], True)],
)
def test_overlap(mine: list[str] | None, other: list[str] | None, shared: bool) -> None:
    assert rules.overlap(mine, other) is shared


@pytest.mark.parametrize(
    ("wanted", "state", "silent", "word"),
    [
        ("running", "new", None, "Starting"),
        ("running", "running", None, "Starting"),
        ("running", "running", 5, "Running"),
        ("running", "running", 90, "Silent"),
        ("running", "backoff", 5, "Down"),
        ("running", "fatal", None, "Down"),
        ("stopped", "running", 5, "Stopping"),
        ("stopped", "stopped", 500, "Stopped"),
        ("restarting", "running", 5, "Restarting"),
    ],
)
def test_health_in_one_word(wanted: str, state: str, silent: int | None, word: str) -> None:
    seen = None if silent is None else NOW - timedelta(seconds=silent)
    assert rules.health(wanted, state, seen, NOW).word == word


def test_complaints_lose_what_only_developers_read() -> None:
    lines = [
        "W1121 20:39:25.206067             MAIN main.cpp:2452] Orthanc version",
        "E1121 20:39:26.010288 7f6a PluginsManager.cpp:202] No disk",
    ]
    assert rules.complaint(lines) == "20:39:26 No disk"
    assert rules.complaint([]) == ""
