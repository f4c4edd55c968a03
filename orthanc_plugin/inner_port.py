"""Orthanc's own DICOM port answers on the loopback interface only: callers come through the door.

Orthanc always listens on all interfaces. As soon as it does, its socket is bound to the interface `lo`
(SO_BINDTODEVICE, socket(7); needs no privilege since Linux 5.7), and whoever slipped in before is cut.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

LOOK_SECONDS = 0.005
ACCEPT_SECONDS = 2.0
"""Orthanc has accepted by then what came before the bolt."""


def sockets() -> Iterator[socket.socket]:
    """The process's own IPv4 and IPv6 sockets, as duplicates to be closed by the caller."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            duplicate = os.dup(int(entry.name))
        except OSError:  # closed meanwhile, or the listing's own
            continue
        try:
            found = socket.socket(fileno=duplicate)
        except OSError:
            os.close(duplicate)
            continue
        if found.family in {socket.AF_INET, socket.AF_INET6}:
            yield found
        else:
            found.close()


def bolt(port: int) -> bool:
    """Bind the listening socket of a port to `lo`; return whether there was one.

    Raises:
        OSError: the kernel does not allow it: the port must not stay open.
    """
    done = False
    for each in sockets():
        with each:
            listens = each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and each.getsockname()[1] == port:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
                done = True
    return done


def cut_strangers(port: int) -> int:
    """Cut connections to a port that do not come from loopback; return how many."""
    gone = 0
    for each in sockets():
        with each:
            try:
                local, peer = each.getsockname(), each.getpeername()
            except OSError:  # not connected
                continue
            if local[1] == port and not ip_address(peer[0].removeprefix("::ffff:")).is_loopback:
                each.shutdown(socket.SHUT_RDWR)
                gone += 1
    return gone


def keep_inside(port: int) -> int:
    """Wait for Orthanc to listen, bolt the port, cut who was faster; return how many those were.

    Raises:
        OSError: the port could not be bolted.
    """
    while not bolt(port):
        time.sleep(LOOK_SECONDS)
    gone = cut_strangers(port)
    time.sleep(ACCEPT_SECONDS)
    return gone + cut_strangers(port)
