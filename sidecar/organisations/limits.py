"""Budgets of requests that an organisation sets for itself, and the rulebook the gate counts by.

Behind one address of a hospital sit a hundred people: an organisation names its own networks, and from there more attempts to
sign in are let in. They count for whoever asks from there, whatever account is named: a budget that depended on the account
would tell strangers which accounts exist. Five attempts for one account hold everywhere.
"""

import time
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from threading import Lock
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import platform_system
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Invalid
from sidecar.kernel.settings import Budgets
from sidecar.organisations.events import LimitsSet
from sidecar.organisations.limit_tables import LimitSettings

WIDEST_V4, WIDEST_V6 = 24, 48
"""Prefix lengths: one organisation's own network, never a provider's or the world."""
MOST_NETWORKS = 16
SIGNED_IN = (200, 10_000)
UPLOADS = (1, 600)
NETWORK_AUTHENTICATION = (5, 200)
NETWORK_ANONYMOUS = (100, 5_000)
"""Least and most of each setting."""
FRESH_SECONDS = 15
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """A network an organisation named, with what is let in from each of its addresses."""

    network: Network
    authentication: int
    anonymous: int


def settings_of(scope: Scope) -> LimitSettings:
    """Return the acting organisation's settings; those of the house, not stored, where it has none."""
    found = scope.session.get(LimitSettings, scope.organisation_id)
    return found or LimitSettings(
        organisation_id=scope.organisation_id, signed_in=None, uploads=None, networks=[],
        network_authentication=50, network_anonymous=1000,
    )  # fmt: skip


def set_limits(  # noqa: PLR0913 - one form
    scope: Scope,
    *,
    signed_in: int | None,
    uploads: int | None,
    networks: list[str],
    network_authentication: int,
    network_anonymous: int,
) -> LimitSettings:
    """Set the acting organisation's budgets; raise Invalid for a network too wide or a number out of its range."""
    named = sorted({str(own_network(each)) for each in networks})
    if len(named) > MOST_NETWORKS:
        raise Invalid(f"At most {MOST_NETWORKS} networks.")
    for number, (least, most) in (
        (signed_in, SIGNED_IN), (uploads, UPLOADS),
        (network_authentication, NETWORK_AUTHENTICATION), (network_anonymous, NETWORK_ANONYMOUS),
    ):  # fmt: skip
        if number is not None and not least <= number <= most:
            raise Invalid(f"{number} is not between {least} and {most}.")
    settings = settings_of(scope)
    settings.signed_in, settings.uploads, settings.networks = signed_in, uploads, named
    settings.network_authentication, settings.network_anonymous = network_authentication, network_anonymous
    settings.changed_at = scope.now
    scope.session.add(settings)
    scope.emit(LimitsSet(organisation_id=scope.organisation_id, networks=tuple(named), signed_in=signed_in, uploads=uploads))
    return settings


def own_network(text: str) -> Network:
    """Read a network in CIDR notation, a single address too; raise Invalid for what is wider than an organisation's own."""
    try:
        network = ip_network(text.strip(), strict=True)
    except ValueError:
        raise Invalid(f"{text.strip()!r} is not a network such as 203.0.113.0/28.") from None
    widest = WIDEST_V4 if network.version == 4 else WIDEST_V6  # noqa: PLR2004 - IPv4
    if network.prefixlen < widest:
        raise Invalid(f"{network} is too wide: at most a /{widest}.")
    return network


class LimitBook:
    """What all organisations have set, read anew every FRESH_SECONDS: counting must not ask the database each time."""

    def __init__(self, scopes: Scopes, house: Budgets) -> None:
        self._scopes, self._house = scopes, house
        self._lock = Lock()
        self._read_at = -float("inf")
        self._organisations: dict[UUID, Budgets] = {}
        self._networks: list[OwnNetwork] = []

    def __call__(self, organisation_id: UUID | None, address: str) -> Budgets:
        """Return the budgets in force for an organisation's people (None: nobody is signed in) who ask from an address."""
        self._refresh()
        budgets = self._organisations.get(organisation_id, self._house) if organisation_id else self._house
        own = self._own(address)
        if own is None:
            return budgets
        # The house's own numbers may be larger: a network never lowers what holds without it.
        return replace(
            budgets,
            authentication=max(own.authentication, budgets.authentication),
            anonymous=max(own.anonymous, budgets.anonymous),
        )

    def forget(self) -> None:
        """Read anew at the next request: something was set in this process."""
        self._read_at = -float("inf")

    def _own(self, address: str) -> OwnNetwork | None:
        try:
            asked = ip_address(address)
        except ValueError:
            return None
        mapped = getattr(asked, "ipv4_mapped", None) or asked
        within = [each for each in self._networks if mapped.version == each.network.version and mapped in each.network]
        return max(within, key=lambda each: each.authentication, default=None)

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            with self._scopes.open(platform_system()) as scope:
                rows = scope.session.scalars(select(LimitSettings)).all()
            self._organisations = {
                row.organisation_id: replace(
                    self._house, signed_in=row.signed_in or self._house.signed_in, uploads=row.uploads or self._house.uploads
                )
                for row in rows
            }
            self._networks = [
                OwnNetwork(ip_network(each), row.network_authentication, row.network_anonymous)
                for row in rows
                for each in row.networks
            ]
            self._read_at = time.monotonic()
