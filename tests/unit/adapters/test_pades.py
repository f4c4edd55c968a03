"""PDF signatures: valid as made, invalid after any change, and nobody else's."""

import random
from datetime import UTC, datetime
from io import BytesIO

import pytest
from reportlab.pdfgen.canvas import Canvas

from sidecar.adapters import signing
from sidecar.adapters.certificates import Pair
from sidecar.adapters.pades import Said, sign_pdf, validate

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
OWNER = "Night Owls Radiology"


@pytest.fixture(scope="module")
def authority() -> Pair:
    return signing.make_authority(OWNER, now=NOW)


@pytest.fixture(scope="module")
def signed(authority: Pair) -> bytes:
    return sign(authority)


def sign(authority: Pair, text: str = "No acute finding.") -> bytes:
    target = BytesIO()
    canvas = Canvas(target, invariant=1)
    canvas.drawString(100, 100, text)
    canvas.save()
    signer = signing.issue_signer(authority, "Dr. Nóra Reader", person_id="17", owner=OWNER, now=NOW)
    clock = signing.issue_clock(authority, OWNER, now=NOW)
    said = Said("Dr. Nóra Reader", "Author of this final report", NOW)
    return sign_pdf(target.getvalue(), signer, clock, authority=authority.certificate, said=said)


def test_a_signed_pdf_validates_with_name_and_time(authority: Pair, signed: bytes) -> None:
    found = validate(signed, authority=authority.certificate)
    assert (found.sound, found.signer, found.stamped_at) == (True, "Dr. Nóra Reader", NOW)


def test_another_authority_does_not_vouch_for_it(signed: bytes) -> None:
    other = signing.make_authority(OWNER, now=NOW)
    assert not validate(signed, authority=other.certificate).sound


def test_one_flipped_bit_anywhere_in_what_is_signed_makes_it_invalid(authority: Pair, signed: bytes) -> None:
    """The signature's own container has room to spare; the SHA-256 of the whole file, kept with the version, covers that too."""
    start = signed.index(b"/ByteRange") + len(b"/ByteRange [")
    first, length, second, rest = (int(each) for each in signed[start : signed.index(b"]", start)].split())
    covered = [*range(first, first + length), *range(second, second + rest)]
    for position in random.Random(5).sample(covered, 60):  # noqa: S311 - which bytes, not a secret
        broken = bytearray(signed)
        broken[position] ^= 1 << position % 8
        assert not validate(bytes(broken), authority=authority.certificate).sound, position


def test_what_is_added_later_or_never_was_signed_is_not_sound(authority: Pair, signed: bytes) -> None:
    for text in (signed + b"\n% one more line", signed[:-40], b"%PDF-1.4 nothing", b""):
        assert not validate(text, authority=authority.certificate).sound


def test_a_persons_certificate_vouches_for_their_bytes_and_no_others(authority: Pair) -> None:
    signer = signing.issue_signer(authority, "Dr. Nora Reader", person_id="17", owner=OWNER, now=NOW)
    other = signing.make_authority(OWNER, now=NOW)
    signature = signing.sign(signer, b"content")
    good = {"authority": authority.certificate, "person_id": "17"}
    assert signing.vouched(b"content", signature, signer.certificate, **good)
    assert not signing.vouched(b"other", signature, signer.certificate, **good)
    assert not signing.vouched(b"content", signature[:-1], signer.certificate, **good)
    assert not signing.vouched(b"content", signature, signer.certificate, **{**good, "person_id": "18"})
    assert not signing.vouched(b"content", signature, signer.certificate, **{**good, "authority": other.certificate})
