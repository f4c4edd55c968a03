import stat
from pathlib import Path

import pytest

from sidecar.instance import stages, supervision
from sidecar.instance.layout import open_layout, write_private
from sidecar.instance.steps import StepError


def test_ports_are_remembered(tmp_path: Path) -> None:
    assert open_layout(tmp_path) == open_layout(tmp_path)


def test_what_one_asks_for_replaces_what_was_remembered_and_stays(tmp_path: Path) -> None:
    before = open_layout(tmp_path)
    changed = open_layout(tmp_path, public_port=9999, bind="10.0.0.5")
    again = open_layout(tmp_path)
    assert again == changed
    assert again.public_url == "http://10.0.0.5:9999"
    assert again.ports.postgres == before.ports.postgres


def test_the_address_behind_a_proxy_is_remembered_for_links_and_secure_cookies(tmp_path: Path) -> None:
    open_layout(tmp_path, url="https://reading.example.org/")
    assert open_layout(tmp_path).public_url == "https://reading.example.org"


def test_tls_changes_the_address_and_is_remembered(tmp_path: Path) -> None:
    assert open_layout(tmp_path, tls=True).public_url.startswith("https://127.0.0.1:")
    assert open_layout(tmp_path).tls
    assert not open_layout(tmp_path, tls=False).public_url.startswith("https")
    with pytest.raises(StepError, match="--url"):
        open_layout(tmp_path, tls=True, url="http://reading.example.org")


def test_only_a_proxy_that_ends_tls_is_believed(tmp_path: Path) -> None:
    assert open_layout(tmp_path).proxies == []
    assert open_layout(tmp_path, url="https://reading.example.org").proxies == ["127.0.0.1"]
    assert open_layout(tmp_path, proxy="10.1.2.0/24").proxies == ["10.1.2.0/24"]
    assert open_layout(tmp_path, tls=True).proxies == []


def test_a_taken_port_is_told_and_not_mistaken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "is_up", lambda *_: False)
    monkeypatch.setattr(stages, "port_answers", lambda _: True)
    with pytest.raises(StepError, match="--port"):
        stages._bring(open_layout(tmp_path), "nginx")


def test_a_path_too_long_for_a_socket_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="too long"):
        open_layout(tmp_path / ("x" * 100))


def test_private_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "one")
    write_private(path, b"two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
