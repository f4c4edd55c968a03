"""What ends at the public door, byte by byte: requests that two programs could read differently, and claims of clients."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.edge import Edge


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"))
    yield made
    made.close()


@pytest.fixture
def edge(door: Edge) -> Edge:
    door.forget()
    return door


def exchange(edge: Edge, request: bytes, *, done: bool = True) -> bytes:
    """Send bytes as they stand, say that nothing more comes when ``done``, and return everything that is answered.

    An early refusal ends in a reset, which may overtake the answer: then it is asked again.
    """
    for _ in range(20):
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as line:
                line.sendall(request)
                if done:
                    line.shutdown(socket.SHUT_WR)
                while part := line.recv(65536):
                    answer += part
                return answer
        except OSError:
            if answer:
                return answer
    pytest.fail("no answer in twenty attempts")


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def post(*headers: str, body: bytes = b"", target: str = "/login") -> bytes:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() + body


SECOND = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post("Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SECOND),
        post("Transfer-Encoding: chunked", "Content-Length: 4", body=b"0\r\n\r\n" + SECOND),
        post("Content-Length: 0", f"Content-Length: {len(SECOND)}", body=SECOND),
        post(f"Content-Length: 0, {len(SECOND)}", body=SECOND),
        post("Content-Length: +5", body=b"a=b&c"),
        post("Content-Length: -1", body=b"a=b"),
        post("Content-Length: 0x10", body=b"a" * 16),
        post("Content-Length: 99999999999999999999999", body=b"a"),
        post("Transfer-Encoding: identity", body=SECOND),
        post("Transfer-Encoding: x", body=SECOND),
        post("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SECOND),
        post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=b"0\r\n\r\n" + SECOND),
        post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SECOND),
        post("Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SECOND),
        post("Transfer-Encoding: chunked", body=b"zz\r\na=b\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked", body=b"-1\r\na=b\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked", body=b"0x3\r\na=b\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\na=b\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked", body=b"3\r\na=bXX\r\n0\r\n\r\n"),
        post("X: a", " folded: b", "Content-Length: 3", body=b"a=b"),
        post("X: a\rTransfer-Encoding: chunked", "Content-Length: 3", body=b"a=b"),
        post("X: a\x00b", "Content-Length: 3", body=b"a=b"),
        post("Host: evil.example", "Content-Length: 3", body=b"a=b"),
        b"GET http://localhost/worklist HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/worklist HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /worklist HTTP/1.1\r\n\r\n",
        b"GET /worklist HTTP/1.0\r\n\r\n",
        b"GET /worklist\r\n",
        b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /worklist HTTP/3.0\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read_at_all(edge: Edge, request_bytes: bytes) -> None:
    answer = exchange(edge, request_bytes)
    assert all(400 <= status <= 505 for status in statuses(answer)), answer
    assert edge.web.seen == []
    assert b"smuggled" not in answer
    assert b"evil" not in answer


def test_no_body_becomes_a_second_request(edge: Edge) -> None:
    """Where nginx is lenient (a bare line feed, a chunk extension) the application hears one request with a plain length."""
    for body in (b"3;ext=1\r\na=b\r\n0\r\n\r\n", b"3\na=b\n0\n\n", b"3\r\na=b\r\n0\r\nX-Trailer: 1\r\n\r\n"):
        edge.web.seen.clear()
        answer = exchange(edge, post("Transfer-Encoding: chunked", "Connection: close", body=body), done=False)
        assert len(statuses(answer)) == 1
        if statuses(answer) == [400]:
            continue
        [asked] = edge.web.seen
        assert asked.headers["content-length"] == "3"
        assert not {"transfer-encoding", "x-trailer"} & set(asked.headers)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("a=1&a=2", 400), ("a&a", 400), ("a=1&b=2&A=3", 400), ("b=1&a=&c&a=1", 400), ("%61=1&a=2", 400), ("a%00=1", 400),
        ("&".join(f"n{i}=1" for i in range(101)), 400), ("_method=PUT", 400), ("a=1;_method=PUT", 400),
        ("a=1&ab=2&b=1&aba=3", 404), ("a=a&b=a", 404), ("a=b=a&c=a", 404), ("includefield=1&includefield=2", 404),
        ("includefield=all&limit=1&limit=2", 400), ("StudyInstanceUID=1.2,1.3,1.4", 404), ("a=%61%26a", 404),
        ("&".join(f"n{i}=1" for i in range(100)), 404), ("my_method=1", 404), ("a=1&&b=2", 404),
    ],
)  # fmt: skip
def test_an_argument_is_said_once(edge: Edge, query: str, status: int) -> None:
    assert edge.raw(f"/dicom-web/ctx/studies?{query}") == status
    assert len(edge.web.seen) == (status == 404)


def test_looking_for_repeated_arguments_takes_no_time(edge: Edge) -> None:
    """The worst that fits: a hundred long names that begin alike."""
    query = "&".join(("n" * 100) + str(number) for number in range(99))
    for _ in range(100):  # as many as a busy machine needs
        answer = edge.http.get(f"/static/app.css?{query}")
        assert answer.status_code == 200
        if answer.elapsed.total_seconds() < 0.01:
            return
    raise AssertionError("each looks for long")


@pytest.mark.parametrize("method", ["TRACE", "PATCH", "PROPFIND", "OPTIONS", "get", "BREW", "G"])
def test_methods_nobody_needs_are_unknown(edge: Edge, method: str) -> None:
    assert edge.raw("/worklist", method=method) in {400, 405}
    assert edge.web.seen == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_is_what_the_request_line_says(edge: Edge, name: str) -> None:
    assert edge.http.post("/login", headers={name: "DELETE"}).status_code == 400
    assert edge.web.seen == []


def test_no_form_of_ours_has_parts(edge: Edge) -> None:
    assert edge.http.post("/login", files={"file": b"x"}).status_code == 415
    assert edge.web.seen == []


def test_a_body_beyond_measure_is_refused_before_it_is_sent(edge: Edge) -> None:
    assert statuses(exchange(edge, post("Content-Length: 5000000"))) == [413]
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    assert 413 in statuses(exchange(edge, post("Transfer-Encoding: chunked", body=chunk * 70)))
    assert statuses(exchange(edge, post(f"X: {'y' * 70000}"))) == [400]
    assert statuses(exchange(edge, b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) == [414]
    assert edge.web.seen == []


def test_every_refusal_is_inert(edge: Edge) -> None:
    asked = [
        b"GET /%2e%2e HTTP/1.1\r\nHost: localhost\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", post("Content-Length: 5000000"), post("Transfer-Encoding: x"),
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
    ]  # fmt: skip
    for request in asked:
        answer = exchange(edge, request)
        for header in (
            b"nosniff",
            b"default-src 'none'",
            b"no-store",
            b"Permissions-Policy: camera=()",
            b"Referrer-Policy: same-origin",
        ):
            assert header in answer, (request[:40], answer)
        assert b"Strict-Transport-Security" not in answer


def test_an_applications_answer_has_each_header_once(edge: Edge) -> None:
    answer = edge.http.get("/worklist")
    for name in ("x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "permissions-policy"):
        assert len(answer.headers.get_list(name)) == 1, name


def test_a_believed_proxy_names_the_client_and_its_tls(tmp_path: Path) -> None:
    edge = Edge(tmp_path, proxies=["127.0.0.1"], origin="https://reading.example.org")
    claims = {"Host": "reading.example.org", "X-Forwarded-For": "6.6.6.6, 10.1.2.3", "X-Forwarded-Proto": "https"}
    answer = edge.http.get("/worklist", headers=claims)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    [asked] = edge.web.seen
    assert asked.headers["x-forwarded-for"] == "10.1.2.3"
    assert asked.headers["x-forwarded-proto"] == "https"
    assert asked.headers["host"] == "reading.example.org"
    edge.close()


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /api/studies?a=1&a=2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "invalid"),
        (b"GET /api//studies HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "invalid"),
        (b"GET /api/%2e%2e/studies HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "invalid"),
        (b"GET /api/studies HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 400, "invalid"),
        (b"BREW /api/studies HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "invalid"),
        (b"TRACE /api/studies HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "invalid"),
        (post("Content-Length: 5000000", target="/api/orders"), 413, "too-large"),
        (post("Content-Type: multipart/form-data; boundary=x", target="/api/orders"), 415, "unsupported"),
        (b"GET /api/studies HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "invalid"),
        (b"GET /dicom-web/own/studies?a=1&a=2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "invalid"),
    ],
)
def test_a_program_is_refused_in_the_words_of_the_api(edge: Edge, request_bytes: bytes, status: int, code: str) -> None:
    answer = exchange(edge, request_bytes)
    assert statuses(answer) == [status]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert b"no-store" in head
    assert (b"Allow: GET, HEAD, POST, PUT, DELETE" in head) is (status == 405)
    said = json.loads(body)
    assert set(said) == {"status", "message", "code"}
    assert (said["status"], said["code"]) == ("error", code)
    assert edge.web.seen == []


def test_somebody_at_a_screen_is_refused_by_a_page_with_a_way_back(edge: Edge) -> None:
    answer = edge.http.get("/worklist?a=1&a=2")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert 'href="/"' in answer.text
    assert "nginx" not in answer.text


def test_while_the_application_is_away_the_edge_says_when_to_come_back(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.web.stop()
    program, person = edge.http.get("/api/studies"), edge.http.get("/worklist")
    assert (program.status_code, program.json()["code"], program.headers["retry-after"]) == (502, "busy", "5")
    assert (person.status_code, "brought up to date" in person.text) == (502, True)
    edge.hold.set()
    edge.close()


def test_the_tag_of_a_compressed_answer_is_passed_on_as_a_weak_one(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it must be said (RFC 9110, 8.8.1): the API takes its own tags back in this form (gate/etags.py)."""
    long = b'{"status": "ok", "text": "' + b"a" * 2000 + b'"}'
    monkeypatch.setattr(edge.web, "answer", lambda _: (200, {"Content-Type": "application/json", "ETag": '"tag"'}, long))
    tags = [edge.http.get("/api/x", headers={"Accept-Encoding": each}).headers["etag"] for each in ("gzip", "identity")]
    assert tags == ['W/"tag"', '"tag"']
