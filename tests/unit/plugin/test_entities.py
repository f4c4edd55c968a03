from __future__ import annotations

from typing import Any

import pytest

from orthanc_plugin.entities import ApplicationEntity, Service, parse_entity
from orthanc_plugin.modalities import FLAGS, NOWHERE, difference, modality, symbolic_name

FULL: dict[str, Any] = {
    "aet": "CT1",
    "networks": ["10.0.0.0/8", "192.168.7.9/32"],
    "services": ["echo", "store"],
    "host": "",
    "port": 0,
    "certificates": [],
}


def entity(**changes: Any) -> ApplicationEntity:
    return parse_entity(FULL | changes)


@pytest.mark.parametrize(
    ("networks", "address", "may"),
    [
        (FULL["networks"], "10.1.2.3", True),
        (FULL["networks"], "192.168.7.9", True),
        (FULL["networks"], "::ffff:10.1.2.3", True),
        (FULL["networks"], "192.168.7.10", False),
        (FULL["networks"], "11.0.0.1", False),
        (FULL["networks"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "10.1.2.3", False),
        ([], "10.1.2.3", False),
        (FULL["networks"], "", False),
        (FULL["networks"], "ct.example", False),
    ],
)
def test_the_address_must_lie_in_a_network(networks: list[str], address: str, may: bool) -> None:
    assert entity(networks=networks).calls_from(address) is may


@pytest.mark.parametrize(
    "wrong",
    [
        {"aet": ""},
        {"aet": "A" * 17},
        {"aet": " CT1"},
        {"aet": "CT\\1"},
        {"aet": "CT\n1"},
        {"aet": "CTÄ"},
        {"aet": 7},
        {"networks": "10.0.0.0/8"},
        {"networks": [7]},
        {"networks": ["10.0.0.1/8"]},
        {"networks": ["anywhere"]},
        {"services": ["everything"]},
        {"services": None},
        {"host": "10.1.2.3"},
        {"port": 104},
        {"host": "10.1.2.3", "port": 65536},
        {"host": "10.1.2.3", "port": True},
        {"host": None},
        {"certificates": ["AB" * 32]},
        {"certificates": ["ab" * 31]},
        {"certificates": {}},
    ],
)
def test_entities_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
        entity(**wrong)


def test_every_value_arrives() -> None:
    parsed = entity(services=["echo", "move"], host="pacs", port=104, certificates=["ab" * 32])
    assert (parsed.host, parsed.port, parsed.certificates) == ("pacs", 104, {"ab" * 32})
    assert parsed.services == {Service.ECHO, Service.MOVE}


@pytest.mark.parametrize("service", Service)
def test_each_service_opens_its_own_flag_and_no_other(service: Service) -> None:
    entry = modality(entity(services=[service.value]))
    assert [name for name in FLAGS if entry[name] is True] == [name for name, each in FLAGS.items() if each is service]


def test_a_node_that_may_not_call_has_its_address_and_no_flag() -> None:
    entry = modality(entity(networks=[], host="10.1.2.3", port=104))
    assert (entry["Host"], entry["Port"]) == ("10.1.2.3", 104)
    assert not any(entry[name] for name in FLAGS)
    assert not entry["AllowEventReport"]


def test_one_that_has_no_address_is_nowhere() -> None:
    entry = modality(entity())
    assert (entry["Host"], entry["Port"]) == NOWHERE


def test_nothing_is_written_when_all_is_well_and_strangers_are_removed() -> None:
    entities = [entity(), entity(aet="MR 2")]
    assert list(difference(entities, {})[0]) == [symbolic_name(each) for each in entities]
    present = {symbolic_name(each): {**modality(each), "Timeout": 0} for each in entities}
    assert difference(entities, present) == ({}, [])
    changed = {**present, symbolic_name(entities[0]): {**modality(entities[0]), "AllowFind": True}, "old": {}}
    write, delete = difference(entities, changed)
    assert list(write) == [symbolic_name(entities[0])]
    assert delete == ["old"]
