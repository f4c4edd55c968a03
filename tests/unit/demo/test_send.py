import sys
from pathlib import Path

import pytest

from sidecar.demo.send import Node, SendError, send

HERE = Node("127.0.0.1", 11112, "MERCY")


def pretend(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named storescu on the PATH."""
    program = folder / "storescu"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_it_counts_what_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, "for i in 1 2 3; do echo 'I: Received Store Response (Success)'; done", monkeypatch)
    assert send(tmp_path, "MERCY_CT1", HERE) == 3


def test_a_refusal_says_who_was_refused_where_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, "echo 'F: Association Rejected: Calling AE Title Not Recognized' >&2; exit 1", monkeypatch)
    with pytest.raises(SendError, match=r"MERCY_CT9 to MERCY at 127.0.0.1:11112: .*Calling AE Title Not Recognized"):
        send(tmp_path, "MERCY_CT9", HERE)


def test_images_taken_before_an_error_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, "echo 'I: Received Store Response (Success)'; echo 'E: Peer aborted'; exit 1", monkeypatch)
    with pytest.raises(SendError) as caught:
        send(tmp_path, "MERCY_CT1", HERE)
    assert caught.value.acknowledged == 1


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SendError, match="dcmtk"):
        send(tmp_path, "MERCY_CT1", HERE)


def test_a_program_of_the_same_name_in_our_own_environment_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pynetdicom brings one, and an activated environment has it first."""
    dcmtks, pythons = tmp_path / "usr", tmp_path / "venv"
    for folder in (dcmtks, pythons):
        folder.mkdir()
        pretend(folder, f"echo 'F: from {folder.name}'; exit 1", monkeypatch)
    monkeypatch.setattr(sys, "executable", str(pythons / "python"))
    monkeypatch.setenv("PATH", f"{pythons}:{dcmtks}:/bin:/usr/bin")
    with pytest.raises(SendError, match="from usr"):
        send(tmp_path, "MERCY_CT1", HERE)
