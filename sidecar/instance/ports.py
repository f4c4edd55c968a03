"""Ports of an instance: chosen free once, remembered ever after."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.adapters.listening import port_is_free

PUBLIC_FIRST = 8042
CELL_PORTS = 100
BLOCKS = 40
PRIVATE_BASE, DICOM_BASE, HTTP_BASE, INNER_DICOM_BASE, DICOM_TLS_BASE = 19000, 11112, 24000, 28000, 19500
"""All below 32768: above it Linux hands ports to outgoing connections, and a remembered one could be taken."""

CELL_BASES = {
    "cell_dicom": DICOM_BASE,
    "cell_http": HTTP_BASE,
    "cell_inner_dicom": INNER_DICOM_BASE,
    "cell_dicom_tls": DICOM_TLS_BASE,
}

PortFree = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one instance. The cell ranges are inclusive."""

    public: int
    web: int
    postgres: int
    redis: int
    carrier: int
    cell_dicom: tuple[int, int]
    cell_http: tuple[int, int]
    cell_inner_dicom: tuple[int, int]
    cell_dicom_tls: tuple[int, int]

    @classmethod
    def remembered(cls, known: dict[str, Any]) -> "Ports":
        """Return the ports as ``instance.json`` has them; JSON knows no tuples, and earlier releases had fewer."""
        ranges = {name: tuple(known[name]) for name in CELL_BASES if name in known}
        block = (known["cell_http"][0] - HTTP_BASE) // CELL_PORTS
        return cls(**{**_cell_ranges(block), "carrier": known["web"] + 3, **known, **ranges})


class NoFreePort(RuntimeError):  # noqa: N818 - reads as what happened
    """Every port of the searched range is taken."""


def first_free(candidates: Iterable[int], free: PortFree = port_is_free) -> int:
    """Return the first free port; raise NoFreePort."""
    for port in candidates:
        if free(port):
            return port
    raise NoFreePort("no free TCP port in the range Reading Room looks in; stop something or pass --port")


def choose_ports(data_dir: Path, *, public: int | None, default: bool, free: PortFree = port_is_free) -> Ports:
    """Choose the ports of a new instance.

    Two instances that are never up at the same moment must not choose alike: all but the default one start
    looking at a place that follows from their directory's name.
    """
    start = 0 if default else 1 + zlib.crc32(str(data_dir).encode()) % (BLOCKS - 1)
    order = [(start + i) % BLOCKS for i in range(BLOCKS)]
    block = first_block(order, free)
    private = PRIVATE_BASE + 10 * block
    return Ports(
        public=public or first_free(range(PUBLIC_FIRST + (0 if default else 10 + block), PUBLIC_FIRST + 200), free),
        web=private,
        postgres=private + 1,
        redis=private + 2,
        carrier=private + 3,
        **_cell_ranges(block),
    )


def _cell_ranges(block: int) -> dict[str, tuple[int, int]]:
    """Return the ranges of a block by name."""
    firsts = {name: base + CELL_PORTS * block for name, base in CELL_BASES.items()}
    return {name: (first, first + CELL_PORTS - 1) for name, first in firsts.items()}


def first_block(order: Iterable[int], free: PortFree) -> int:
    """Return the first block whose private ports and whose first cell ports are free; raise NoFreePort."""
    for block in order:
        private = PRIVATE_BASE + 10 * block
        cells = (base + CELL_PORTS * block for base in CELL_BASES.values())
        wanted = [*range(private, private + 4), *(first + i for first in cells for i in range(5))]
        if all(free(port) for port in wanted):
            return block
    raise NoFreePort("forty instances' worth of ports are taken on this machine")
