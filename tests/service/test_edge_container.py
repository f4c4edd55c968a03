"""The start of the edge's container with the real nginx: address, proxy and TLS are known only then."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from sidecar.instance import certificate, container, nginx, ohif
from sidecar.instance.tools import EXTRA_PATH

START = Path(container.__file__).parent / "docker/edge"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ohif, "decode_worker_name", lambda _: "none")
    for name, value in {"RR_CELL_HTTP_PORTS": "24000-24009", "RR_CELL_HOST": "127.0.0.1", "RR_OHIF_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("run", "tls"):
        (tmp_path / name).mkdir()
    files = (tmp_path / "tls/certificate.pem", tmp_path / "tls/key.pem")
    container.write_nginx(
        tmp_path / "edge", certificate=files, run_dir=tmp_path / "run", web="127.0.0.1:8000", carrier="127.0.0.1:8001"
    )
    return tmp_path


def start(image: Path, **told: str) -> str:
    """Have nginx check what it would run with, and return that configuration."""
    places = {"RR_EDGE_DIR": str(image / "edge"), "RR_RUN_DIR": str(image / "run"), "RR_TLS_DIR": str(image / "tls")}
    done = subprocess.run(
        [START, "-t"], env={"PATH": EXTRA_PATH, **os.environ, **places, **told}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
    return (image / "run/nginx.conf").read_text()


def test_it_answers_to_the_public_name_and_believes_the_named_proxy_alone(image: Path) -> None:
    conf = start(image, RR_PUBLIC_URL="https://reading.example.org", RR_PROXY="172.18.0.1")
    assert r'"~*^reading[.]example[.]org(?::\d+)?\|" "";' in conf
    assert "set_real_ip_from 172.18.0.1;" in conf
    assert ".invalid" not in conf
    assert "ssl_certificate" not in conf


def test_a_mounted_certificate_means_tls(image: Path) -> None:
    chain, key = certificate.issue(["reading.example.org"], now=datetime.now(UTC))
    (image / "tls/certificate.pem").write_bytes(chain)
    (image / "tls/key.pem").write_bytes(key)
    conf = start(image, RR_PUBLIC_URL="https://reading.example.org:8042/")
    assert "error_page 497 =301 https://reading.example.org:8042$request_uri;" in conf
    assert "set_real_ip_from" not in conf


def test_the_containers_web_has_the_threads_the_edge_counts_on() -> None:
    compose = yaml.safe_load((START.parents[3] / "docker-compose.yml").read_text())
    assert f"--threads={nginx.WEB_THREADS}" in compose["services"]["web"]["command"]
