"""What the gate costs per request: token, table, decision and record in this process, without Orthanc around it.

Four kinds of requests that make up a working day: a frame for a reading context, a study of Explorer for own staff, the same
for a context (its owner known already, as in a cell), and a refusal. The first sight of a token costs a signature check more.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._result import write
from orthanc_plugin.decide import Request, Verdict
from orthanc_plugin.gate import Gate
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.visits import Visits
from tests.unit.plugin.gate_cases import FOREIGN, FRAME, ID, NOW, POLICY, STUDY, mint, owner

ROUNDS = 20_000
TARGET_US = 50.0


def microseconds(call: Callable[[], object]) -> list[float]:
    """Time each call by itself."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - started) / 1000)
    return times


def gate() -> Gate:
    """A gate with a policy in force that trusts the tests' key."""
    policy = PolicyFile(Path("nowhere"), cell=POLICY.cell, organisation=POLICY.organisation)
    policy.current = POLICY
    return Gate(policy, owner, now=lambda: NOW)


def main() -> int:
    """Measure, write the median over all four kinds; 1 when it misses the target."""
    visits, uid = Visits(lambda _event: None), lambda _level, identifier: next(iter(owner("studies", identifier)), "")
    at_gate = gate()
    priors = [f"1.2.826.0.1.{number}" for number in range(50)]
    context, staff = mint(studies=[STUDY, *priors]), mint(studies=..., org=POLICY.organisation)
    asked = {
        "frame, context": (context, FRAME, Verdict.ALLOW),
        "study, own staff": (staff, f"/studies/{ID}", Verdict.ALLOW),
        "study, context": (context, f"/studies/{ID}", Verdict.ALLOW),
        "refused, context": (context, f"/studies/{FOREIGN}", Verdict.DENY),
    }
    medians = {}
    for name, (token, path, verdict) in asked.items():
        headers = {"authorization": f"Bearer {token}", "accept": "*/*", "host": "cell", "x-request-id": "0" * 32}
        request = Request("GET", path, headers, {})
        if at_gate.admit(request, uid, visits.note).verdict is not verdict:
            raise RuntimeError(f"the gate does not decide what is measured: {name}")
        medians[name] = round(
            statistics.median(microseconds(lambda request=request: at_gate.admit(request, uid, visits.note))), 2
        )
    first = statistics.median(_first_sights(context))
    met = write(
        "gate", name="gate decision, median of the slowest kind of request", unit="us", ours=max(medians.values()),
        reference=None, target=TARGET_US, met=max(medians.values()) <= TARGET_US,
        how=f"{ROUNDS} calls each in one process; token with 51 studies remembered, owner known, visit open", kinds=medians,
        first_sight_of_a_token=round(first, 1),
    )  # fmt: skip
    return 0 if met else 1


def _first_sights(token: str) -> list[float]:
    headers = {"authorization": f"Bearer {token}"}
    times = []
    for _ in range(200):
        fresh = gate()
        started = time.perf_counter_ns()
        fresh.judge(Request("GET", FRAME, headers, {}))
        times.append((time.perf_counter_ns() - started) / 1000)
    return times


if __name__ == "__main__":
    sys.exit(main())
