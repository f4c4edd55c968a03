from dataclasses import asdict
from pathlib import Path

import pytest

from sidecar.instance.ports import BLOCKS, CELL_BASES, NoFreePort, Ports, choose_ports, first_free

HERE = Path("/srv/a")


def numbers(ports: Ports) -> set[int]:
    return {
        ports.public, ports.web, ports.postgres, ports.redis, ports.carrier,
        *(port for name in CELL_BASES for port in range(getattr(ports, name)[0], getattr(ports, name)[1] + 1)),
    }  # fmt: skip


def test_the_default_instance_gets_the_well_known_ports() -> None:
    ports = choose_ports(HERE, public=None, default=True, free=lambda _: True)
    assert (ports.public, ports.cell_dicom) == (8042, (11112, 11211))


def test_a_taken_public_port_means_the_next_one() -> None:
    assert choose_ports(HERE, public=None, default=True, free=lambda port: port != 8042).public == 8043


def test_the_public_port_one_asks_for_is_taken_as_it_is() -> None:
    assert choose_ports(HERE, public=80, default=True, free=lambda _: True).public == 80


def test_no_port_serves_two_purposes_and_none_is_ephemeral() -> None:
    for path in ("/srv/a", "/srv/b", "/srv/c"):
        ports = choose_ports(Path(path), public=None, default=False, free=lambda _: True)
        assert len(numbers(ports)) == 5 + 4 * 100
        assert max(numbers(ports)) < 32768


def test_two_directories_do_not_choose_alike_even_when_neither_is_up() -> None:
    first = choose_ports(Path("/srv/a"), public=None, default=False, free=lambda _: True)
    second = choose_ports(Path("/srv/b"), public=None, default=False, free=lambda _: True)
    assert not numbers(first) & numbers(second)


def test_a_block_in_use_is_passed_over() -> None:
    free = choose_ports(HERE, public=None, default=True, free=lambda _: True)
    other = choose_ports(HERE, public=None, default=True, free=lambda port: port != free.redis)
    assert not numbers(free) & (numbers(other) - {other.public})


def test_a_full_machine_is_said_plainly() -> None:
    with pytest.raises(NoFreePort):
        choose_ports(HERE, public=None, default=True, free=lambda _: False)
    with pytest.raises(NoFreePort):
        first_free([], lambda _: True)


def test_ports_survive_json() -> None:
    ports = choose_ports(HERE, public=None, default=True, free=lambda _: True)
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(ports).items()}
    assert Ports.remembered(known) == ports


def test_an_instance_of_an_earlier_release_gets_the_ranges_it_lacks() -> None:
    ports = choose_ports(HERE, public=None, default=False, free=lambda _: True)
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(ports).items()}
    del known["cell_inner_dicom"], known["cell_dicom_tls"]
    assert Ports.remembered(known) == ports


def test_every_block_fits_below_the_ephemeral_ports() -> None:
    for block in range(BLOCKS):
        taken = set(range(block))
        ports = choose_ports(HERE, public=None, default=True, free=lambda port, taken=taken: (port - 19000) // 10 not in taken)  # type: ignore[misc]
        assert max(numbers(ports)) < 32768
