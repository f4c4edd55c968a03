"""Asking a cell over HTTP: metadata, changes, state, thumbnails. Every request bears a fresh service token."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import httpx

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.kernel.clock import Clock, utc_now
from sidecar.kernel.errors import Broken, Busy, Missing

TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=60.0)
"""Seconds. A thousand instances on cold disks took 3 s to describe; a busy machine is slower."""
KEEP_ALIVE_SECONDS = 5.0
"""Shorter than the cell's own KeepAliveTimeout, so that it is we who let an idle connection go."""


@dataclass(frozen=True, slots=True)
class CellAddress:
    """Which cell, whose, and where it listens (``host:port`` on loopback or the private network)."""

    cell_id: UUID
    organisation_id: UUID
    netloc: str


class Cells(Protocol):
    """What rooms ask of cells. All raise Busy when the cell does not answer, Missing when it does not have it."""

    def series_metadata(self, cell: CellAddress, study_uid: str, series_uid: str) -> bytes:
        """Return DICOM JSON whose URIs are relative to the series' own metadata resource."""

    def changes(self, cell: CellAddress, *, since: int, limit: int = 500) -> dict[str, Any]:
        """Return what was stored after ``since`` (wire format 3)."""

    def statistics(self, cell: CellAddress) -> dict[str, Any]:
        """Return counts and sizes."""


class CellClient:
    """One keep-alive pool for all cells of this process; safe to share between threads."""

    def __init__(self, tokens: CellTokens, *, clock: Clock = utc_now, transport: httpx.BaseTransport | None = None) -> None:
        self._tokens = tokens
        self._clock = clock
        self._http = httpx.Client(
            timeout=TIMEOUT,
            limits=httpx.Limits(max_keepalive_connections=64, keepalive_expiry=KEEP_ALIVE_SECONDS),
            transport=transport or httpx.HTTPTransport(retries=1),
            trust_env=False,  # a proxy of the environment has no business between sidecar and cells
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let all connections go."""
        self._http.close()

    def series_metadata(self, cell: CellAddress, study_uid: str, series_uid: str) -> bytes:
        """Return the full DICOM JSON of a series (PS3.18 §10.4.1.1.2), compact, sorted as the cell has it.

        Orthanc builds BulkDataURI and RetrieveURL from the Host header. A random one per request marks them beyond doubt,
        whatever an image's own text says; what is left is relative to the series (``instances/…/bulk/…``).
        """
        marker = f"{secrets.token_hex(16)}.invalid"
        path = f"/dicom-web/studies/{study_uid}/series/{series_uid}"
        accept = {"Accept": "application/dicom+json", "Host": marker}
        body = self._get(cell, f"{path}/metadata", headers=accept).content
        return relative(body, marker=marker, path=path)

    def changes(self, cell: CellAddress, *, since: int, limit: int = 500) -> dict[str, Any]:
        """Return what was stored after ``since``: ``{"events": […], "last": int, "done": bool}`` (wire format 3)."""
        return self._object(cell, "/readingroom/changes", {"since": str(since), "limit": str(limit)})

    def status(self, cell: CellAddress) -> dict[str, Any]:
        """Return how the plugin sees its cell: queue, policy, refusals."""
        return self._object(cell, "/readingroom/status")

    def statistics(self, cell: CellAddress) -> dict[str, Any]:
        """Return counts and sizes, sizes in bytes as text, as Orthanc gives them."""
        return self._object(cell, "/statistics")

    def system(self, cell: CellAddress) -> dict[str, Any]:
        """Return name and versions of the running Orthanc."""
        return self._object(cell, "/system")

    def _object(self, cell: CellAddress, path: str, arguments: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer: object = self._get(cell, path, arguments).json()
        if not isinstance(answer, dict):
            raise Broken(f"cell {cell.cell_id} answered {path} with something else than an object")
        return answer

    def _get(
        self,
        cell: CellAddress,
        path: str,
        arguments: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        token = self._tokens.service(cell=cell.cell_id, organisation=cell.organisation_id, now=self._clock())
        bearer = {"Authorization": f"Bearer {token}"}
        try:
            response = self._http.get(f"http://{cell.netloc}{path}", params=arguments, headers=bearer | dict(headers or {}))
        except httpx.TransportError as error:
            raise Busy("The archive that holds these images is not answering. Try again in a moment.") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            raise Missing
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Busy("The archive that holds these images cannot answer now. Try again in a moment.")
        if response.status_code != httpx.codes.OK:
            raise Broken(f"cell {cell.cell_id} refused the sidecar with status {response.status_code}")
        return response


def relative(body: bytes, *, marker: str, path: str) -> bytes:
    """Return compact DICOM JSON without the host ``marker``: URIs below ``path`` become relative to it.

    Raises Broken if the body is no DICOM JSON list or the marker stands where it was not expected.
    """
    plain = body.replace(f"http://{marker}{path}/".encode(), b"")
    if marker.encode() in plain:
        raise Broken("the cell's metadata names a resource outside its series")
    try:
        datasets = json.loads(plain)
        compact = json.dumps(datasets, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Broken("the cell's metadata is not JSON") from error
    if not isinstance(datasets, list):
        raise Broken("the cell's metadata is not a list")
    return compact.encode()
