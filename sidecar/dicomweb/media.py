"""Which form of an answer a client takes (PS3.18 §8.7): DICOM JSON unless it asks for XML; 406 for everything else."""

import json
import re
from collections.abc import Iterable, Sequence

from flask import Response, request
from werkzeug.datastructures import MIMEAccept

from sidecar.dicomweb.answers import Dataset
from sidecar.dicomweb.multipart import PARAMETER
from sidecar.dicomweb.native import multipart
from sidecar.kernel.errors import NotAcceptable

DICOM_JSON, DICOM_XML, RELATED = "application/dicom+json", "application/dicom+xml", "multipart/related"
DICOM = "application/dicom"
EACH = re.compile(r'(?:[^,"]|"[^"]*")+')
"""The media types of an Accept header, which are separated by commas; those between quotes separate nothing."""
OFFERED = (DICOM_JSON, "application/json", RELATED)


def wants_xml() -> bool:
    """Say which of the two; raise NotAcceptable when the client takes neither. ``accept`` in the query goes before the header."""
    asked = request.args.get("accept", "")
    if asked:
        if asked in OFFERED[:2]:
            return False
        if asked.startswith(RELATED) and DICOM_XML in asked:
            return True
        raise NotAcceptable(f"Offered here: {DICOM_JSON}, and {RELATED} of {DICOM_XML}.")
    # Parameters (a character set, a transfer syntax) do not change what these are.
    taken = MIMEAccept([(each.partition(";")[0].strip(), quality) for each, quality in request.accept_mimetypes])
    if not taken or any(taken.quality(each) > 0 for each in OFFERED[:2]):
        return False
    asked = request.headers["Accept"].lower()  # as it stands: the media type inside it is often not quoted
    if RELATED in asked and DICOM_XML in asked:
        return True
    raise NotAcceptable(f"Offered here: {DICOM_JSON}, and {RELATED} of {DICOM_XML}.")


def takes_parts(kind: str, syntax: str = "") -> bool:
    """Say whether the client takes multipart/related of ``kind`` (PS3.18 §8.7.3.5), in this transfer syntax if one is told.

    The header is read as it stands: the media type inside it is often not quoted, and then lost to a strict reader.
    """
    for each in EACH.findall(request.headers.get("Accept", "").lower() or "*/*"):
        main, _, rest = each.partition(";")
        options = {name: value.strip('" ') for name, value in PARAMETER.findall(rest)}
        of = options.get("type", "*/*")
        fits = of in {"*/*", kind, kind.partition("/")[0] + "/*"}
        fits = fits and (not syntax or options.get("transfer-syntax", "*") in {"*", syntax})
        if options.get("q") not in {"0", "0.0"} and (main.strip() == "*/*" or (main.strip() == RELATED and fits)):
            return True
    return False


def takes_one_file() -> bool:
    """Say whether the client wants one object as it is, without parts around it."""
    return request.headers.get("Accept", "").partition(";")[0].strip().lower() == DICOM


def answer(datasets: Sequence[Dataset]) -> Response:
    """Return datasets in the form the client takes. No result is an empty list, or no content where XML has no empty list."""
    if not wants_xml():
        return as_json(json.dumps(datasets, separators=(",", ":"), ensure_ascii=False).encode())
    if not datasets:
        return Response(status=204)
    return as_xml(datasets)


def as_xml(datasets: Iterable[Dataset]) -> Response:
    """Return datasets as multipart/related of XML, written as they are read."""
    parts, content_type = multipart(datasets)
    return Response(parts, content_type=content_type)


def as_json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return DICOM JSON as it is."""
    response = Response(body, mimetype=DICOM_JSON, headers=headers)
    response.headers["Vary"] = "Accept-Encoding"
    return response
