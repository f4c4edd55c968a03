"""AE titles, networks, ports, contracts, health: facts in, decision out."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugin.entities import parse_entity
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.settings import PortRange
from sidecar.organisations import rules
from sidecar.organisations.errors import Unfit
from sidecar.organisations.model import Service
from sidecar.organisations.snapshot import Caller

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
    read = parse_entity(asdict(Caller(accepted, [rules.network(network)], [each.value for each in Service])))
    assert read.aet == accepted


@given(st.text(max_size=60))
def test_whatever_host_we_accept_is_one_the_plugin_accepts(text: str) -> None:
    try:
        host = rules.host_name(text)
    except Invalid:
        return
    assert parse_entity(asdict(Caller("CT1", [], [], host, 104 if host else 0))).host == host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("", ""),
        (" 10.1.3.14 ", "10.1.3.14"),
        ("PACS.Mercy.Example.", "pacs.mercy.example"),
        ("pacs", "pacs"),
        ("2001:DB8::1", "2001:db8::1"),
        ("0x7f.mercy.example", "0x7f.mercy.example"),
    ],
)
def test_hosts_have_one_spelling(text: str, host: str) -> None:
    assert rules.host_name(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "10.1.2.999", "1.2.3", "-a.example", "a_b.example", "a b", "http://pacs", "pacs:104", "a" * 64,
        "0x7f000001", "0X7F.1", "127.0.0.0x1", "0177.0.0.0x1", "017700000001", "pacs.1", "0x",
    ],
)  # fmt: skip
def test_bad_hosts_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not an address or a host name"):
        rules.host_name(text)


@pytest.mark.parametrize(
    ("networks", "services", "host", "field"),
    [
        ([], ["echo"], "", "networks"),
        (["10.0.0.0/24"], [], "", "services"),
        (["10.0.0.0/24"], ["commitment"], "", "host"),
        (["10.0.0.0/24"], ["commitment"], "10.0.0.1", None),
        ([], [], "10.0.0.1", None),
        (["10.0.0.0/24"], ["echo"], "", None),
    ],
)
def test_an_entry_must_be_of_some_use(networks: list[str], services: list[str], host: str, field: str | None) -> None:
    if field is None:
        rules.require_use(networks, services, host)
        return
    with pytest.raises(Unfit) as unfit:
        rules.require_use(networks, services, host)
    assert unfit.value.field == field


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.64.3.2", "::1", "::ffff:127.0.0.1", "169.254.169.254", "::", "localhost", "a.localhost"]
)
def test_a_node_is_not_this_machine_unless_all_live_on_it(host: str) -> None:
    with pytest.raises(Unfit, match="this machine itself"):
        rules.require_elsewhere(host, installation="dicom.example")
    rules.require_elsewhere(host, installation="127.0.0.1")
    for fine in ("", "10.1.3.14", "pacs.mercy.example", "2001:db8::1"):
        rules.require_elsewhere(fine, installation="dicom.example")


def test_several_networks_in_one_text() -> None:
    assert rules.networks("10.1.2.3\n10.8.0.0/16, 10.1.2.3;2001:db8::1") == ["10.1.2.3/32", "10.8.0.0/16", "2001:db8::1/128"]
    assert rules.networks(" \n ") == []


@pytest.mark.parametrize(
    ("days", "revoked", "state"),
    [(31, False, "valid"), (30, False, "expiring"), (0.1, False, "expiring"), (0, False, "expired"), (400, True, "revoked")],
)
def test_what_a_certificate_is_worth(days: float, revoked: bool, state: str) -> None:
    assert rules.certificate_state(NOW + timedelta(days=days), NOW if revoked else None, NOW) == state


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
