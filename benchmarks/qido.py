"""QIDO-RS by a signed-in technician through the public door, at 10,000 and at 1,000,000 studies of one hospital.

At 10,000 the same questions go to a plain Orthanc that holds as many studies of one tiny image each. Both are asked over
HTTP with kept connections, in turns. Ours answers through nginx, gunicorn, session and row-level security.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from pydicom.uid import generate_uid

from benchmarks._house import house
from benchmarks._result import write
from sidecar.app import create_app
from sidecar.instance import Instance, postgres
from sidecar.kernel.settings import Settings
from tests.browser import Browser
from tests.cast import make_cast
from tests.doors import phantom
from tests.doors.bare_orthanc import BareOrthanc

SMALL, LARGE, BATCH = 10_000, 1_000_000, 50_000
ROUNDS = 30
FASTER, P95_MS, GROWTH = 20.0, 30.0, 1.5
DICE = random.Random(18)  # noqa: S311 - a repeatable mix
SPOKEN = "ba be da del fer gar her jo ka kel lo ma mar mil ne nor o pe ro san smi son ta ter ve wal wi ya zu"
SYLLABLES = tuple(SPOKEN.split(" "))
SURNAMES = sorted({"".join(DICE.choices(SYLLABLES, k=DICE.choice((2, 3, 3, 4)))).capitalize() for _ in range(20_000)})
GIVEN = [*sorted({"".join(DICE.choices(SYLLABLES, k=2)).capitalize() for _ in range(600)}), "José", "Änne", "Zoë"]
DESCRIPTIONS = ["CT chest", "CT head", "MR knee left", "MR brain", "Chest PA and lateral", "US abdomen", "CT angiography"]
MODALITIES = ["CT", "CT", "CT", "CR", "CR", "CR", "MR", "MR", "US", "MG"]

STUDIES = """
INSERT INTO studies (organisation_id, id, orthanc_id, study_instance_uid, patient_id, patient_name, patient_birth_date,
  patient_sex, accession_number, study_date, study_time, study_id, study_description, referring_physician_name,
  modalities_in_study, series_count, instance_count, arrival, arrived_at, last_image_at, completes_at, priority,
  priority_rank, status, assignee_name, lock_user_name, changed_xid)
SELECT %(org)s, gen_random_uuid(), 'o' || n, '1.2.826.0.1.3680043.10.99.' || n, 'MRN' || lpad((n / 3)::text, 8, '0'),
  (%(surnames)s::text[])[1 + floor(power(random(), 2) * array_length(%(surnames)s::text[], 1))::int] || '^' ||
  (%(given)s::text[])[1 + floor(random() * array_length(%(given)s::text[], 1))::int],
  to_char(date '1930-01-01' + (random() * 30000)::int, 'YYYYMMDD'), (ARRAY['M', 'F'])[1 + (n %% 2)],
  'A' || lpad(n::text, 9, '0'), to_char(date '2016-11-21' + (random() * 3650)::int, 'YYYYMMDD'),
  lpad((random() * 235959)::int::text, 6, '0'), n::text,
  (%(descriptions)s::text[])[1 + floor(random() * array_length(%(descriptions)s::text[], 1))::int], 'Doe^Jane',
  ARRAY[(%(modalities)s::text[])[1 + floor(random() * array_length(%(modalities)s::text[], 1))::int]], 2, 2,
  'complete', now() - interval '90 days', now() - interval '90 days', now() - interval '90 days', 'routine', 2, 'final', '', '', 1
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
SERIES = """
INSERT INTO series (organisation_id, id, study_id, orthanc_id, series_instance_uid, modality, series_number,
  series_description, body_part_examined, series_date, series_time, instance_count)
SELECT s.organisation_id, gen_random_uuid(), s.id, s.orthanc_id || '.' || k, s.study_instance_uid || '.' || k,
  s.modalities_in_study[1], k, 'Series ' || k, 'CHEST', s.study_date, s.study_time, 1
FROM studies s, generate_series(1, 2) AS k
WHERE s.organisation_id = %(org)s AND s.study_id::int BETWEEN %(first)s AND %(last)s
"""


def fill(instance: Instance, organisation: UUID, first: int, last: int) -> None:
    """Write studies ``first`` to ``last`` with two series each, as a superuser: no walls, no forms."""
    values: dict[str, Any] = {
        "org": organisation, "surnames": SURNAMES, "given": GIVEN, "descriptions": DESCRIPTIONS, "modalities": MODALITIES,
    }  # fmt: skip
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        # The search index is laid again at once over all rows: a million single entries would take an hour.
        shape = connection.execute("SELECT pg_get_indexdef('ix_studies_search'::regclass)").fetchone()
        connection.execute(
            "DROP INDEX ix_studies_search; SET session_replication_role = replica; SET maintenance_work_mem = '512MB'"
        )
        for start in range(first, last + 1, BATCH):
            part = values | {"first": start, "last": min(start + BATCH - 1, last)}
            connection.execute(STUDIES, part)
            connection.execute("ANALYZE studies")
            connection.execute(SERIES, part)
        connection.execute(str(shape[0]) if shape else "")
        connection.execute("VACUUM ANALYZE studies, series")


def mix(number: int) -> list[tuple[str, str]]:
    """Return one round of what viewers and people ask, with other values each round; ``number`` studies exist."""
    some, name = DICE.randrange(1, number), DICE.choice(SURNAMES[: len(SURNAMES) // 2])
    uid, day = f"1.2.826.0.1.3680043.10.99.{some}", f"20{DICE.randrange(17, 26)}{DICE.randrange(1, 13):02}"
    return [
        ("newest, as a viewer's list asks", "studies?limit=101&offset=0&includefield=00081030,00080060"),
        ("patient id", f"studies?PatientID=MRN{some // 3:08}&limit=101"),
        ("part of a patient id", f"studies?PatientID=*{some // 3:08}*&limit=101"),
        ("accession number", f"studies?AccessionNumber=A{some:09}"),
        ("study uid", f"studies?StudyInstanceUID={uid}"),
        ("beginning of a name", f"studies?PatientName={name[:5]}*&limit=25"),
        ("part of a name", f"studies?PatientName=*{name[1:6]}*&limit=25"),
        ("fuzzy name", f"studies?PatientName={name}%20jose&fuzzymatching=true&limit=25"),
        ("a week", f"studies?StudyDate={day}10-{day}17&limit=25"),
        ("a week of one modality", f"studies?StudyDate={day}10-{day}17&ModalitiesInStudy=MR&limit=25"),
        ("modality and description", "studies?ModalitiesInStudy=MR&StudyDescription=*knee*&limit=25"),
        ("a later page", "studies?limit=25&offset=500"),
        ("series of a study", f"studies/{uid}/series"),
    ]


def timed(ask: Callable[[str], httpx.Response], paths: list[tuple[str, str]]) -> Iterator[tuple[str, float]]:
    """Ask one after the other; yield milliseconds."""
    for name, path in paths:
        began = time.perf_counter()
        ask(path).raise_for_status()
        yield name, (time.perf_counter() - began) * 1000


def measure(asks: list[Callable[[str], httpx.Response]], number: int) -> list[dict[str, list[float]]]:
    """Return each side's milliseconds by question; the sides take turns, the first rounds only warm up."""
    sides: list[dict[str, list[float]]] = [{} for _ in asks]
    for turn in range(ROUNDS + 3):
        paths = mix(number)
        for side, ask in zip(sides, asks, strict=True):
            for name, spent in timed(ask, paths):
                if turn >= 3:  # noqa: PLR2004
                    side.setdefault(name, []).append(spent)
    return sides


def everything(side: dict[str, list[float]]) -> list[float]:
    """Return all times of a side."""
    return [spent for times in side.values() for spent in times]


def p95(times: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def fill_orthanc(orthanc: BareOrthanc, number: int) -> None:
    """Store as many studies of one tiny image each, with the same names and numbers."""
    template = phantom.image(size=4)

    def store(n: int) -> None:
        dataset = template.copy()
        dataset.file_meta = template.file_meta.copy()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.826.0.1.3680043.10.99.{n}", f"1.2.826.0.1.3680043.10.99.{n}.1"
        dataset.SOPInstanceUID = generate_uid()
        dataset.PatientID, dataset.AccessionNumber = f"MRN{n // 3:08}", f"A{n:09}"
        dataset.PatientName = f"{SURNAMES[n * 7 % len(SURNAMES)]}^{GIVEN[n % len(GIVEN)]}"
        dataset.StudyDate, dataset.Modality = f"20{17 + n % 9}{1 + n % 12:02}{1 + n % 28:02}", MODALITIES[n % 10]
        dataset.StudyDescription = DESCRIPTIONS[n % len(DESCRIPTIONS)]
        file = BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        http.post(f"http://127.0.0.1:{orthanc.http_port}/instances", content=file.getvalue()).raise_for_status()

    with httpx.Client(trust_env=False, timeout=60) as http, ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(1, number + 1)))


def report(small: dict[str, list[float]], plain: dict[str, list[float]], large: dict[str, list[float]]) -> bool:
    """Write the three results; return whether all targets are met."""
    how = (
        f"{ROUNDS} rounds of {len(small)} questions over HTTP with kept connections, through nginx, gunicorn, session and "
        "row-level security"
    )
    mine, theirs, later = everything(small), everything(plain), everything(large)
    each = {
        name: {
            "at_10000": round(statistics.median(small[name]), 1),
            "orthanc": round(statistics.median(plain[name]), 1),
            "at_1000000": round(statistics.median(large[name]), 1),
            "p95_at_1000000": round(p95(large[name]), 1),
        }
        for name in small
    }
    ratio, growth = statistics.mean(theirs) / statistics.mean(mine), p95(later) / p95(mine)
    met = [
        write(
            "qido_10000",
            name="QIDO-RS at 10,000 studies, mean of the mix",
            unit="ms",
            ours=round(statistics.mean(mine), 2),
            reference=round(statistics.mean(theirs), 2),
            ratio=round(ratio, 1),
            target=FASTER,
            met=ratio >= FASTER,
            how=f"{how}; the reference is a plain Orthanc with 10,000 studies of one image, asked in turns; ratio: times faster",
            questions=each,
        ),
        write(
            "qido_1000000",
            name="QIDO-RS at 1,000,000 studies, p95 of the mix",
            unit="ms",
            ours=round(p95(later), 2),
            reference=None,
            target=P95_MS,
            met=p95(later) <= P95_MS,
            how=how,
            median=round(statistics.median(later), 2),
            load=round(os.getloadavg()[0], 1),
        ),
        write(
            "qido_growth",
            name="QIDO-RS, p95 at 1,000,000 studies against 10,000",
            unit="ms",
            ours=round(p95(later), 2),
            reference=round(p95(mine), 2),
            ratio=round(growth, 2),
            target=GROWTH,
            met=growth < GROWTH,
            how=how,
            of_medians=round(statistics.median(later) / statistics.median(mine), 2),
        ),
    ]
    return all(met)


def run(instance: Instance, large: int) -> bool:
    """Fill, ask, fill more, ask again."""
    app = create_app(Settings.from_env(instance.env()))
    cast = make_cast(app.extensions["readingroom.scopes"], app.extensions["readingroom.seal"], cells="stopped")
    cookie = Browser(app, cast.owner).client.get_cookie("rr_session")
    # In memory: its database writes each image to disk for good, which is not what is measured here.
    memory = Path(tempfile.mkdtemp(prefix="readingroom-bench-", dir="/dev/shm"))
    orthanc = BareOrthanc(memory, SyncStorageArea=False)
    fill(instance, cast.mercy, 1, SMALL)
    orthanc.start()
    try:
        fill_orthanc(orthanc, SMALL)
        with (
            httpx.Client(trust_env=False, timeout=60, cookies={"rr_session": cookie.value if cookie else ""}) as ours,
            httpx.Client(trust_env=False, timeout=60) as plain,
        ):

            def edge(path: str) -> httpx.Response:
                return ours.get(f"{instance.url}/dicom-web/own/{path}")

            def bare(path: str) -> httpx.Response:
                return plain.get(f"http://127.0.0.1:{orthanc.http_port}/dicom-web/{path}")

            at_small, at_plain = measure([edge, bare], SMALL)
            orthanc.stop()
            fill(instance, cast.mercy, SMALL + 1, large)
            (at_large,) = measure([edge], large)
    finally:
        orthanc.stop()
        shutil.rmtree(memory)
    return report(at_small, at_plain, at_large)


def main(large: int = LARGE) -> int:
    """Bring up a private instance, measure, write the results; 1 when a target is missed."""
    with house() as (instance, _directory):
        met = run(instance, large)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
