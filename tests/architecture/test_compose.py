"""docker-compose.yml and the Dockerfiles against the files and settings they speak of: no Docker is needed to be wrong."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.instance import orthanc_root
from sidecar.instance.container import OPERATOR_SECRETS
from sidecar.instance.credentials import MAKERS
from sidecar.kernel.settings import PortRange, Settings

CHECKOUT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ORTHANC, SIDECAR = ((CHECKOUT / name).read_text() for name in ("Dockerfile.orthanc", "Dockerfile.sidecar"))
ADDED_BY_WITH_SECRETS = {"RR_DATABASE_URL": "postgresql+psycopg://x", "RR_REDIS_URL": "redis://x"}


def instructions(dockerfile: str, name: str) -> list[str]:
    joined = dockerfile.replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def volumes(service: str) -> dict[str, str]:
    return dict(reversed(entry.split(":")[:2]) for entry in SERVICES[service].get("volumes", []))


def plain(value: str) -> str:
    """Return what Compose makes of ``${NAME:-default}`` when NAME is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_orthancs_packages_are_those_of_the_native_root() -> None:
    run = " ".join(instructions(ORTHANC, "RUN"))
    words = shlex.split(run.split("--no-install-recommends")[1].split("&&")[0])
    assert tuple(word for word in words if word != "supervisor") == orthanc_root.PACKAGES
    assert instructions(ORTHANC, "FROM") == [f"debian:{orthanc_root.SUITE}-slim"]


@pytest.mark.parametrize("dockerfile", [ORTHANC, SIDECAR])
def test_everything_copied_exists(dockerfile: str) -> None:
    for copy in instructions(dockerfile, "COPY"):
        sources = [word for word in copy.split()[:-1] if not word.startswith("--from=")]
        if "--from=" not in copy:
            assert all((CHECKOUT / source).exists() for source in sources), copy


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_built_from_what_is_there_or_from_a_named_version(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"[a-z]+:\d+", service["image"])
        return
    dockerfile = CHECKOUT / service["build"]["dockerfile"]
    assert dockerfile.is_file()
    if target := service["build"].get("target"):
        assert re.search(rf"^FROM .* AS {target}$", dockerfile.read_text(), re.MULTILINE)


def test_what_a_service_waits_for_can_happen() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            else:
                assert SERVICES[other]["restart"] == "no", (name, other)


def test_only_the_edge_and_the_dicom_ports_are_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    given = COMPOSE["x-sidecar"]["environment"]
    dicom = [f"{given[name]}:{given[name]}" for name in ("RR_CELL_DICOM_PORTS", "RR_CELL_DICOM_TLS_PORTS")]
    assert published == {"edge": ["${RR_PUBLIC_PORT:-8042}:8080"], "cells": dicom}


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_sidecars_settings_are_complete(name: str) -> None:
    given = {key: plain(value) for key, value in SERVICES[name]["environment"].items()}
    settings = Settings.from_env({**given, **ADDED_BY_WITH_SECRETS})
    assert settings.orthanc_root is None
    assert settings.inbox_url.startswith("http://web:8000/")
    assert settings.cell_host in SERVICES
    assert "sidecar/instance/docker/with-secrets" in instructions(SIDECAR, "ENTRYPOINT")[0]
    assert f"ARG RR_CELL_HTTP_PORTS={given['RR_CELL_HTTP_PORTS']}" in SIDECAR
    assert f"ARG RR_CELL_HOST={given['RR_CELL_HOST']}" in SIDECAR
    assert f"rename('{given['RR_OHIF_DIR']}')" in SIDECAR


def test_paths_in_the_settings_are_volumes_or_in_the_image() -> None:
    given = SERVICES["worker"]["environment"]
    mounted = volumes("worker")
    for variable in ("RR_SECRETS_DIR", "RR_CELLS_DIR", "RR_SUPERVISOR_SOCKET", "RR_SUPERVISOR_INCLUDE"):
        assert any(given[variable].startswith(path) for path in mounted), variable
    for variable in ("RR_PLUGIN_DIR", "RR_ORTHANC_CONFIG"):
        name = given[variable].removeprefix("/opt/readingroom/")
        assert (CHECKOUT / name).exists()
        assert f"{name} {given[variable]}" in ORTHANC


def test_worker_and_cells_share_their_volumes_at_the_same_paths() -> None:
    worker, cells = volumes("worker"), volumes("cells")
    assert cells.items() <= worker.items()
    conf = (CHECKOUT / "sidecar/instance/docker/cells.conf").read_text()
    given = SERVICES["worker"]["environment"]
    assert f"file={given['RR_SUPERVISOR_SOCKET']}\n" in conf
    assert f"files = {given['RR_SUPERVISOR_INCLUDE']}/*.conf\n" in conf


def test_every_volume_is_declared_used_and_made_ready() -> None:
    used = {volume for name in SERVICES for volume in volumes(name).values() if not volume.startswith(".")}
    assert used == set(COMPOSE["volumes"])
    ready = SERVICES["setup"]["environment"]["RR_VOLUMES"].split(":")
    assert all(path in ready for path, volume in volumes("setup").items() if volume not in {"secrets", "operator"})


def test_no_password_stands_anywhere() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable:
                assert variable.endswith("_FILE"), name
                assert Path(value).name in MAKERS
    assert "secrets" not in volumes("postgres").values()
    assert all("operator" not in volumes(name).values() for name in ("web", "worker", "cells", "edge", "redis"))
    assert set(MAKERS) >= OPERATOR_SECRETS


def test_scripts_exist_and_can_be_run() -> None:
    for script in ("sidecar/instance/docker/with-secrets", "sidecar/instance/docker/redis-with-password"):
        assert (CHECKOUT / script).stat().st_mode & 0o111
        read = set(re.findall(r"\$RR_SECRETS_DIR/(\w+)", (CHECKOUT / script).read_text()))
        assert read <= set(MAKERS) - OPERATOR_SECRETS
    assert SERVICES["redis"]["entrypoint"] == ["/opt/readingroom/sidecar/instance/docker/redis-with-password"]


@pytest.mark.parametrize("name", [each for each in SERVICES if "healthcheck" in SERVICES[each]])
def test_health_checks_ask_for_what_exists(name: str) -> None:
    words = " ".join(SERVICES[name]["healthcheck"]["test"])
    if name == "web":
        assert "--bind=0.0.0.0:8000" in SERVICES["web"]["command"]
        assert "127.0.0.1:8000/health/ready" in words
        assert '"/health/ready"' in (CHECKOUT / "sidecar/gate/health.py").read_text()
    elif name == "edge":
        assert (CHECKOUT / "sidecar/ui" / words.split("8080/")[1]).is_file()
    elif name == "cells":
        assert "/opt/readingroom/cells.conf" in ORTHANC


def test_port_ranges_are_equally_long() -> None:
    given = SERVICES["worker"]["environment"]
    ranges = [PortRange.parse(value) for name, value in given.items() if name.startswith("RR_CELL_") and name.endswith("_PORTS")]
    assert {each.last - each.first for each in ranges} == {99}
    assert len(ranges) == 4
