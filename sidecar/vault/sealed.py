"""Every column of sealed bytes, found by the mark in its declaration (``model.sealed_at``), and what lies in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, and_, func, select, update

from sidecar.gate.scope import Scope
from sidecar.kernel.db import Base
from sidecar.vault.model import MARK

BATCH = 200


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column and where its values belong."""

    column: Column[bytes]

    @property
    def table(self) -> Table:
        """The column's table; it has an ``organisation_id``."""
        table = self.column.table
        if not isinstance(table, Table):
            raise TypeError("a sealed column belongs to a table")
        return table

    @property
    def name(self) -> str:
        """``table.column``."""
        return f"{self.table.name}.{self.column.name}"

    def place(self, row: Any) -> str:
        """Return where the value of this row belongs."""
        return str(self.column.info["sealed_at"]).format(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's names

    def still_open(self, value: bytes) -> bool:
        """Say whether a value was written before its column was sealed."""
        mark: bytes = self.column.info["open_mark"]
        return bool(mark) and value.startswith(mark)


def sealed_columns() -> list[SealedColumn]:
    """Return all of them, as far as the modules that declare tables are imported: call it from a composition root."""
    found = [column for table in Base.metadata.sorted_tables for column in table.columns if "sealed_at" in column.info]
    return [SealedColumn(column) for column in found]


def otherwise_closed(scope: Scope, sealed: SealedColumn, generation: int) -> list[Any]:
    """Return a batch of rows of the organisation whose value another generation closed, or none, locked."""
    wanted = MARK + generation.to_bytes(4, "big")
    table, column = sealed.table, sealed.column
    mine = and_(
        table.c.organisation_id == scope.organisation_id,
        func.length(column) > 0,
        func.substr(column, 1, len(wanted)) != wanted,
    )
    return list(scope.session.execute(select(table).where(mine).limit(BATCH).with_for_update()))


def replace(scope: Scope, sealed: SealedColumn, row: Any, value: bytes) -> None:
    """Write one value anew."""
    same = [column == getattr(row, column.name) for column in sealed.table.primary_key.columns]
    scope.session.execute(update(sealed.table).where(*same).values({sealed.column.name: value}))


def count(scope: Scope) -> Iterator[tuple[str, int]]:
    """Yield how many sealed values the organisation has, by column."""
    for sealed in sealed_columns():
        mine = and_(sealed.table.c.organisation_id == scope.organisation_id, func.length(sealed.column) > 0)
        yield sealed.name, scope.session.scalar(select(func.count()).select_from(sealed.table).where(mine)) or 0
