"""E-mail addresses of people: kept sealed, found by a lookup, opened only to be shown to who may see them or written to.

What does not belong here: how an address is proved (``links``), and what it must look like (``rules``). Names stay in the clear:
they are printed under reports and stand in the journal.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from sidecar.accounts.member_tables import AccountToken, Registration
from sidecar.accounts.tables import User
from sidecar.adapters.lookups import normal
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.vault.service import close, open_sealed


def of(scope: Scope, seal: Seal, row: User | Registration | AccountToken) -> str:
    """Return somebody's address; "" for a deleted person, and for those of a shredded organisation."""
    if row.email_sealed is None:
        return ""
    return open_sealed(scope, seal, row.organisation_id, row.email_sealed, place=_place(row)).decode()


def by_id(scope: Scope, seal: Seal, rows: Iterable[User | Registration]) -> dict[UUID, str]:
    """Return the addresses of many, by the id of each."""
    return {row.id: of(scope, seal, row) for row in rows}


def keep(scope: Scope, seal: Seal, row: User | Registration, address: str) -> None:
    """Give a person or a registration this address. Whether it is free is the caller's to know."""
    row.email_sealed = sealed(scope, seal, row, address)
    row.email_lookup = scope.lookup.of(address)


def sealed(scope: Scope, seal: Seal, row: User | Registration | AccountToken, address: str) -> bytes:
    """Return an address as the row keeps it."""
    return close(scope, seal, row.organisation_id, normal(address).encode(), place=_place(row))


def forget(user: User) -> None:
    """Take a person's address away: it is free for another account."""
    user.email_sealed = user.email_lookup = None


def look_up_anew(scope: Scope, seal: Seal) -> int:
    """Make the lookups of the scope's organisation with this house's key; return how many: they came from another house."""
    people = select(User).where(User.organisation_id == scope.organisation_id, User.email_sealed.is_not(None))
    newcomers = select(Registration).where(Registration.organisation_id == scope.organisation_id)
    found = [*scope.session.scalars(people), *scope.session.scalars(newcomers)]
    for row in found:
        row.email_lookup = scope.lookup.of(of(scope, seal, row))
    return len(found)


def _place(row: User | Registration | AccountToken) -> str:
    name = row.hash if isinstance(row, AccountToken) else row.id
    return f"{row.__tablename__}|{name}|email"
