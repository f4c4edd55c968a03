"""The one form of a benchmark's result: ``build/bench/NAME.json`` with name, unit, ours, reference, ratio, target, met, how."""

import json
import os
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]


def write(  # noqa: PLR0913 - these are the fields
    file: str, *, name: str, unit: str, ours: float, reference: float | None, target: float, met: bool, how: str, **more: Any
) -> bool:
    """Write one result, print it in one line, return whether the target is met.

    ``reference`` is the other side measured in the same run, None where there is nothing to compare with; ``more`` may
    bring a better ``ratio`` than that of the two figures, such as a median of ratios.
    """
    ratio = more.pop("ratio", None if reference is None else round(ours / reference, 3))
    out = Path(os.environ.get("RR_RESULTS", CHECKOUT / "build" / "bench"))
    out.mkdir(parents=True, exist_ok=True)
    figures = {"ours": ours, "reference": reference, "ratio": ratio, "target": target, "met": met}
    result = {"name": name, "unit": unit, **figures, "how": how, **more}
    (out / f"{file}.json").write_text(json.dumps(result, indent=2) + "\n")
    against = "" if reference is None else f", reference {reference} {unit}, ratio {ratio}"
    print(f"{name}: {ours} {unit}{against}; target {target}: {'met' if met else 'MISSED'}")
    return met
