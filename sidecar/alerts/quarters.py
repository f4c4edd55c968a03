"""Quarters of a year, by name: "2026-Q4". Pure; days begin in UTC, as the journal's do."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sidecar.kernel.errors import Missing

NAME = re.compile(r"(20\d\d)-Q([1-4])")


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Year and number, 1 to 4."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> "Quarter":
        """Return the quarter a moment is in."""
        return cls(moment.year, (moment.month + 2) // 3)

    @classmethod
    def named(cls, name: str) -> "Quarter":
        """Read "2026-Q4"; Missing for anything else."""
        found = NAME.fullmatch(name)
        if found is None:
            raise Missing
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"Q{self.number} {self.year}"

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number * 3 - 2, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return self.after.begins

    @property
    def after(self) -> "Quarter":
        """The next one."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def before(self) -> "Quarter":
        """The one before."""
        return Quarter(self.year - (self.number == 1), (self.number + 2) % 4 + 1)
