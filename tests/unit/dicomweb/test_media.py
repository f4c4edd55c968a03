from __future__ import annotations

import pytest
from flask import Flask

from sidecar.dicomweb.media import takes_parts

OCTETS, JPEG = "application/octet-stream", "image/jpeg"


@pytest.mark.parametrize(
    ("accept", "kind", "syntax", "taken"),
    [
        ("", OCTETS, "", True),
        ("*/*", JPEG, "1.2", True),
        ("multipart/related", JPEG, "1.2", True),
        ('multipart/related; type="*/*"', JPEG, "1.2", True),
        ('multipart/related; type="application/octet-stream"', OCTETS, "1.2", True),
        ("Multipart/Related; type=Application/Octet-Stream; transfer-syntax=*", OCTETS, "1.2", True),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=1.2', OCTETS, "1.2", True),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=1.3', OCTETS, "1.2", False),
        ('multipart/related; type="application/octet-stream"', JPEG, "1.2", False),
        ('multipart/related; type="image/*"; q=0.5', JPEG, "1.2", True),
        ('multipart/related; type="image/jpeg"; q=0', JPEG, "1.2", False),
        ('text/html, multipart/related; type="image/jp2", multipart/related; type="image/jpeg"', JPEG, "1.2", True),
        ("application/octet-stream", OCTETS, "1.2", False),
        ("text/html", OCTETS, "1.2", False),
    ],
)
def test_what_a_client_takes_as_parts(accept: str, kind: str, syntax: str, taken: bool) -> None:
    with Flask(__name__).test_request_context(headers={"Accept": accept} if accept else {}):
        assert takes_parts(kind, syntax) is taken
