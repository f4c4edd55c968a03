"""Pure rules: AE titles, networks, nodes, ports, contracts in force, a cell's health. No clock, no database, no web."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from zoneinfo import ZoneInfo

from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.settings import PortRange
from sidecar.organisations.errors import Unfit
from sidecar.organisations.model import CertificateState, Health, Service, Wanted

Network = IPv4Network | IPv6Network

AET_LENGTH = 16
"""Characters in an application entity title (PS3.5 §6.2, VR AE)."""
WIDEST_PREFIX = {4: 8, 6: 16}
"""A sender's network may hold 16 million IPv4 addresses at most: wider is a typing error or an invitation."""
HOST_LENGTH = 253
LAST_PORT = 65535
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
"""Host names (RFC 1123 §2.1) in lower case."""
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label so is no name: 0x7f.1 and 0x7f000001 are 127.0.0.1 to every resolver (inet_aton)."""
EXPIRY_WARNING = timedelta(days=30)
"""A certificate that ends within so long is shown as ending: a visit of the device's service takes weeks to get."""
SILENT_AFTER = timedelta(seconds=60)
"""A running cell that has not answered for so long is called silent."""


def ae_title(text: str) -> str:
    """Return an AE title without the insignificant spaces around it; raise Invalid saying what is wrong with it."""
    title = text.strip(" ")
    if not title:
        raise Invalid("Write the AE title that is set at the device.")
    if len(title) > AET_LENGTH:
        raise Invalid(f"An AE title has at most {AET_LENGTH} characters; this one has {len(title)}.")
    wrong = sorted({sign for sign in title if not (sign.isascii() and sign.isprintable()) or sign == "\\"})
    if wrong:
        raise Invalid(f"An AE title cannot hold {' '.join(_shown(sign) for sign in wrong)}. Use letters, digits, - and _.")
    return title


def _shown(sign: str) -> str:
    return f"“{sign}”" if sign.isprintable() else "control characters"


def network(text: str) -> str:
    """Return a network in CIDR notation, an address becoming a network of one; raise Invalid with the next step."""
    written = text.strip()
    try:
        parsed = _plain(ip_network(written))
    except ValueError:
        raise Invalid(_network_advice(written)) from None
    if parsed.prefixlen < WIDEST_PREFIX[parsed.version]:
        raise Invalid(f"{written} admits half the world. Write the hospital's own range, such as 10.1.2.0/24.")
    return str(parsed)


def _plain(parsed: Network) -> Network:
    """Reduce one IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) to the IPv4 address it is."""
    address = parsed.network_address
    single = parsed.prefixlen == parsed.max_prefixlen
    if single and isinstance(address, IPv6Address) and address.ipv4_mapped:
        return ip_network(address.ipv4_mapped)
    return parsed


def _network_advice(written: str) -> str:
    if not written:
        return "Write the address of the device, or the range it calls from."
    try:
        suggestion = ip_interface(written).network
    except ValueError:
        return f"“{written}” is not an address or a range. Write 10.1.2.0/24, or one address such as 10.1.2.14."
    alone = written.partition("/")[0]
    return f"“{written}” names one address inside a range. Did you mean {suggestion}, or only {alone}?"


def host_name(text: str) -> str:
    """Return where a node is reached: an address or a name (RFC 1123); "" for none. Raises Invalid."""
    written = text.strip().rstrip(".").lower()
    if not written:
        return ""
    try:
        return str(ip_address(written))
    except ValueError:
        if len(written) <= HOST_LENGTH and HOST_NAME.fullmatch(written) and not NUMBER.fullmatch(written.rpartition(".")[2]):
            return written
    raise Invalid(f"“{text.strip()}” is not an address or a host name. Write 10.1.2.14 or pacs.mercy.example.")


def require_elsewhere(host: str, *, installation: str) -> None:
    """Refuse a node at an address that every machine calls itself: it would be ours, not the hospital's.

    ``installation`` is what callers know us by; where that is such an address itself, all live on one machine and may.
    """
    if _is_everybodys_own(host) and not _is_everybodys_own(installation):
        raise Unfit("host", f"{host} is this machine itself, not the hospital's. Write the address the node has in its network.")


def _is_everybodys_own(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified


def networks(text: str) -> list[str]:
    """Return the networks of a text, one each line or parted by commas or spaces, every one once. Raises Invalid."""
    found = [network(part) for part in re.split(r"[\s,;]+", text) if part]
    return list(dict.fromkeys(found))


def require_use(networks: Sequence[str], services: Collection[str], host: str) -> None:
    """Refuse an application entity that could do nothing, or whose answers could not reach it. The field comes first."""
    if not networks and not host:
        raise Unfit("networks", "Write where it calls from, or where it is reached, or both.")
    if networks and not services:
        raise Unfit("services", "It calls from somewhere: choose what it may do.")
    if Service.COMMITMENT in services and not host:
        raise Unfit("host", "Storage commitment is answered with a call back to it: write its address and port.")


def require_port(host: str, port: int) -> None:
    """Refuse a node without a TCP port."""
    if host and not 0 < port <= LAST_PORT:
        raise Unfit("port", f"Write the port the node listens on, 1 to {LAST_PORT}; many use 104 or 11112.")


def certificate_state(not_after: datetime, revoked_at: datetime | None, now: datetime) -> CertificateState:
    """Return what a certificate is worth now."""
    if revoked_at:
        return CertificateState.REVOKED
    if not_after <= now:
        return CertificateState.EXPIRED
    return CertificateState.EXPIRING if not_after - now <= EXPIRY_WARNING else CertificateState.VALID


def network_of(address: str) -> str:
    """Return the network of one that a refused caller's address becomes when it is registered."""
    return network(address)


def admits(written: str, address: str) -> bool:
    """Say whether a network holds an address; an address that cannot be read is in none."""
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped:
        caller = caller.ipv4_mapped
    return caller in ip_network(written)


def derive_aet(name: str, taken: Collection[str]) -> str:
    """Return an AE title made from a hospital's name: whole words while they fit, a number when it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    words: list[str] = re.findall(r"[A-Z0-9]+", plain.replace("'", "")) or ["HOSPITAL"]
    title = words[0][:AET_LENGTH]
    for word in words[1:]:
        if len(title) + 1 + len(word) > AET_LENGTH:
            break
        title = f"{title}_{word}"
    number, candidate = 1, title
    while candidate in taken:
        number += 1
        candidate = f"{title[: AET_LENGTH - len(str(number))]}{number}"
    return candidate


def choose_port(ports: PortRange, taken: Collection[int], free: Callable[[int], bool]) -> int:
    """Return the first port of the range that no cell has and nothing listens on; raise Conflict when there is none."""
    for port in range(ports.first, ports.last + 1):
        if port not in taken and free(port):
            return port
    raise Conflict(f"All ports from {ports.first} to {ports.last} are taken. The installation needs a wider range.")


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day is over in a place."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def closes_at(ends_on: date, finishing_hours: int, zone: ZoneInfo) -> datetime:
    """Return when what is unsigned goes back: so many hours after a contract's last day, where the images come from."""
    return midnight_after(ends_on, zone) + timedelta(hours=finishing_hours)


def in_force(starts_on: date, ends_on: date | None, today: date) -> bool:
    """Say whether a contract covers a day; its last day is included."""
    return starts_on <= today and (ends_on is None or today <= ends_on)


def overlap(mine: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Say whether two lists of modalities share one; None is all of them."""
    return mine is None or other is None or bool(set(mine) & set(other))


def health(wanted: str, state: str, seen_at: datetime | None, now: datetime) -> Health:
    """Return a cell's condition from what is wanted, what its supervisor says and when it last answered."""
    if wanted == Wanted.STOPPED:
        word = "Stopped" if state in {"stopped", "absent", "new", "exited", "fatal"} else "Stopping"
        return Health(word, "", "Senders are refused until it is started.")
    if wanted == Wanted.RESTARTING:
        return Health("Restarting", "warn")
    if state in {"new", "absent", "starting", "stopped", "stopping"} or (state == "running" and seen_at is None):
        return Health("Starting", "warn")
    if state != "running":
        return Health("Down", "bad", "It is started again and again; the last error says why it does not stay up.")
    if seen_at is None or now - seen_at > SILENT_AFTER:
        return Health("Silent", "bad", "The process runs but does not answer. Restart it.")
    return Health("Running", "ok")


def complaint(lines: Sequence[str], *, longest: int = 2000) -> str:
    """Return the errors among an Orthanc log's lines, oldest first, as "20:39:26 what happened"; "" when there is none."""
    errors = [line for line in lines if line.startswith("E")]
    plain = [f"{line[6:14]} {line.partition('] ')[2] or line}" for line in errors]
    return "\n".join(plain)[-longest:]
