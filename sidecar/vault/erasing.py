"""What lies open of an organisation is deleted when it is shredded: patients, studies, reports, whatever no key covers.

It stays in the database's log until that is recycled, and in the file system until it is overwritten: hence the encrypted volume
that README asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from sidecar.kernel.errors import Conflict
from sidecar.vault import rows
from sidecar.vault.rows import Connection

KEPT = {
    "organisations": "its name: whom the rest is about",
    "users": "the journal names people by these rows; their secrets are sealed, their addresses gone",
    "contracts": "what was billed",
    "journal": "who did what, six years (45 CFR 164.316(b)(2)(i))",
    "journal_checkpoints": "they prove the journal",
    "journal_keeping": "how long the journal is kept",
    "alert_watches": "up to which entry of the journal alerts were looked for",
}
"""Tables whose rows outlive their organisation's shredding, each with its reason."""
EMPTIED = {"users": ("email_sealed", "email_lookup")}
"""What of a kept row goes nevertheless. Whoever holds the key of lookups could try addresses against one that stayed."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of an organisation: keys that still open, destroyed ones, and rows by table."""

    keys: int
    destroyed: int
    tables: Mapping[str, int]

    @property
    def clean(self) -> bool:
        """Whether nothing is left but what is meant to stay."""
        return not self.keys and set(self.tables) <= set(KEPT)


def remainder(connection: Connection, organisation_id: UUID) -> Remainder:
    """Count what is left of an organisation, as the proof of its shredding."""
    who = {"organisation": organisation_id}
    keys = connection.execute(
        "SELECT count(wrapped), count(*) - count(wrapped) FROM data_keys WHERE organisation_id = %(organisation)s", who
    ).fetchone()
    found: dict[str, int] = {}
    for table in rows.tables(connection):
        query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(table), rows.mine(table))
        for (count,) in connection.execute(query, who):
            found |= {table: count} if count else {}
    living, destroyed = keys or (0, 0)
    return Remainder(living, destroyed, found)


def erase(connection: Connection, organisation_id: UUID) -> int:
    """Delete every row of an organisation except KEPT, and what is EMPTIED in those, all or nothing; return how many rows.

    Raises Conflict while a legal hold is on.
    """
    who = {"organisation": organisation_id}
    held = connection.execute(
        "SELECT 1 FROM legal_holds WHERE organisation_id = %(organisation)s AND lifted_at IS NULL UNION ALL"
        " SELECT 1 FROM journal_keeping WHERE organisation_id = %(organisation)s AND held_at IS NOT NULL LIMIT 1",
        who,
    ).fetchone()
    if held:
        raise Conflict("A legal hold is on this organisation's records. Lift it first.")
    gone = 0
    erased = [table for table in rows.tables(connection) if table not in KEPT]
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # signed reports never change; here they end
        for table in erased:
            deleted = connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), rows.mine(table)), who)
            gone += deleted.rowcount
        for table, columns in EMPTIED.items():
            empty = sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(column)) for column in columns)
            connection.execute(sql.SQL("UPDATE {} SET {} WHERE {}").format(sql.Identifier(table), empty, rows.mine(table)), who)
        # An open session knows nothing of keys: it ends with its account.
        connection.execute(
            "UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE organisation_id = %(organisation)s", who
        )
    for table in [*erased, "data_keys", "users"]:
        connection.execute(sql.SQL("VACUUM FULL {}").format(sql.Identifier(table)))  # the files are written anew without them
    connection.execute("CHECKPOINT")
    return gone
