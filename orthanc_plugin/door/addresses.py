"""Which loopback address stands for which caller: Orthanc sees the door's address, the events must name the caller's.

The door calls Orthanc from an address of 127.64.0.0/10, one per caller; the file remembers them for good, one caller
per line, because Orthanc keeps the address with each image.
"""

from __future__ import annotations

import errno
import os
import threading
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

RANGE = ip_network("127.64.0.0/10")
_FIRST = int(RANGE.network_address) + 1
_CAPACITY = RANGE.num_addresses - 2


class Addresses:
    """The table; one process writes it (`stand_in`), others read it (`caller`)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_bytes = 0
        self._callers: list[str] = []
        self._places: dict[str, int] = {}
        self._lock = threading.Lock()
        self._refresh()

    def stand_in(self, address: str) -> str:
        """The loopback address of a caller, on disk before it is used.

        Raises:
            OSError: it cannot be written down, or four million callers have one already.
        """
        with self._lock:
            if address not in self._places:
                if len(self._callers) >= _CAPACITY:
                    raise OSError(errno.EADDRNOTAVAIL, "no loopback address is left")
                self._append(f"{address}\n".encode("ascii"))
            return str(IPv4Address(_FIRST + self._places[address]))

    def caller(self, address: str) -> str:
        """Who is behind an address that Orthanc noted; any other address is itself."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return address
        if parsed not in RANGE:
            return address
        place = int(parsed) - _FIRST
        if place >= len(self._callers):
            self._refresh()
        return self._callers[place] if 0 <= place < len(self._callers) else address

    def _append(self, line: bytes) -> None:
        """Write after the last complete line: a crash may have left half of one."""
        with os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as handle:
            handle.truncate(self._read_bytes)
            handle.seek(self._read_bytes)
            handle.write(line)
            handle.flush()
            os.fsync(handle.fileno())
        self._refresh()

    def _refresh(self) -> None:
        """Read the complete lines written since the last time."""
        if not self._file.exists():
            return
        with self._file.open("rb") as handle:
            handle.seek(self._read_bytes)
            block = handle.read()
        complete = block[: block.rfind(b"\n") + 1]
        self._read_bytes += len(complete)
        for line in complete.decode("ascii").splitlines():
            self._places.setdefault(line, len(self._callers))
            self._callers.append(line)
