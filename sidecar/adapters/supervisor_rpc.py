"""Talking to supervisord over its unix socket (XML-RPC), and telling it that a program's file changed."""

import socket
import xmlrpc.client
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

SUPERVISOR_GONE = (OSError, HTTPException, socket.timeout)
"""What a call raises when supervisord is not there or died in the middle of an answer."""

Rpc = Any
"""``xmlrpc.client.ServerProxy(…).supervisor``: its methods are those of supervisord's documented API."""


class OneCallTransport(SupervisorTransport):  # type: ignore[misc]
    """Closes its socket after each call: supervisor's own leaves that to the garbage collector."""

    def request(self, host: str, handler: str, request_body: str, verbose: int = 0) -> Any:
        """Send one call and return its answer."""
        try:
            return super().request(host, handler, request_body, verbose)
        finally:
            self.close()


def connect(unix_socket: Path) -> Rpc:
    """Return supervisord's API. Nothing is sent before the first call; those raise SUPERVISOR_GONE or Fault."""
    transport = OneCallTransport(None, None, f"unix://{unix_socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def apply_group(rpc: Rpc, name: str) -> bool:
    """Make the running group ``name`` equal to its file: added, replaced or removed. Return whether it changed."""
    added, changed, removed = rpc.reloadConfig()[0]
    if name in added:
        _ignoring(Faults.ALREADY_ADDED, rpc.addProcessGroup, name)
    elif name in changed:
        _drop(rpc, name)
        rpc.addProcessGroup(name)
    elif name in removed:
        _drop(rpc, name)
    return name in (*added, *changed, *removed)


def start(rpc: Rpc, name: str) -> None:
    """Start a program; do nothing when it runs already. Returns when it has stayed up for its ``startsecs``."""
    _ignoring(Faults.ALREADY_STARTED, rpc.startProcess, name)


def stop(rpc: Rpc, name: str) -> None:
    """Stop a program and wait for its end; do nothing when it is not running."""
    _ignoring(Faults.NOT_RUNNING, rpc.stopProcess, name)


def known(rpc: Rpc, name: str) -> bool:
    """Tell whether supervisord has a program of that name."""
    return any(info["name"] == name for info in rpc.getAllProcessInfo())


def _drop(rpc: Rpc, name: str) -> None:
    rpc.stopProcessGroup(name)
    rpc.removeProcessGroup(name)


def _ignoring(fault: int, call: Any, name: str) -> None:
    """Call, and take one named fault for an answer: the state asked for is there already."""
    try:
        call(name)
    except xmlrpc.client.Fault as refusal:
        if refusal.faultCode != fault:
            raise
