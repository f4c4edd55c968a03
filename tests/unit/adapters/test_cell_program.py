import configparser
import shlex
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from sidecar.adapters.cell_program import CellHousing, CellSpec, command, render
from sidecar.adapters.cell_status import complaints, disk_use
from sidecar.instance.report import cell_place

SPEC = CellSpec(UUID(int=1), UUID(int=2), "MERCY", 11112, 24000, "never-on-a-command-line", 28000)


@pytest.fixture
def housing(tmp_path: Path) -> CellHousing:
    plugin = tmp_path / "orthanc_plugin"
    plugin.mkdir()
    (plugin / "plugin.py").write_text("pass")
    (tmp_path / "orthanc.json").write_text("{}")
    return CellHousing(
        tmp_path / "sock", tmp_path / "include", tmp_path / "cells", plugin, tmp_path / "orthanc.json",
        "http://127.0.0.1:1/intake/events", "127.0.0.1", tmp_path / "root",
    )  # fmt: skip


def test_a_cell_can_write_its_own_directory_and_nothing_else(housing: CellHousing) -> None:
    words = command(housing, SPEC)
    assert [words[i + 1 : i + 3] for i, word in enumerate(words) if word == "--bind"] == [
        [str(housing.cells_dir / str(SPEC.cell_id)), "/cell"]
    ]
    assert "--dev-bind" not in words
    assert {"--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv"} <= set(words)
    assert words[words.index("--cap-drop") + 1] == "ALL"


def test_no_secret_stands_in_the_file_or_on_the_command_line(housing: CellHousing) -> None:
    assert SPEC.secret not in render(housing, SPEC)


def test_without_a_root_orthanc_runs_as_it_is_with_real_paths(housing: CellHousing) -> None:
    words = command(replace(housing, orthanc_root=None), SPEC)
    assert "bwrap" not in words
    assert f"RR_CELL_DIR={housing.cells_dir / str(SPEC.cell_id)}" in words
    assert f"RR_PLUGIN_DIR={housing.plugin_dir}" in words
    assert (words[-3], words[-1]) == ("/usr/sbin/Orthanc", str(housing.orthanc_config))


def test_equal_inputs_give_equal_files_and_a_new_plugin_another(housing: CellHousing) -> None:
    before = render(housing, SPEC)
    assert render(housing, SPEC) == before
    (housing.plugin_dir / "plugin.py").write_text("pass  # newer")
    assert render(housing, SPEC) != before


def test_status_reads_a_cells_title_and_port_from_its_file(housing: CellHousing, tmp_path: Path) -> None:
    program = tmp_path / "cell.conf"
    program.write_text(render(housing, SPEC))
    assert cell_place(program) == (SPEC.aet, str(SPEC.dicom_port))
    assert cell_place(tmp_path / "web.conf") == ("", "")


def test_supervisord_reads_the_command_as_written(housing: CellHousing) -> None:
    odd = replace(housing, cells_dir=Path("/srv/50% full/cells"))
    parser = configparser.RawConfigParser()
    parser.read_string(render(odd, SPEC))
    section = parser[f"program:cell-{SPEC.cell_id}"]
    assert shlex.split(section["command"].replace("%%", "%")) == command(odd, SPEC)


def test_only_errors_count_as_last_errors(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    assert complaints(log) == ()
    log.write_text(
        "W1121 20:00:00.0 MAIN a.cpp:1] started\nError text\n" + "".join(f"E1121 20:00:0{i}.0 MAIN {i}\n" for i in range(7))
    )
    assert [line[-1] for line in complaints(log)] == ["2", "3", "4", "5", "6"]


def test_what_every_start_writes_is_no_error(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_text(
        "E1121 20:00:00.0 MAIN a.cpp:2] service 3001: Plugin trying to call the database during its initialization\n"
        "E1121 20:00:01.0 DICOM b.cpp:3] Association Received from an invalid AET (sanitized: ) on IP 127.0.0.1\n"
        "E1121 20:00:02.0 MAIN c.cpp:4] No disk\n"
    )
    assert [line.partition("] ")[2] for line in complaints(log)] == ["No disk"]


def test_disk_use_counts_bytes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"x" * 10)
    (tmp_path / "c").write_bytes(b"x" * 5)
    assert disk_use(tmp_path) == 15
