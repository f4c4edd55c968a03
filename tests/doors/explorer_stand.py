"""Orthanc Explorer as people reach it, short of the whole house: nginx, the application, and one hospital's real cell."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import httpx
from flask import Flask
from pydicom.dataset import Dataset
from sqlalchemy import update

from sidecar.adapters.cell_tokens import session_hash
from sidecar.gate.actor import platform_system
from sidecar.gate.scope import Scopes
from sidecar.organisations.tables import Cell
from sidecar.studies import contexts
from tests.browser import Browser
from tests.cast import Cast, Person, make_cast
from tests.doors import phantom
from tests.doors.edge_chain import EdgeChain
from tests.doors.running_cell import KID, RunningCell
from tests.doors.twin_world import Identity
from tests.factories.studies import Made, make_study

MARKUP = "<img/src=x onerror=alert(1)>^<script>alert(2)</script>"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the hospital's cell holds: the study to read with its prior, one of the same patient that nobody shares, another's."""

    current: list[Dataset]
    prior: list[Dataset]
    unshared: list[Dataset]
    other: list[Dataset]

    @classmethod
    def fill(cls) -> Shelf:
        marked = {"StudyDescription": "<b onmouseover=alert(3)>CT", "SeriesDescription": '"><svg onload=alert(4)>'}
        return cls(
            phantom.study(3, size=128, PatientID="P-1", PatientName=MARKUP, **marked),
            phantom.study(2, PatientID="P-1", PatientName=MARKUP, StudyDate="20250102", StudyDescription="Prior"),
            phantom.study(4, PatientID="P-1", PatientName=MARKUP, StudyDate="20240102", StudyDescription="Unshared"),
            phantom.study(5, PatientID="P-2", PatientName="Other^Patient", StudyDescription="Elsewhere"),
        )

    @property
    def all(self) -> list[Dataset]:
        return [*self.current, *self.prior, *self.unshared, *self.other]


def ids(images: list[Dataset]) -> dict[str, str]:
    """Orthanc's ids by level, of the first image."""
    return Identity.of(images[0]).orthanc()


class ExplorerStand:
    """Until ``close``: ``url`` is the edge, ``cast`` the people, ``shelf`` the images."""

    def __init__(self, directory: Path, app: Flask, inbox_url: str) -> None:
        self.app = app
        self.clients: list[httpx.Client] = []
        self.scopes: Scopes = app.extensions["readingroom.scopes"]
        self.cast: Cast = make_cast(self.scopes, app.extensions["readingroom.seal"])
        self.cell = RunningCell(directory / "cell", inbox_url)
        self.shelf = Shelf.fill()
        self._move_in()
        self.chain = EdgeChain(directory / "edge", app, self.cell)
        sent = phantom.storescu(self.cell.dicom_port, phantom.write(directory / "files", self.shelf.all))
        assert sent.stdout.count("(Success)") == len(self.shelf.all), sent.stdout
        self.current = self._index(self.shelf.current, reading=self.cast.nightowls)
        self.prior = self._index(self.shelf.prior, reading=self.cast.nightowls)
        self._index(self.shelf.unshared)
        self._index(self.shelf.other, reading=self.cast.nightowls)

    @property
    def url(self) -> str:
        return self.chain.url

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.chain.close()
        self.cell.discard()

    def client(self, path: str, browser: Browser | None) -> httpx.Client:
        """A client at the edge with somebody's cookie, closed with the stand."""
        cookies = {"rr_session": self.cookie(browser)} if browser else {}
        self.clients.append(httpx.Client(base_url=self.url + path, cookies=cookies, trust_env=False, timeout=20))
        return self.clients[-1]

    def browser(self, person: Person) -> Browser:
        """A signed-in client of the application, whose cookie is good at the edge."""
        return Browser(self.app, person)

    def cookie(self, browser: Browser) -> str:
        found = browser.client.get_cookie("rr_session")
        assert found is not None
        return found.value

    def context(self, browser: Browser, person: Person) -> UUID:
        """Open the study to read, as the reading page does."""
        with browser.client.session_transaction() as session:
            actor = replace(person.actor, session=session_hash(session.sid))
        with self.scopes.open(actor) as scope:
            return contexts.open_context(scope, self.current.id).id

    def _move_in(self) -> None:
        """Make it the cell of the cast's first hospital, trusting the application's key."""
        tokens = self.app.extensions["readingroom.cell_tokens"]
        with self.scopes.open(platform_system()) as scope:
            moved = update(Cell).where(Cell.organisation_id == self.cast.mercy)
            scope.session.execute(moved.values(id=UUID(self.cell.identifier), http_port=self.cell.http_port))
        self.cell.organisation, self.cell.signing_key = str(self.cast.mercy), tokens.key
        raw = base64.urlsafe_b64encode(tokens.public_raw).rstrip(b"=").decode()
        self.cell.write_policy(keys={KID: raw} | tokens.public_keys())
        self.cell.start()

    def _index(self, images: list[Dataset], *, reading: UUID | None = None) -> Made:
        """Tell the index what was sent, as the inbox would."""
        return make_study(
            self.scopes, self.cast.mercy, reading=reading, uid=str(images[0].StudyInstanceUID), series=(len(images),),
            series_uids=(str(images[0].SeriesInstanceUID),), patient_id=str(images[0].PatientID),
            patient_name=str(images[0].PatientName), orthanc_id=ids(images)["studies"],
        )  # fmt: skip
