"""Which application entity may send, and from where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MAXIMUM_AET_LENGTH = 16
"""Characters in an application entity title (PS3.5 section 6.2, VR AE)."""


class Admission(StrEnum):
    """Answer to "may this caller store?"; the refusals are the reasons of an association-refused event."""

    ADMITTED = "admitted"
    UNKNOWN_AET = "unknown-aet"
    WRONG_ADDRESS = "wrong-address"


@dataclass(frozen=True, slots=True)
class Sender:
    """One registered AE title with the networks it may call from."""

    aet: str
    networks: tuple[IPv4Network | IPv6Network, ...]


def parse_sender(aet: object, networks: object) -> Sender:
    """Build a sender from the snapshot's JSON values.

    Raises:
        ValueError: the title breaks PS3.5 section 6.2 (VR AE), or a network is no CIDR notation without host bits.
    """
    if not isinstance(aet, str) or not 1 <= len(aet) <= MAXIMUM_AET_LENGTH or aet != aet.strip():
        raise ValueError("an AE title has 1 to 16 characters without spaces around")
    if not aet.isascii() or not aet.isprintable() or "\\" in aet:
        raise ValueError("an AE title has printable ASCII characters and no backslash")
    if not isinstance(networks, list) or not all(isinstance(network, str) for network in networks):
        raise ValueError("networks is a list of strings")
    return Sender(aet, tuple(ip_network(network) for network in networks))


def _plain(address: str) -> IPv4Address | IPv6Address:
    """An address with an IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2) reduced to IPv4."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def admit(senders: Iterable[Sender], aet: str, address: str) -> Admission:
    """Decide on one caller. Titles are compared exactly; an address that cannot be read is a wrong one."""
    sender = next((each for each in senders if each.aet == aet), None)
    if sender is None:
        return Admission.UNKNOWN_AET
    try:
        caller = _plain(address)
    except ValueError:
        return Admission.WRONG_ADDRESS
    inside = any(caller.version == network.version and caller in network for network in sender.networks)
    return Admission.ADMITTED if inside else Admission.WRONG_ADDRESS
