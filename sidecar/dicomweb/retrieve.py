"""Full metadata of a series: from the cache, or from the cell, which fills the cache."""

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from flask import current_app

from sidecar.adapters.cell_client import CellAddress, Cells
from sidecar.dicomweb import twins
from sidecar.gate.http import scopes
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.kernel.settings import Settings
from sidecar.studies import metadata, queries
from sidecar.studies.cells import cell_of
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Series, Study

RELATIVE = b'"BulkDataURI":"instances/'
"""How a URI below a series stands in our compact JSON. Quotes inside a value are escaped, so nothing else looks like it."""


def packed_metadata(scope: Scope, study: Study, series: Series) -> bytes:
    """Return the gzip of a series' DICOM JSON, never older than the index.

    Raises Busy when it must be asked for and the cell does not answer, Missing when the cell does not have the series.
    """
    packed = metadata.cached(scope, series)
    if packed is not None:
        return packed
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    cells = cast("Cells", current_app.extensions["readingroom.cells"])
    cell = cell_of(scope, study.organisation_id, host=settings.cell_host)
    body = from_cell(scope, cells, cell, study, series)
    packed = metadata.pack(body)
    if study.arrival == Arrival.COMPLETE:
        walls = scopes()

        def keep() -> None:
            metadata.keep(walls, study.organisation_id, series.id, body=body, packed=packed)

        scope.after_commit(keep)
    return packed


def from_cell(scope: Scope, cells: Cells, cell: CellAddress, study: Study, series: Series) -> bytes:
    """Return the series' metadata from its cell: by its UIDs, else instance by instance, when two patients share them."""
    try:
        return cells.series_metadata(cell, study.study_instance_uid, series.series_instance_uid)
    except Missing:
        return twins.series_metadata(cells, cell, queries.instances_of(scope, series.organisation_id, series.id))


def described(packed: bytes, instance_uid: str) -> dict[str, Any]:
    """Return one instance's dataset out of its series' packed metadata; its URIs become relative to the instance. Or Missing."""
    body = gzip.decompress(packed).replace(RELATIVE + instance_uid.encode() + b"/", b'"BulkDataURI":"')
    for dataset in json.loads(body):
        if dataset.get("00080018", {}).get("Value") == [instance_uid]:
            found: dict[str, Any] = dataset
            return found
    raise Missing


def listed(parts: Sequence[tuple[str, bytes]]) -> Iterator[Any]:
    """Yield the datasets of several series (SeriesInstanceUID, gzip; "" for URIs relative to the one series itself)."""
    for series_uid, packed in parts:
        below = f'"BulkDataURI":"series/{series_uid}/instances/'.encode() if series_uid else RELATIVE
        yield from json.loads(gzip.decompress(packed).replace(RELATIVE, below))


def joined(parts: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    """Join the packed metadata of several series (SeriesInstanceUID, gzip) into one list, one series in memory at a time.

    Their URIs, relative to each series, become relative to the study.
    """
    yield b"["
    first = True
    for series_uid, packed in parts:
        body = gzip.decompress(packed).strip()[1:-1]
        if not body:
            continue
        yield b"" if first else b","
        yield body.replace(RELATIVE, f'"BulkDataURI":"series/{series_uid}/instances/'.encode())
        first = False
    yield b"]"
