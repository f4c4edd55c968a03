"""What the worker costs at rest: in a house of a few organisations, and after 200 more came, where nothing happens either.

``python -m benchmarks.worker``. Counted is the processor time of the worker, of Postgres and of Redis over whole rounds of the
jobs that come by once a minute. Nobody has work, so this is what looking for work costs.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks._house import house
from benchmarks._result import write
from benchmarks.api import ORGANISATIONS, found_organisations
from sidecar.adapters.supervisor_rpc import connect
from sidecar.app import create_app
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from tests.cast import make_cast

SECONDS = 120
"""Two rounds of the jobs that enter everybody's walls."""
SETTLING = 20
SHARE = 15.0
"""Per cent of one processor."""
PROGRAMS = ("worker", "postgres", "redis")


def family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def spent(pid: int) -> float:
    """Return the processor seconds of a process and of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def share(instance: Instance) -> dict[str, float]:
    """Return by program how many per cent of a processor it takes."""
    pids = {each["name"]: each["pid"] for each in connect(instance.layout.supervisor_socket).getAllProcessInfo()}
    before = {name: sum(map(spent, family(pids[name]))) for name in PROGRAMS}
    time.sleep(SECONDS)
    return {name: round(100 * (sum(map(spent, family(pids[name]))) - before[name]) / SECONDS, 2) for name in PROGRAMS}


def run(instance: Instance) -> bool:
    """Measure, found organisations, measure again; return whether the target is met."""
    app = create_app(Settings.from_env(instance.env()))
    cast = make_cast(app.extensions["readingroom.scopes"], app.extensions["readingroom.seal"], cells="stopped")
    time.sleep(SETTLING)
    few = share(instance)
    found_organisations(instance, cast)
    time.sleep(SETTLING)
    many = share(instance)
    ours, reference = round(sum(many.values()), 1), round(sum(few.values()), 1)
    return write(
        "worker",
        name=f"worker and its databases at rest, {ORGANISATIONS} organisations",
        unit="% of a processor",
        ours=ours,
        reference=reference,
        target=SHARE,
        met=ours <= SHARE,
        how=f"processor time over {SECONDS} s; the reference is the same house before they came",
        programs=many,
        programs_before=few,
    )


def main() -> int:
    """Bring up a private instance, measure, write the result; 1 when the target is missed."""
    with house() as (instance, _directory):
        met = run(instance)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
