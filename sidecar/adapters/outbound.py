"""Where the house may call to when somebody else wrote the address: looked up once, judged, and that very address called.

A hospital's collector stands in its private network, so private addresses are right; what is off limits is this machine, what
a cloud answers about its machines (link-local), and the platform's own services.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from sidecar.kernel.settings import Settings

Address = IPv4Address | IPv6Address
CLOUDS = frozenset(map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
"""Where clouds answer about their machines outside link-local addresses."""


class OffLimits(Exception):  # noqa: N818 - named for what it says
    """The address is not one to call. The message is for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class OwnGround:
    """What is the platform's own. ``local``: all of it lives on one machine, and so may what it calls (tests, trials)."""

    hosts: frozenset[str]
    ports: frozenset[int]
    local: bool

    @classmethod
    def of(cls, settings: Settings) -> "OwnGround":
        """Read it from the settings: database, Redis, inbox, the public door, and the cells with all their ports."""
        urls = [urlsplit(each) for each in (settings.database_url, settings.redis_url, settings.inbox_url, settings.public_url)]
        ranges = (settings.cell_http_ports, settings.cell_inner_dicom_ports)
        ports = {port for each in ranges for port in range(each.first, each.last + 1)}
        inside = {each.hostname for each in urls[:3] if each.hostname} | {settings.cell_host}
        return cls(frozenset(inside), frozenset(ports | {each.port for each in urls if each.port}), _is_own(settings.dicom_host))


def find(host: str, port: int, ground: OwnGround) -> str:
    """Return the one address to call for a host.

    Raises:
        OffLimits: it is ours, or nobody's. OSError: no such host.
    """
    found = [ip_address(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:  # one good among bad ones is a trick
        _judge(address, port, ground)
    return str(min(found, key=lambda each: each.version))


def _judge(address: Address, port: int, ground: OwnGround) -> None:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved or address in CLOUDS:
        raise OffLimits("This address stands for no collector.")
    if address.is_loopback or _is_here(address):
        if not ground.local:
            raise OffLimits("This is the platform's own machine. Write the address it has in its own network.")
        if port in ground.ports:
            raise OffLimits("One of the platform's own services answers there.")
    elif address in _own_addresses(ground.hosts):
        raise OffLimits("One of the platform's own services answers there.")


def _is_here(address: Address) -> bool:
    """Say whether this machine has the address: only then can a socket be bound to it. Calls to it never leave the machine."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((str(address), 0))
        except OSError:
            return False
    return True


def _own_addresses(hosts: frozenset[str]) -> set[Address]:
    own: set[Address] = set()
    for host in hosts:
        try:
            own |= {ip_address(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except socket.gaierror:
            continue  # a name of ours that means nothing here leads nowhere either
    return own


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
