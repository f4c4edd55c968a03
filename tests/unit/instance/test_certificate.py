"""The web address's own certificate: made once, made anew when it must be."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from sidecar.instance import certificate
from sidecar.instance.layout import Layout, open_layout
from sidecar.instance.steps import StepError


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return open_layout(tmp_path, tls=True)


def test_without_tls_there_is_nothing_to_make(tmp_path: Path) -> None:
    plain = open_layout(tmp_path)
    assert certificate.ready(plain)
    assert certificate.files(plain) is None


def test_it_is_made_once_and_for_this_user_only(layout: Layout) -> None:
    assert not certificate.ready(layout)
    certificate.make(layout)
    before = certificate.fingerprint(layout)
    assert certificate.ready(layout)
    assert before == certificate.fingerprint(layout)
    for path in (layout.data / "tls").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((layout.data / "tls").stat().st_mode) == 0o700


def test_it_names_what_people_write_and_signs_nothing(layout: Layout) -> None:
    certificate.make(layout)
    made = x509.load_pem_x509_certificate((layout.data / "tls/certificate.pem").read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_it_is_made_anew_before_it_ends_and_for_another_name(layout: Layout, tmp_path: Path) -> None:
    certificate.make(layout)
    assert not certificate.ready(open_layout(tmp_path, bind="10.0.0.5"))
    soon, _ = certificate.issue(certificate.names(layout), now=datetime.now(UTC), life=timedelta(days=59))
    (layout.data / "tls/certificate.pem").write_bytes(soon)
    assert not certificate.ready(layout)


def test_a_given_certificate_is_used_as_it_is_and_must_exist(tmp_path: Path) -> None:
    given = open_layout(tmp_path, tls=True, certificate=str(tmp_path / "chain"), key=str(tmp_path / "key"))
    assert not certificate.ready(given)
    with pytest.raises(StepError, match="chain"):
        certificate.make(given)
    for name in ("chain", "key"):
        (tmp_path / name).write_text("x")
    assert certificate.ready(given)
    assert certificate.files(given) == (tmp_path / "chain", tmp_path / "key")
