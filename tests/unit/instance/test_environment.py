"""What the programs are told: by whoever runs the house, and remembered."""

from pathlib import Path

import pytest

from sidecar.instance import environment, orthanc_root, viewer
from sidecar.instance.layout import Layout
from sidecar.instance.ports import choose_ports


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(orthanc_root, "root_path", lambda: tmp_path)
    monkeypatch.setattr(viewer, "path", lambda: tmp_path)
    monkeypatch.setattr(environment.postgres, "url", lambda *_: "")
    monkeypatch.setattr(environment.redis, "url", lambda *_: "")
    for name in environment.TOLD:
        monkeypatch.delenv(name, raising=False)
    return Layout(tmp_path, choose_ports(tmp_path, public=None, default=True, free=lambda _: True))


def test_what_was_said_once_holds_until_something_else_is_said(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.variables(layout)["RR_ZONE"] == "UTC"
    with monkeypatch.context() as shell:
        shell.setenv("RR_SMTP_HOST", "mail.hospital.example")
        shell.setenv("RR_ZONE", "Europe/Dublin")
        environment.write(layout)
    environment.write(layout)  # an update, from a shell that says nothing
    told = environment.variables(layout)
    assert (told["RR_SMTP_HOST"], told["RR_ZONE"], told["RR_EXPORT_DAYS"]) == ("mail.hospital.example", "Europe/Dublin", "7")
    monkeypatch.setenv("RR_SMTP_HOST", "")
    environment.write(layout)
    assert environment.variables(layout)["RR_SMTP_HOST"] == ""
