"""TLS as the public door speaks it, with a certificate of its own."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from sidecar.instance import certificate
from tests.service.edge import Edge


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    files = (folder / "certificate.pem", folder / "key.pem")
    for path, content in zip(files, certificate.issue(["127.0.0.1", "localhost"], now=datetime.now(UTC)), strict=True):
        path.write_bytes(content)
    return files


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, chain: tuple[Path, Path]) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"), certificate=chain)
    yield made
    made.close()


@pytest.fixture
def client(edge: Edge, chain: tuple[Path, Path]) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cafile=str(chain[0]))
    with httpx.Client(http2=True, verify=trust, base_url=f"https://127.0.0.1:{edge.port}") as made:
        yield made


def openssl(edge: Edge, *options: str) -> str:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{edge.port}", *options]
    done = subprocess.run(command, input="", capture_output=True, text=True, errors="replace", check=False, timeout=10)
    return done.stdout + done.stderr


def test_browsers_speak_http2_and_are_told_to_stay_with_tls(edge: Edge, client: httpx.Client) -> None:
    edge.forget()
    answer = client.get("/worklist", headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert answer.http_version == "HTTP/2"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    [asked] = edge.web.seen
    assert asked.headers["x-forwarded-proto"] == "https"
    assert asked.headers["host"] == f"127.0.0.1:{edge.port}"
    assert asked.headers["cookie"] == "a=1; b=2"


def test_refusals_over_http2_are_the_same(edge: Edge, client: httpx.Client) -> None:
    edge.forget()
    assert client.get("/worklist", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/a%2fb").status_code == 400
    assert client.get("/worklist?a=1&a=2").status_code == 400
    assert client.post("/login", headers={"X-HTTP-Method-Override": "PUT"}).status_code == 400
    refused = client.post("/login", files={"a": b"x"})
    assert refused.status_code == 415
    assert refused.headers["strict-transport-security"] == "max-age=31536000"
    assert edge.web.seen == []


def test_plain_http_is_led_to_the_right_address_whatever_host_it_claims(edge: Edge) -> None:
    for host in (f"127.0.0.1:{edge.port}", "evil.example"):
        answer = httpx.get(f"http://127.0.0.1:{edge.port}/worklist?view=open", headers={"Host": host})
        assert answer.status_code == 301
        assert answer.headers["location"] == f"https://127.0.0.1:{edge.port}/worklist?view=open"
        assert "strict-transport-security" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("options", "good"),
    [
        (("-tls1_3",), True), (("-tls1_2",), True),
        (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), False), (("-tls1", "-cipher", "DEFAULT@SECLEVEL=0"), False),
        (("-tls1_2", "-cipher", "AES128-GCM-SHA256"), False), (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), False),
    ],
)  # fmt: skip
def test_only_todays_versions_and_ciphers_with_forward_secrecy(edge: Edge, options: tuple[str, ...], good: bool) -> None:
    said = openssl(edge, *options)
    assert ("Cipher is (NONE)" not in said) == good, said


def test_no_compression_no_renegotiation_and_http2_by_alpn(edge: Edge) -> None:
    said = openssl(edge, "-alpn", "h2", "-tls1_2")
    assert "ALPN protocol: h2" in said
    assert "Compression: NONE" in said
    assert "Secure Renegotiation IS supported" in said


def test_names_and_verification(edge: Edge, chain: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=str(chain[0]))
    with socket.create_connection(("127.0.0.1", edge.port)) as line, trust.wrap_socket(line, server_hostname="localhost") as tls:
        assert tls.version() == "TLSv1.3"
    with (
        socket.create_connection(("127.0.0.1", edge.port)) as line,
        pytest.raises(ssl.SSLCertVerificationError),
        trust.wrap_socket(line, server_hostname="evil.example"),
    ):
        pass
