"""Whether something on this machine already listens on a TCP port."""

import socket


def port_is_free(port: int) -> bool:
    """Tell whether the port can be bound on all addresses. A moment later the answer may be another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
