"""The sidecar's inbox over HTTP (wire format 3)."""

from __future__ import annotations

from pathlib import Path

import httpx

from orthanc_plugin.courier import Answer, UnreachableError

_OK = 200


class Inbox:
    """Posts events with the cell's own secret over one kept-alive connection."""

    def __init__(self, url: str, *, cell: str, secret_file: Path) -> None:
        self._url = url
        self._cell = cell
        self._secret_file = secret_file
        self._client = httpx.Client(timeout=httpx.Timeout(8.0, connect=2.0), trust_env=False)

    def deliver(self, events: list[bytes]) -> Answer:
        """Post encoded events. The secret is read each time, so a new one needs no restart.

        Raises:
            UnreachableError: no usable answer. The message never holds the secret or an event.
        """
        try:
            secret = self._secret_file.read_text(encoding="ascii").strip()
            response = self._client.post(
                self._url,
                content=b'{"events":[' + b",".join(events) + b"]}",
                headers={"Authorization": f"Cell {self._cell}:{secret}", "Content-Type": "application/json"},
            )
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(type(error).__name__) from error
        return self._understand(response)

    def _understand(self, response: httpx.Response) -> Answer:
        if response.status_code != _OK:
            return Answer(response.status_code)
        try:
            accepted = response.json()["accepted"]
            return Answer(_OK, frozenset(str(identifier) for identifier in accepted))
        except (ValueError, KeyError, TypeError) as error:
            raise UnreachableError("the inbox's answer makes no sense") from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
