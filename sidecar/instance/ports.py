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
PRIVATE_BASE, DICOM_BASE, HTTP_BASE = 19000, 11112, 24000
"""All below 32768: above it Linux hands ports to outgoing connections, and a remembered one could be taken."""

PortFree = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one instance. The cell ranges are inclusive."""

    public: int
    web: int
    postgres: int
    redis: int
    cell_dicom: tuple[int, int]
    cell_http: tuple[int, int]

    @classmethod
    def remembered(cls, known: dict[str, Any]) -> "Ports":
        """Return the ports as ``instance.json`` has them; JSON knows no tuples."""
        ranges = {name: tuple(known[name]) for name in ("cell_dicom", "cell_http")}
        return cls(**{**known, **ranges})


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
    span = CELL_PORTS - 1
    dicom, http = DICOM_BASE + CELL_PORTS * block, HTTP_BASE + CELL_PORTS * block
    return Ports(
        public=public or first_free(range(PUBLIC_FIRST + (0 if default else 10 + block), PUBLIC_FIRST + 200), free),
        web=private,
        postgres=private + 1,
        redis=private + 2,
        cell_dicom=(dicom, dicom + span),
        cell_http=(http, http + span),
    )


def first_block(order: Iterable[int], free: PortFree) -> int:
    """Return the first block whose private ports and whose first cell ports are free; raise NoFreePort."""
    for block in order:
        private = PRIVATE_BASE + 10 * block
        cells = (DICOM_BASE + CELL_PORTS * block, HTTP_BASE + CELL_PORTS * block)
        wanted = [*range(private, private + 3), *(base + i for base in cells for i in range(5))]
        if all(free(port) for port in wanted):
            return block
    raise NoFreePort("forty instances' worth of ports are taken on this machine")
