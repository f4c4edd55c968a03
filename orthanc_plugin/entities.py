"""The hospital's application entities: what each AE title may ask of the cell, from where, and where it is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

MAXIMUM_AET_LENGTH = 16
"""Characters in an application entity title (PS3.5 section 6.2, VR AE)."""
LAST_PORT = 65535
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


class Service(StrEnum):
    """DIMSE services of PS3.4 by the words of the policy snapshot."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    WORKLIST = "worklist"
    COMMITMENT = "commitment"


@dataclass(frozen=True, slots=True)
class ApplicationEntity:
    """One AE title. `networks` empty: it may not call. `host` empty: nothing can be sent to it.

    `certificates` are the sha256 (hex) of the client certificates it may show at the TLS port.
    """

    aet: str
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    services: frozenset[Service] = frozenset()
    host: str = ""
    port: int = 0
    certificates: frozenset[str] = frozenset()

    def calls_from(self, address: str) -> bool:
        """Whether it may call from an address; one that cannot be read is a wrong one."""
        try:
            caller = plain(address)
        except ValueError:
            return False
        return any(caller.version == network.version and caller in network for network in self.networks)


def plain(address: str) -> IPv4Address | IPv6Address:
    """An address with an IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2) reduced to IPv4; ValueError if it is none."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def parse_entity(row: Mapping[str, Any]) -> ApplicationEntity:
    """Build an application entity from the snapshot's JSON.

    Raises:
        ValueError: a value is missing or of the wrong kind, the title breaks PS3.5 section 6.2 (VR AE), a network is
            no CIDR notation without host bits.
    """
    host, port = row.get("host"), row.get("port")
    if not isinstance(host, str) or type(port) is not int or not (0 < port <= LAST_PORT if host else port == 0):
        raise ValueError("a host goes with a port, and none with 0")
    certificates = _texts(row, "certificates")
    if not all(_FINGERPRINT.match(each) for each in certificates):
        raise ValueError("a certificate is the sha256 of its DER form in hex")
    return ApplicationEntity(
        aet=_title(row.get("aet")),
        networks=tuple(ip_network(network) for network in _texts(row, "networks")),
        services=frozenset(Service(service) for service in _texts(row, "services")),
        host=host,
        port=port,
        certificates=frozenset(certificates),
    )


def _title(aet: object) -> str:
    if not isinstance(aet, str) or not 1 <= len(aet) <= MAXIMUM_AET_LENGTH or aet != aet.strip():
        raise ValueError("an AE title has 1 to 16 characters without spaces around")
    if not aet.isascii() or not aet.isprintable() or "\\" in aet:
        raise ValueError("an AE title has printable ASCII characters and no backslash")
    return aet


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    values = row.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} is a list of strings")
    return values
