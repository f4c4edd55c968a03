"""The list of studies over the JSON API: 50 rows at 10,000 and at 1,000,000 studies of 200 organisations; what the gate costs.

``python -m benchmarks.api [STUDIES]``. Beside the whole way (nginx, gunicorn, session, permission, row-level security, audit
row, commit) the same statement is measured alone: as the application's role inside the walls, and as a superuser whom no wall
stops. The ratios between them are the price of each.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from flask import Flask
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.dialects import postgresql

from benchmarks._house import house
from benchmarks._result import write
from benchmarks.qido import DESCRIPTIONS, GIVEN, MODALITIES, SURNAMES, p95
from sidecar.api.study_list import CAREFUL, StudiesAsked, statement
from sidecar.app import create_app
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.kernel.settings import Settings
from tests.browser import Browser
from tests.cast import Cast, Person, make_cast

SMALL, LARGE, BATCH = 10_000, 1_000_000, 50_000
ORGANISATIONS, GROUPS = 200, 10
ROUNDS, WARM = 40, 4
P95_MS, GROWTH = 25.0, 1.5
YEARS = 5.0
"""Over which the arrivals are spread; what is not signed arrived within the last days."""

TENANTS = """
INSERT INTO organisations (id, kind, name, letterhead, zone, created_at)
SELECT unnest(%(ids)s::uuid[]), unnest(%(kinds)s::text[]), 'Benchmark ' || gen_random_uuid(), '', 'UTC', now()
"""
CONTRACTS = """
INSERT INTO contracts (organisation_id, id, reading_organisation_id, modalities, turnaround_minutes, reading_hours, priors,
  starts_on, created_at)
SELECT unnest(%(owners)s::uuid[]), gen_random_uuid(), unnest(%(readers)s::uuid[]), NULL, '{"routine": 1440}', 72, 'read',
  date '2020-01-01', now()
"""
STUDIES = """
INSERT INTO studies (organisation_id, id, reading_organisation_id, orthanc_id, study_instance_uid, patient_id, patient_name,
  patient_birth_date, patient_sex, accession_number, study_date, study_time, study_id, study_description,
  referring_physician_name, modalities_in_study, series_count, instance_count, arrival, arrived_at, last_image_at, completes_at,
  priority, priority_rank, status, assignee_name, lock_user_name, signed_at, reading_ends_at, changed_xid)
SELECT (%(owners)s::uuid[])[1 + n %% %(owners_count)s], gen_random_uuid(), (%(readers)s::uuid[])[1 + n %% %(readers_count)s],
  'o' || n, '1.2.826.0.1.3680043.10.99.' || n, 'MRN' || lpad((n / 3)::text, 8, '0'),
  (%(surnames)s::text[])[1 + floor(power(random(), 2) * array_length(%(surnames)s::text[], 1))::int] || '^' ||
  (%(given)s::text[])[1 + floor(random() * array_length(%(given)s::text[], 1))::int],
  to_char(date '1930-01-01' + (random() * 30000)::int, 'YYYYMMDD'), (ARRAY['M', 'F'])[1 + (n %% 2)],
  'A' || lpad(n::text, 9, '0'), to_char(at, 'YYYYMMDD'), to_char(at, 'HH24MISS'), n::text,
  (%(descriptions)s::text[])[1 + floor(random() * array_length(%(descriptions)s::text[], 1))::int], 'Doe^Jane',
  ARRAY[(%(modalities)s::text[])[1 + floor(random() * array_length(%(modalities)s::text[], 1))::int]], 2, 200,
  'complete', at, at, at, (ARRAY['stat', 'urgent', 'routine'])[1 + n %% 3], n %% 3,
  CASE WHEN at > now() - interval '2 days' THEN (ARRAY['unread', 'assigned'])[1 + n %% 2] ELSE 'final' END, '', '',
  CASE WHEN at > now() - interval '2 days' THEN NULL ELSE at + interval '1 day' END,
  CASE WHEN at > now() - interval '2 days' THEN NULL ELSE at + interval '4 days' END, 1
FROM (SELECT n, now() - random() * %(years)s * interval '365 days' AS at
      FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS arrivals
"""


@dataclass(frozen=True, slots=True)
class House:
    """Whose studies there are: each hospital's, and which group reads them."""

    owners: list[UUID]
    readers: list[UUID]


def found_organisations(instance: Instance, cast: Cast) -> House:
    """Make the other tenants of the house, without accounts; each hospital has a contract with the group that reads it."""
    owners = [cast.mercy, cast.luke, *(uuid4() for _ in range(ORGANISATIONS - GROUPS - 2))]
    readers = [cast.nightowls, *(uuid4() for _ in range(GROUPS - 1))]
    others = [*((each, "provider") for each in owners[2:]), *((each, "reading_group") for each in readers[1:])]
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        connection.execute(TENANTS, {"ids": [each for each, _ in others], "kinds": [kind for _, kind in others]})
        group_of = [readers[number % GROUPS] for number in range(len(owners))]
        connection.execute(CONTRACTS, {"owners": owners[1:], "readers": group_of[1:]})
        connection.execute("ANALYZE organisations, contracts")
    return House(owners, readers)


def fill(instance: Instance, house: House, first: int, last: int) -> None:
    """Write studies ``first`` to ``last``, spread evenly over hospitals and groups, as a superuser: no walls, no forms."""
    values: dict[str, Any] = {
        "surnames": SURNAMES, "given": GIVEN, "descriptions": DESCRIPTIONS, "modalities": MODALITIES, "years": YEARS,
        "owners": house.owners, "owners_count": len(house.owners),
        "readers": house.readers, "readers_count": len(house.readers),
    }  # fmt: skip
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        # The search index is laid again at once over all rows: a million single entries would take an hour.
        shape = connection.execute("SELECT pg_get_indexdef('ix_studies_search'::regclass)").fetchone()
        connection.execute(
            "DROP INDEX ix_studies_search; SET session_replication_role = replica; SET maintenance_work_mem = '512MB'"
        )
        for start in range(first, last + 1, BATCH):
            connection.execute(STUDIES, values | {"first": start, "last": min(start + BATCH - 1, last)})
        connection.execute(str(shape[0]) if shape else "")
        connection.execute("VACUUM ANALYZE studies")


QUESTIONS: dict[str, dict[str, Any]] = {
    "newest": {},
    "unread": {"status": ["unread"]},
    "unread and stat": {"status": ["unread"], "priority": ["stat"]},
    "one modality": {"modality": "MR"},
    "nobody has it": {"assigned": False},
    "signed": {"status": ["final"]},
    "one month, a year ago": {"arrived_after": "2025-10-01T00:00:00Z", "arrived_before": "2025-11-01T00:00:00Z"},
}
"""What is asked, 50 rows each; a second page of each is asked as well."""


def over_http(client: httpx.Client, address: str) -> dict[str, list[float]]:
    """Ask each question and its second page again and again; return milliseconds by question."""
    spent: dict[str, list[float]] = {}
    for turn in range(ROUNDS + WARM):
        for name, filters in QUESTIONS.items():
            cursor = ""
            for page in ("", ", second page"):
                began = time.perf_counter()
                answer = client.get(address, params={**filters, "limit": 50, "cursor": cursor})
                took = (time.perf_counter() - began) * 1000
                cursor = answer.raise_for_status().json()["next"] or ""
                if turn >= WARM:
                    spent.setdefault(name + page, []).append(took)
                if not cursor:
                    break
    return spent


def alone(connection: Connection, statements: list[str]) -> list[float]:
    """Run the bare statements again and again on one open transaction; return milliseconds."""
    spent: list[float] = []
    for turn in range(ROUNDS + WARM):
        for each in statements:
            began = time.perf_counter()
            connection.exec_driver_sql(each).all()
            if turn >= WARM:
                spent.append((time.perf_counter() - began) * 1000)
    return spent


def statements(app: Flask, scopes: Scopes, person: Person) -> list[str]:
    """Return the statements behind the questions of a person, with their values written in."""
    found = []
    with app.test_request_context("/api/studies"), scopes.open(person.actor) as scope:
        for filters in QUESTIONS.values():
            asked = StudiesAsked.model_validate(filters)
            written = statement(scope, asked).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
            found.append(str(written).replace("%%", "%").replace("%", "%%"))
    return found


@contextmanager
def inside_the_walls(scopes: Scopes, person: Person) -> Iterator[Connection]:
    """Open a transaction of the application's role in a person's name."""
    with scopes.open(person.actor) as scope:
        scope.session.execute(CAREFUL)
        yield scope.session.connection()


@contextmanager
def without_walls(instance: Instance) -> Iterator[Connection]:
    """Open a transaction as a superuser, whom row-level security does not bind."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: postgres.connect(instance.layout, postgres.DATABASE))
    with engine.connect() as connection:
        connection.execute(text("SET jit = off"))
        connection.execute(text("SET plan_cache_mode = force_custom_plan"))
        yield connection
    engine.dispose()


def measure(instance: Instance, app: Flask, people: list[Person]) -> dict[str, Any]:
    """Measure all three ways for a hospital and for a group; return milliseconds by way, the questions' own by name."""
    scopes: Scopes = app.extensions["readingroom.scopes"]
    taken: dict[str, Any] = {"whole": [], "walls": [], "bare": [], "questions": {}}
    for person in people:
        cookie = Browser(app, person).client.get_cookie("rr_session")
        with httpx.Client(trust_env=False, timeout=60, cookies={"rr_session": cookie.value if cookie else ""}) as client:
            spent = over_http(client, f"{instance.url}/api/studies")
        for name, times in spent.items():
            taken["whole"] += times
            taken["questions"].setdefault(name, []).extend(times)
        asked = statements(app, scopes, person)
        with inside_the_walls(scopes, person) as connection:
            taken["walls"] += alone(connection, asked)
        with without_walls(instance) as connection:
            taken["bare"] += alone(connection, asked)
    return taken


def report(small: dict[str, Any], large: dict[str, Any], number: int) -> bool:
    """Write the results; return whether all targets are met."""
    how = (
        f"{ROUNDS} rounds of {len(small['questions'])} questions of 50 rows by a hospital's technician and a group's "
        "radiologist, over HTTP with kept connections, through nginx, gunicorn, session, permission, row-level security, "
        f"audit row and commit; {ORGANISATIONS} organisations, arrivals over {YEARS:g} years"
    )
    median = statistics.median
    each = {
        name: {"at_10000": round(median(times), 1), "later": round(median(large["questions"][name]), 1),
               "p95_later": round(p95(large["questions"][name]), 1)}
        for name, times in small["questions"].items()
        if name in large["questions"]
    }  # fmt: skip
    growth = p95(large["whole"]) / p95(small["whole"])
    bare, walls, whole = (median(large[way]) for way in ("bare", "walls", "whole"))
    load = round(os.getloadavg()[0], 1)
    met = [
        write(
            "api_studies_1000000",
            name=f"GET /api/studies of 50 rows at {number:,} studies, p95",
            unit="ms",
            ours=round(p95(large["whole"]), 2),
            reference=None,
            target=P95_MS,
            met=p95(large["whole"]) <= P95_MS,
            how=how,
            median=round(whole, 2),
            questions=each,
            load=load,
        ),
        write(
            "api_studies_growth",
            name=f"GET /api/studies, p95 at {number:,} studies against {SMALL:,}",
            unit="ms",
            ours=round(p95(large["whole"]), 2),
            reference=round(p95(small["whole"]), 2),
            ratio=round(growth, 2),
            target=GROWTH,
            met=growth < GROWTH,
            how=how,
            of_medians=round(whole / median(small["whole"]), 2),
            load=load,
        ),
        write(
            "api_studies_overhead",
            name="GET /api/studies against its bare query, medians",
            unit="ms",
            ours=round(whole, 2),
            reference=round(bare, 2),
            ratio=round(whole / bare, 1),
            target=P95_MS,
            met=whole <= P95_MS,
            how=f"{how}; the reference is the same statement run by a superuser on one open connection; no ratio is asked for",
            walls=round(walls, 2),
            walls_over_bare=round(walls / bare, 2),
            gate_and_audit=round(whole - walls, 2),
            load=load,
        ),
    ]
    return all(met)


def run(instance: Instance, large: int) -> bool:
    """Fill, ask, fill more, ask again."""
    app = create_app(Settings.from_env(instance.env()))
    cast = make_cast(app.extensions["readingroom.scopes"], app.extensions["readingroom.seal"], cells="stopped")
    house, people = found_organisations(instance, cast), [cast.owner, cast.reader]
    fill(instance, house, 1, SMALL)
    small = measure(instance, app, people)
    fill(instance, house, SMALL + 1, large)
    return report(small, measure(instance, app, people), large)


def in_a_house(work: Callable[[Instance], bool]) -> int:
    """Bring up a private instance, work in it, take it down; 1 when a target is missed."""
    with house() as (instance, _directory):
        met = work(instance)
    return 0 if met else 1


def main(large: int = LARGE) -> int:
    """Measure; 1 when a target is missed."""
    print(f"began {datetime.now(UTC):%H:%M:%S} UTC")
    return in_a_house(lambda instance: run(instance, large))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
