"""All rows of one organisation, read and written past the walls: by the database's superuser, for backups and shredding."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]


def revision(connection: Connection) -> str:
    """Return the number of the newest migration."""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def tables(connection: Connection) -> list[str]:
    """Return every table with rows of organisations, and ``organisations`` itself first. Keys travel apart from them."""
    query = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid WHERE n.nspname = 'public' AND c.relkind = 'r'"
        " AND a.attname = 'organisation_id' AND c.relname <> 'data_keys' ORDER BY 1"
    )
    return ["organisations", *(name for (name,) in connection.execute(query))]


def mine(table: str) -> sql.Composed:
    """Return the condition that a row is of the organisation ``%(organisation)s``."""
    column = sql.Identifier("id" if table == "organisations" else "organisation_id")
    return sql.SQL("{} = %(organisation)s").format(column)


def of_organisation(connection: Connection, organisation_id: UUID) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the organisation's rows, and of its partners in contracts what its own rows lean on: name, and who vouches."""
    partner = (
        "SELECT organisation_id FROM contracts WHERE reading_organisation_id = %(organisation)s"
        " UNION SELECT reading_organisation_id FROM contracts WHERE organisation_id = %(organisation)s"
    )
    wanted = {table: mine(table) for table in tables(connection)}
    for table, column in (("organisations", "id"), ("signing_authorities", "organisation_id")):
        either = sql.SQL("({} OR {} IN (" + partner + "))")
        wanted[table] = either.format(wanted[table], sql.Identifier(column))
    for table, condition in wanted.items():
        query = sql.SQL("SELECT to_json(t) FROM {} t WHERE {}").format(sql.Identifier(table), condition)
        with connection.cursor(name="copy") as cursor:
            cursor.execute(query, {"organisation": organisation_id})
            for (row,) in cursor:
                yield table, row


def insert(connection: Connection, table: str, names_of: list[str], row: dict[str, Any]) -> None:
    """Write one row as it was; one that is here already stays."""
    names = sql.SQL(", ").join(map(sql.Identifier, names_of))
    statement = "INSERT INTO {} ({}) SELECT {} FROM json_populate_record(NULL::{}, %s) ON CONFLICT DO NOTHING"
    into = sql.Identifier(table)
    connection.execute(sql.SQL(statement).format(into, names, names, into), (json.dumps(row),))


def columns(connection: Connection, table: str) -> list[str]:
    """Return the columns that are written; those the database computes are not."""
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
    )
    return [name for (name,) in connection.execute(query, (table,))]
