"""PDF signatures that others can validate: PAdES baseline B-T (ETSI EN 319 142-1), made and checked with pyHanko."""

import io
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asn1crypto import cms, keys, pem, tsp, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sidecar.adapters.certificates import Pair

POLICY = f"2.25.{UUID('0d8f3c52-7a9e-4f0b-9a53-3c1b7f7b6c4e').int}"
"""The name of our time-stamping policy: an object identifier made of a random UUID (ITU-T X.667)."""
FIELD = "Signature"


@dataclass(frozen=True, slots=True)
class Said:
    """What a reader of PDFs shows about the signature."""

    name: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Validity:
    """What a validator finds. ``sound``: one signature over the whole file, by a trusted signer, with a trusted time stamp."""

    sound: bool
    signer: str = ""
    stamped_at: datetime | None = None


class Clock(TimeStamper):
    """The organisation's own time-stamping unit (RFC 3161): says when, with its own key."""

    def __init__(self, pair: Pair, authority: str, *, at: datetime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._signer, self._at = _signer(pair, authority), at

    async def async_request_tsa_response(self, req: Any) -> Any:
        """Answer a request with a token of our time."""
        said = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": req["message_imprint"],
            "serial_number": secrets.randbits(64),
            "gen_time": self._at,
            "nonce": req["nonce"],
        }
        wrapped = {"content_type": "tst_info", "content": cms.ParsableOctetString(tsp.TSTInfo(said).dump())}
        token = await self._signer.async_sign_general_data(
            cms.EncapsulatedContentInfo(wrapped), "sha256", detached=False, use_cades=True
        )
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})


def sign_pdf(pdf: bytes, signer: Pair, clock: Pair, *, authority: str, said: Said) -> bytes:
    """Return the PDF with an invisible signature over all of it (what is to be seen of it is on the paper already)."""
    about = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, name=said.name, reason=said.reason
    )
    stamping = Clock(clock, authority, at=said.at)
    signed = PdfSigner(about, _signer(signer, authority), timestamper=stamping).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf))
    )
    return bytes(signed.getvalue())


def validate(pdf: bytes, *, authority: str) -> Validity:
    """Judge a signed PDF as anybody would who trusts the organisation's authority. What is no signed PDF is not sound."""
    try:
        (embedded,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        trust = ValidationContext(trust_roots=[_certificate(authority)], allow_fetching=False)
        status = validate_pdf_signature(embedded, trust, ts_validation_context=trust)
    except (PdfError, SignatureValidationError, SigningError, ValueError, KeyError, TypeError):  # as a broken file makes it fall
        return Validity(sound=False)
    stamp = status.timestamp_validity
    to_the_end = sum(list(embedded.byte_range)[2:]) == len(pdf)  # pyHanko lets what follows the last revision's end pass
    sound = bool(to_the_end and status.bottom_line and stamp is not None and stamp.valid and stamp.trusted)
    subject = status.signing_cert.subject.native
    return Validity(sound, subject.get("common_name", ""), stamp.timestamp if stamp else None)


def _signer(pair: Pair, authority: str) -> SimpleSigner:
    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    chain.register(_certificate(authority))
    key = keys.PrivateKeyInfo.load(pem.unarmor(pair.key)[2])
    return SimpleSigner(signing_cert=_certificate(pair.certificate), signing_key=key, cert_registry=chain)


def _certificate(text: str) -> x509.Certificate:
    return x509.Certificate.load(pem.unarmor(text.encode())[2])
