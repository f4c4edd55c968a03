"""Set-up step: fetch the browser libraries named in package.json and copy the few files we serve to static/vendor/.

`npm ci --ignore-scripts` runs in a cache directory keyed by the lock's content; nothing of the packages is executed.
The manifest beside the files names version, licence and SHA-256 of each: what is served can be checked against what was
reviewed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "static" / "vendor"
FILES = {"htmx.org": {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE.txt"}}
"""Package → {file in the package: name under static/vendor/}."""


def lock_key() -> str:
    """Content key of the lock: another lock, another cache directory."""
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]


def current(target: Path = TARGET) -> bool:
    """Whether the target already holds exactly what the lock names, byte for byte."""
    manifest = target / "manifest.json"
    if not manifest.is_file():
        return False
    known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return known["lock"] == lock_key() and all(
        (target / name).is_file() and _sha256(target / name) == entry["sha256"] for name, entry in known["files"].items()
    )


def install(cache: Path, target: Path = TARGET) -> Path:
    """Fetch into `cache`, copy the named files to `target`, write manifest.json; return the target.

    Raises:
        subprocess.CalledProcessError: npm failed; its output is on stderr.
    """
    if current(target):
        return target
    work = cache / f"ui-{lock_key()}"
    work.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, work / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    target.mkdir(parents=True, exist_ok=True)
    entries = {
        served: _copy(work, package, path, target / served) for package, files in FILES.items() for path, served in files.items()
    }
    manifest = {"lock": lock_key(), "files": entries}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return target


def _copy(work: Path, package: str, path: str, destination: Path) -> dict[str, str]:
    """Copy one file and describe it for the manifest."""
    described = json.loads((work / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    shutil.copyfile(work / "node_modules" / package / path, destination)
    return {"package": package, "version": described["version"], "licence": described["license"], "sha256": _sha256(destination)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    install(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.home() / ".cache" / "readingroom")
