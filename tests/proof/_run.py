"""A proof is a set of tests run by name, whose outcome stands in ``build/proof/NAME.json`` for others to read."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

CHECKOUT = Path(__file__).parents[2]


def prove(name: str, *, tests: list[str], how: str) -> int:
    """Run the tests and write name, cases, failures, how; return pytest's exit code.

    A test that walks many cases says how many by ``record_property("cases", n)``; any other is one case. A test that failed
    or could not run is one failure.
    """
    out = Path(os.environ.get("RR_RESULTS", CHECKOUT / "build" / "proof"))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="readingroom-proof-", dir="/var/tmp") as data:
        Path(data).chmod(0o711)  # Postgres runs as a user of its own and must be able to pass
        report = Path(data) / "junit.xml"
        command = [sys.executable, "-m", "pytest", *tests, "-o", "junit_family=xunit1", f"--junitxml={report}"]
        code = subprocess.run(command, cwd=CHECKOUT, env=os.environ | {"RR_TEST_DATA": data}, check=False).returncode
        found = list(ET.parse(report).getroot().iter("testcase")) if report.exists() else []  # noqa: S314 - written by our own pytest
    failures = [case.get("name") for case in found if case.find("failure") is not None or case.find("error") is not None]
    result = {"name": name, "cases": sum(map(_cases, found)), "failures": failures, "how": how}
    (out / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{name}: {result['cases']} cases, {len(failures)} failures")  # noqa: T201 - what the verb is asked for
    return code


def _cases(test: ET.Element) -> int:
    told = [int(each.get("value", "1")) for each in test.iter("property") if each.get("name") == "cases"]
    return told[0] if told else 1
