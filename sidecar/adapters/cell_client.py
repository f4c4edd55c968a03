"""Asking a cell over HTTP: metadata, changes, state, thumbnails. Every request bears a fresh service token."""

import json
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self
from uuid import UUID

import httpx

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.kernel.clock import Clock, utc_now
from sidecar.kernel.errors import Broken, Busy, Missing

TIMEOUT = httpx.Timeout(10.0, connect=2.0, read=60.0)
"""Seconds. A thousand instances on cold disks took 3 s to describe; a busy machine is slower."""
KEEP_ALIVE_SECONDS = 5.0
"""Shorter than the cell's own KeepAliveTimeout, so that it is we who let an idle connection go."""


KEPT_ALIVE = httpx.Limits(max_keepalive_connections=64, keepalive_expiry=KEEP_ALIVE_SECONDS)
NO_AUTHORITY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is never asked: cells speak plain HTTP. Reading all public authorities took 40 ms for each client."""


class Unable(Busy):
    """The cell answered that it could not do it (5xx): a node it called did not answer, say."""


@dataclass(frozen=True, slots=True)
class CellAddress:
    """Which cell, whose, and where it listens (``host:port`` on loopback or the private network)."""

    cell_id: UUID
    organisation_id: UUID
    netloc: str


class Kept(StrEnum):
    """What a cell says to an instance it was given."""

    STORED = "stored"
    KNOWN = "known"
    FULL = "full"
    NOT_UNDERSTOOD = "not-understood"
    REFUSED = "refused"
    FAILED = "failed"


KEPT = {400: Kept.NOT_UNDERSTOOD, 413: Kept.FULL, 507: Kept.FULL, 401: Kept.REFUSED, 403: Kept.REFUSED}
ALREADY_THERE = "AlreadyStored"
PIECE = 1024 * 1024


class Cells(Protocol):
    """What rooms ask of cells. All raise Busy when the cell does not answer, Missing when it does not have it."""

    def series_metadata(self, cell: CellAddress, study_uid: str, series_uid: str) -> bytes:
        """Return DICOM JSON whose URIs are relative to the series' own metadata resource."""

    def store(self, cell: CellAddress, file: BinaryIO, size: int) -> tuple[Kept, str]:
        """Give the cell one DICOM file of ``size`` bytes; return what it says, and the instance's id in it ("" if refused)."""

    def has_room(self, cell: CellAddress) -> bool:
        """Say whether the cell's disk has room for more images."""

    def instance(self, cell: CellAddress, orthanc_id: str, target: BinaryIO) -> None:
        """Write an instance's whole file into another."""

    def file(self, cell: CellAddress, orthanc_id: str) -> bytes:
        """Return an instance's whole file."""

    def rendered(self, cell: CellAddress, orthanc_id: str, *, size: int) -> bytes:
        """Return an instance as a JPEG that fits into a square of ``size`` pixels."""

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
            transport=transport or httpx.HTTPTransport(retries=1, limits=KEPT_ALIVE, verify=NO_AUTHORITY),
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

    def store(self, cell: CellAddress, file: BinaryIO, size: int) -> tuple[Kept, str]:
        """Give the cell one DICOM file, read piece by piece; return what it says to it, and the instance's id if it has it."""
        token = self._tokens.service(cell=cell.cell_id, organisation=cell.organisation_id, now=self._clock())
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/dicom", "Content-Length": str(size)}
        try:
            response = self._http.post(f"http://{cell.netloc}/instances", content=_pieces(file), headers=headers)
        except httpx.TransportError as error:
            raise Busy("The archive is not answering. Try again in a moment.") from error
        if response.status_code != httpx.codes.OK:
            return KEPT.get(response.status_code, Kept.FAILED), ""
        told = response.json()
        return Kept.KNOWN if told["Status"] == ALREADY_THERE else Kept.STORED, str(told["ID"])

    def file(self, cell: CellAddress, orthanc_id: str) -> bytes:
        """Return an instance's file as it was sent."""
        return self._get(cell, f"/instances/{orthanc_id}/file").content

    def rendered(self, cell: CellAddress, orthanc_id: str, *, size: int) -> bytes:
        """Return an instance's picture as Orthanc windows it, its middle frame's where there are several."""
        arguments = {"width": str(size), "height": str(size), "quality": "80", "smooth": "1"}
        return self._get(cell, f"/instances/{orthanc_id}/rendered", arguments, headers={"Accept": "image/jpeg"}).content

    def changes(self, cell: CellAddress, *, since: int, limit: int = 500) -> dict[str, Any]:
        """Return what was stored after ``since``: ``{"events": […], "last": int, "done": bool}`` (wire format 3)."""
        return self._object(cell, "/readingroom/changes", {"since": str(since), "limit": str(limit)})

    def digests(self, cell: CellAddress, orthanc_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return of up to 50 instances what their files are now: sha256, size, sound; an empty object where there is none."""
        return self._object(cell, "/readingroom/digests", {"instances": ",".join(orthanc_ids)})

    def status(self, cell: CellAddress) -> dict[str, Any]:
        """Return how the plugin sees its cell: queue, policy, refusals."""
        return self._object(cell, "/readingroom/status")

    def has_room(self, cell: CellAddress) -> bool:
        """Say whether more images may be stored: what stays free of the disk belongs to all."""
        return bool(self.status(cell)["room"])

    def statistics(self, cell: CellAddress) -> dict[str, Any]:
        """Return counts and sizes, sizes in bytes as text, as Orthanc gives them."""
        return self._object(cell, "/statistics")

    def system(self, cell: CellAddress) -> dict[str, Any]:
        """Return name and versions of the running Orthanc."""
        return self._object(cell, "/system")

    def instance(self, cell: CellAddress, orthanc_id: str, target: BinaryIO, *, transcode: str = "") -> None:
        """Write one instance as stored (PS3.10) into a file, or in another transfer syntax where the cell can write it.

        Raises Unable when it cannot.
        """
        url = f"http://{cell.netloc}/instances/{orthanc_id}/file"
        token = self._tokens.service(cell=cell.cell_id, organisation=cell.organisation_id, now=self._clock())
        told = {"Authorization": f"Bearer {token}"}
        try:
            with self._http.stream("GET", url, params={"transcode": transcode} if transcode else None, headers=told) as response:
                _require_ok(cell, response)
                target.writelines(response.iter_bytes())
        except httpx.TransportError as error:
            raise Busy("The archive that holds these images is not answering. Try again in a moment.") from error

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
        return self.ask(cell, "GET", path, arguments=arguments, headers=headers)

    def ask(  # noqa: PLR0913 - the parts of a request
        self,
        cell: CellAddress,
        method: str,
        path: str,
        *,
        arguments: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> httpx.Response:
        """Return the cell's answer 200 to a request of the sidecar's own; ``body`` is sent as JSON, bytes as they are.

        Raises Busy when the cell does not answer, and Unable, a Busy too, when it answers that it could not.
        """
        token = self._tokens.service(cell=cell.cell_id, organisation=cell.organisation_id, now=self._clock())
        bearer = {"Authorization": f"Bearer {token}"}
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        try:
            url, told = f"http://{cell.netloc}{path}", bearer | dict(headers or {})
            response = self._http.request(method, url, params=arguments, headers=told, **sent)
        except httpx.TransportError as error:
            raise Busy("The archive that holds these images is not answering. Try again in a moment.") from error
        _require_ok(cell, response)
        return response


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _require_ok(cell: CellAddress, response: httpx.Response) -> None:
    """Raise what a status other than 200 means."""
    if response.status_code == httpx.codes.NOT_FOUND:
        raise Missing
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise Unable("The archive that holds these images cannot answer now. Try again in a moment.")
    if response.status_code != httpx.codes.OK:
        raise Broken(f"cell {cell.cell_id} refused the sidecar with status {response.status_code}")


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
