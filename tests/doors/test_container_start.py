"""The start command of Dockerfile.orthanc, run in the native root with the image's files: a cell comes up."""

import json
import shlex
import subprocess
import sysconfig
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.adapters import supervisor_rpc
from sidecar.adapters.cell_program import CellHousing, CellSpec, render, render_door
from sidecar.instance import orthanc_root
from sidecar.instance.ports import first_free
from sidecar.instance.readiness import port_answers, url_status, wait_until

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile.orthanc").read_text()
INSIDE = Path("/srv/readingroom")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The volumes, as `setup` leaves them."""
    for name in ("supervisor/cells", "cells"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def container(shared: Path) -> Iterator[subprocess.Popen[bytes]]:
    copies = [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    [start] = [json.loads(line.removeprefix("CMD ")) for line in DOCKERFILE.splitlines() if line.startswith("CMD ")]
    mounts = ["--tmpfs", "/opt", "--tmpfs", "/srv", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]  # noqa: S108
    for source, target in copies:
        mounts += ["--ro-bind", str(CHECKOUT / source), target]
    # Debian's package `supervisor` is not in the native root: ours stands in for it.
    mounts += ["--ro-bind", f"{sysconfig.get_path('purelib')}/supervisor", "/opt/python/supervisor"]
    mounts += ["--bind", str(shared), str(INSIDE), "--setenv", "PYTHONPATH", "/opt/python"]
    command = ["bwrap", "--ro-bind", str(orthanc_root.root_path()), "/", *mounts, "--die-with-parent", "--unshare-pid", "--"]
    with (shared / "output").open("wb") as output:
        process = subprocess.Popen([*command, *start], stdout=output, stderr=subprocess.STDOUT)
        yield process
        process.kill()
        process.wait()


def test_the_image_has_what_its_start_command_needs() -> None:
    root = orthanc_root.root_path()
    for program in ("usr/bin/python3", "usr/sbin/Orthanc", "usr/bin/prlimit", "usr/bin/env"):
        assert (root / program).exists(), program


def test_a_cell_placed_by_the_worker_comes_up(shared: Path, container: subprocess.Popen[bytes]) -> None:
    housing = CellHousing(
        supervisor_socket=INSIDE / "supervisor/supervisor.sock", include_dir=INSIDE / "supervisor/cells",
        cells_dir=INSIDE / "cells", plugin_dir=Path("/opt/readingroom/orthanc_plugin"),
        orthanc_config=Path("/opt/readingroom/orthanc.json"), inbox_url="http://127.0.0.1:9/intake/events",
        cell_host="cells", orthanc_root=None,
    )  # fmt: skip
    dicom, http, inner = (first_free(range(first, first + 100)) for first in (28500, 28600, 28700))
    spec = CellSpec(uuid.uuid4(), uuid.uuid4(), "MERCY", dicom, http, "s", inner)
    home = shared / "cells" / str(spec.cell_id)
    for name in ("storage", "index", "log"):
        (home / name).mkdir(parents=True)
    (home / "secret").write_text(spec.secret)
    (home / "policy.json").write_text(json.dumps({
        "version": 3, "revision": 1, "cell": str(spec.cell_id), "organisation": str(spec.organisation_id), "keys": {},
        "senders": [], "dicom": {"plain": True, "tls_port": 0}, "revoked_sessions": {}, "withheld": [],
        "issued_at": "2026-01-01T00:00:00Z",
    }))  # fmt: skip
    socket = shared / "supervisor/supervisor.sock"
    wait_until(socket.exists, seconds=30, what=f"supervisord ({shlex.join(map(str, container.args))})")  # type: ignore[arg-type]
    for program, text in ((spec.program, render(housing, spec)), (spec.door, render_door(housing, spec))):
        (shared / f"supervisor/cells/{program}.conf").write_text(text)
        assert supervisor_rpc.apply_group(supervisor_rpc.connect(socket), program)
    wait_until(lambda: url_status(f"http://127.0.0.1:{http}/system") == 403, seconds=30, what="the cell's answer")
    wait_until(lambda: port_answers(dicom), seconds=30, what="the door")
