"""The demo, loaded the real way: organisations and people by the services, images by storescu from the hospitals' AE titles."""

import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from sidecar.accounts.bootstrap import platform_id, platform_root
from sidecar.accounts.passwords import KEEPER
from sidecar.adapters.redis import wake_worker
from sidecar.adapters.seals import Seal
from sidecar.demo import cast
from sidecar.demo.phantoms import generate_demo
from sidecar.demo.prior import share_prior, sign_prior
from sidecar.demo.send import Node, SendError, send
from sidecar.demo.studies import DEMO, StudySpec
from sidecar.gate.actor import Actor, OrganisationKind, Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.settings import Settings
from sidecar.organisations import service as organisations
from sidecar.organisations.limits import set_limits
from sidecar.organisations.model import Places
from sidecar.organisations.tables import ApplicationEntity, Cell, Contract, Organisation
from sidecar.studies import service as studies
from sidecar.studies.model import Arrival, Priority
from sidecar.studies.tables import Study
from sidecar.worker import open_workshop

READING_GROUP, STRANGERS = "Night Owls Radiology", "Harbour Radiologists"
HOSPITALS = {"mercy": "Mercy General Hospital", "st_luke": "St Luke Imaging Centre"}
PRIORITIES = {"STAT": Priority.STAT, "HIGH": Priority.URGENT}
TURNAROUND = {"stat": 60, "urgent": 240, "routine": 1440}
PATIENCE = 90.0
"""Seconds to wait for a cell to listen, or for sent images to be indexed."""


class DemoError(RuntimeError):
    """The demo could not be loaded; the message says what to look at. Running it again goes on where it stopped."""


def load(env: Mapping[str, str], console: Console) -> None:
    """Load the demo into a running instance and print one login per role; a second call only prints."""
    settings = Settings.from_env(env)
    KEEPER.use(settings.secret("pepper"))  # the demo's radiologist signs a report here, with her password
    book = cast.open_book(settings)
    if not book.loaded:
        with closing(open_workshop(settings)) as shop:
            _load_all(shop, book, console)
        cast.close_book(settings, book)
    cast.print_logins(book, console)


def _load_all(shop: Workshop, book: cast.Book, console: Console) -> None:
    settings, seal = shop.settings, Seal.from_text(shop.settings.secret("totp_key"))
    platform = platform_id(shop.scopes)
    houses = _organisations(shop.scopes, platform, settings)
    cast.write_people(shop.scopes, book, {**houses, "platform": platform}, seal)
    _name_this_machine(shop.scopes, houses["mercy"])
    for key in HOSPITALS:
        _register_senders(shop.scopes, houses[key], {study.aet for study in DEMO[key]})
    wake_worker(shop.redis)
    _send_everything(shop.scopes, settings, houses, console)
    sign_prior(shop.scopes, book, houses["nightowls"], seal)
    share_prior(shop.scopes, book, houses["mercy"])


def _name_this_machine(scopes: Scopes, hospital: UUID) -> None:
    """Let one person sign in as all ten from this machine, as a hospital's own network; each account keeps its own limit."""
    with scopes.open(system_actor(hospital)) as scope:
        set_limits(
            scope, signed_in=None, uploads=None, networks=["127.0.0.1/32", "::1/128"],
            network_authentication=100, network_anonymous=1000,
        )  # fmt: skip


def _organisations(scopes: Scopes, platform: UUID, settings: Settings) -> dict[str, UUID]:
    root = platform_root(platform)
    houses: dict[str, UUID] = {}
    places = Places.of(settings)
    with scopes.open(root) as scope:
        known = {each.name: each.id for each in scope.session.scalars(select(Organisation))}
        for key, name in HOSPITALS.items():
            letterhead = f"{name}\nDepartment of Radiology"
            houses[key] = (
                known.get(name)
                or organisations.add_hospital(
                    scope, name=name, places=places, zone="Europe/Dublin", letterhead=letterhead
                ).organisation_id
            )
        for key, name in (("nightowls", READING_GROUP), ("strangers", STRANGERS)):
            letterhead = f"{name}\n12 Lighthouse Quay\nTelephone 01 555 0117"
            houses[key] = (
                known.get(name)
                or organisations.create_organisation(
                    scope, kind=OrganisationKind.READING_GROUP, name=name, zone="Europe/Dublin", letterhead=letterhead
                ).id
            )
        contracted = set(scope.session.scalars(select(Contract.organisation_id)))
        for key in HOSPITALS:
            if houses[key] not in contracted:
                organisations.create_contract(
                    scope,
                    provider_id=houses[key],
                    reading_id=houses["nightowls"],
                    modalities=None,
                    turnaround_minutes=TURNAROUND,
                    starts_on=date(utc_now().year, 1, 1),
                )
    return houses


def _register_senders(scopes: Scopes, hospital: UUID, titles: set[str]) -> None:
    with scopes.open(Actor(None, hospital, Role.ADMIN, OrganisationKind.PROVIDER, "demo")) as scope:
        known = set(scope.session.scalars(select(ApplicationEntity.aet)))
        for title in sorted(titles - known):
            organisations.add_sender(scope, aet=title, network="127.0.0.1/32", description="Demo modality")


def _send_everything(scopes: Scopes, settings: Settings, houses: dict[str, UUID], console: Console) -> None:
    total = sum(len(specs) for specs in DEMO.values())
    with (
        tempfile.TemporaryDirectory(prefix="readingroom-demo-") as folder,
        Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        ) as progress,
    ):
        task = progress.add_task("Drawing phantoms", total=total)
        nodes = {key: _cell_node(scopes, settings, houses[key]) for key in HOSPITALS}
        for key, specs in DEMO.items():
            drawn = generate_demo(specs, Path(folder) / key, utc_now())
            for spec in sorted(specs, key=lambda each: -each.hours_ago):
                progress.update(task, description=f"Sending {spec.description} to {HOSPITALS[key]}")
                _send_until_registered(drawn[spec.key], spec, nodes[key])
                progress.advance(task)
        progress.update(task, description="Waiting for the index")
        for key, specs in DEMO.items():
            _wait_for_index(scopes, houses[key], specs)
            _set_priorities(scopes, houses[key], specs)


def _cell_node(scopes: Scopes, settings: Settings, hospital: UUID) -> Node:
    """Return where the hospital's cell listens, once it does."""
    with scopes.open(system_actor(hospital)) as scope:
        cell = scope.one(select(Cell))

    def listens() -> bool:
        # The HTTP port opens after the DICOM port, and a bare connection to it is not told as a caller without a name.
        try:
            socket.create_connection((settings.cell_host, cell.http_port), timeout=1).close()
        except OSError:
            return False
        return True

    _wait(listens, f"the cell of {cell.aet} does not listen on port {cell.dicom_port}; see ./readingroom status and logs")
    return Node(settings.cell_host, cell.dicom_port, cell.aet)


def _send_until_registered(folder: Path, spec: StudySpec, node: Node) -> None:
    """Send one study; the cell may need a second to hear of its new sender."""
    deadline = time.monotonic() + 15
    while True:
        try:
            send(folder, spec.aet, node)
        except SendError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _wait_for_index(scopes: Scopes, hospital: UUID, specs: list[StudySpec]) -> None:
    complete = select(func.count()).select_from(Study).where(Study.arrival == Arrival.COMPLETE)

    def indexed() -> bool:
        with scopes.open(system_actor(hospital)) as scope:
            return (scope.session.scalar(complete) or 0) >= len(specs)

    _wait(indexed, "images were sent but are not complete in the index; see ./readingroom logs worker and web")


def _set_priorities(scopes: Scopes, hospital: UUID, specs: list[StudySpec]) -> None:
    wanted = {spec.accession: PRIORITIES[spec.priority] for spec in specs if spec.priority in PRIORITIES}
    with scopes.open(Actor(None, hospital, Role.TECHNICIAN, OrganisationKind.PROVIDER, "demo")) as scope:
        for study in scope.session.scalars(select(Study).where(Study.accession_number.in_(wanted))).all():
            studies.set_priority(scope, study.id, priority=wanted[study.accession_number])


def _wait(until: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + timedelta(seconds=PATIENCE).total_seconds()
    while not until():
        if time.monotonic() > deadline:
            raise DemoError(otherwise)
        time.sleep(0.2)
