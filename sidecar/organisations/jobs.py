"""Tending cells: what the database wants, what the supervisor runs, and the policy on each cell's disk are made equal."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from redis import Redis
from sqlalchemy import select

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.node_addresses import Node, NodeAddresses
from sidecar.adapters.outbound import OwnGround
from sidecar.adapters.redis import revoked_sessions
from sidecar.adapters.seals import Seal
from sidecar.adapters.supervisor import CellHost, CellHousing, CellSpec, CellState, CellStatus
from sidecar.gate.actor import OrganisationKind, platform_system, system_actor
from sidecar.gate.machine import Workshop, everybody
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Problem
from sidecar.kernel.settings import Settings
from sidecar.organisations import queries, rules
from sidecar.organisations.model import Places, Wanted
from sidecar.organisations.service import give_ports, prune_associations, record_cell, tls_files
from sidecar.organisations.snapshot import Caller, build_snapshot, read_snapshot, says_the_same, write_snapshot, write_tls
from sidecar.organisations.tables import Cell

DOWN = frozenset({CellState.STOPPED, CellState.EXITED, CellState.FATAL})
ACT_SECONDS = 2.0
"""Stopping a busy cell takes longer; it goes on meanwhile, and the cell is left alone until it is done."""
LOOKUP_SECONDS = 1.0
"""How long a policy waits for names that nobody looked up yet; it is written again when they are known."""
LOOK_EVERY = timedelta(seconds=10)
LOOK_SECONDS = 3.0
"""A cell that takes longer to say its name is looked at again later; the others do not wait for it."""
ERROR_LENGTH = 2000
"""Characters of an error that a cell's row keeps."""
log = structlog.get_logger("cells")


TENDERS: dict[int, "CellTender"] = {}
"""One per workshop, for as long as the process lives: a tender remembers what it wrote."""


def tend_cells(workshop: Workshop) -> None:
    """Make every cell of this machine what it should be. Each second, and at once when somebody wakes the worker."""
    if id(workshop) not in TENDERS:
        host = CellHost(housing(workshop.settings))
        TENDERS[id(workshop)] = CellTender(workshop.scopes, host, workshop.settings, workshop.tokens, workshop.redis)
    TENDERS[id(workshop)].tend()


def forget_associations(workshop: Workshop) -> None:
    """Keep only the last associations of every hospital."""
    for organisation_id in everybody(workshop.scopes, OrganisationKind.PROVIDER):
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            prune_associations(scope)


def housing(settings: Settings) -> CellHousing:
    """Return where cells live, from the settings."""
    return CellHousing(
        supervisor_socket=settings.supervisor_socket,
        include_dir=settings.supervisor_include,
        cells_dir=settings.cells_dir,
        plugin_dir=settings.plugin_dir,
        orthanc_config=settings.orthanc_config,
        inbox_url=settings.inbox_url,
        cell_host=settings.cell_host,
        orthanc_root=settings.orthanc_root,
    )


Policy = tuple[int, dict[str, str], dict[str, int], date, dict[Node, str]]
"""What a policy was written from: the cell's revision, our keys, ended sessions, the day (certificates come to their end), and
where its nodes are."""
News = dict[UUID, dict[str, Any]]


class CellTender:
    """Looks after all cells of this machine. Every step is idempotent: a tender that dies is replaced by the next one."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        scopes: Scopes,
        host: CellHost,
        settings: Settings,
        tokens: CellTokens,
        redis: Redis,
        *,
        client: CellClient | None = None,
    ) -> None:
        self._scopes, self._host, self._settings, self._tokens, self._redis = scopes, host, settings, tokens, redis
        self._client = client or CellClient(tokens, clock=scopes.clock)
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="cell")
        self._acts: dict[UUID, Future[None]] = {}
        self._placed: dict[UUID, str] = {}  # with which character set: the one value of a cell that is changed while it runs
        self._written: dict[UUID, Policy] = {}
        self._places = NodeAddresses(OwnGround.of(settings))
        self._seal = Seal.from_text(settings.secret("totp_key"))

    def tend(self) -> None:
        """Make every cell what it should be. A broken or slow one is reported in its row and keeps nobody waiting."""
        now = self._scopes.clock()
        acting = {cell_id for cell_id, act in self._acts.items() if not act.done()}
        revoked = revoked_sessions(self._redis, now=now)
        cells, seen = self._cells(), self._host.status()
        self._acts |= {
            cell.id: self._pool.submit(self._tend_one, cell, seen.get(cell.id), revoked)
            for cell in cells
            if cell.id not in acting
        }
        wait(self._acts.values(), timeout=ACT_SECONDS)
        news = {cell.id: self._found(cell, seen.get(cell.id)) for cell in cells}
        self._look(cells, news, now)
        self._record(cells, news)

    def _found(self, cell: Cell, status: CellStatus | None) -> dict[str, Any]:
        """Return what there is to write down about a cell."""
        act = self._acts[cell.id]
        trouble = act.exception() if act.done() else None
        if trouble:
            log.error("cell could not be tended", cell=str(cell.id), exc_info=trouble)
            return {"last_error": f"The platform could not tend this cell: {trouble}"[:ERROR_LENGTH]}
        if status is None:
            return {"state": "absent"}
        return {
            "state": status.state.value,
            "restarted_at": status.since or cell.restarted_at,
            "disk_bytes": status.disk_bytes,
            "last_error": rules.complaint(status.last_error),
        }

    def _cells(self) -> list[Cell]:
        with self._scopes.open(platform_system()) as scope:
            return list(scope.session.scalars(select(Cell).order_by(Cell.created_at)))

    def _tend_one(self, cell: Cell, status: CellStatus | None, revoked: dict[str, int]) -> None:
        state = status.state if status else None
        if cell.wanted == Wanted.STOPPED:
            if state is not None and state not in DOWN:
                self._host.stop(cell.id)
            return
        if not (cell.inner_dicom_port and cell.dicom_tls_port):
            with self._scopes.open(platform_system()) as scope:
                cell = give_ports(scope, cell.id, places=Places.of(self._settings))
        starts = self._placed.get(cell.id) != cell.character_set or state is None or state in DOWN
        spec = self._spec(cell) if starts else None
        if spec:
            self._host.prepare(spec)
        self._write_policy(cell, revoked)  # before the start: a cell without a policy admits nobody
        if spec:
            self._host.ensure(spec)
            self._placed[cell.id] = cell.character_set
        if cell.wanted == Wanted.RESTARTING:
            self._host.restart(cell.id)
            with self._scopes.open(platform_system()) as scope:
                record_cell(scope, cell.id, done=Wanted.RESTARTING)

    def _spec(self, cell: Cell) -> CellSpec:
        return CellSpec(
            cell_id=cell.id,
            organisation_id=cell.organisation_id,
            aet=cell.aet,
            dicom_port=cell.dicom_port,
            http_port=cell.http_port,
            inner_dicom_port=cell.inner_dicom_port,
            character_set=cell.character_set,
            secret=self._secret(cell),
        )

    def _secret(self, cell: Cell) -> str:
        """Return the cell's secret: the one on its disk while the database knows its hash, else a new one.

        The hash is committed before the host writes the file: whatever dies in between, the next look makes another.
        """
        path = self._host.directory(cell.id) / "secret"
        present = path.read_text() if path.is_file() else ""
        if present and _hash(present) == cell.secret_hash:
            return present
        made = secrets.token_urlsafe(32)
        with self._scopes.open(platform_system()) as scope:
            record_cell(scope, cell.id, secret_hash=_hash(made))
        return made

    def _write_policy(self, cell: Cell, revoked: dict[str, int]) -> None:
        """Write snapshot and TLS files when what they are written from is not what it was the last time."""
        written = self._written.get(cell.id)
        known = self._places.of(written[4] if written else ())
        policy = (cell.policy_revision, self._tokens.public_keys(), revoked, self._scopes.clock().date(), known)
        path = self._host.directory(cell.id) / "policy.json"
        if written == policy and path.exists():
            return
        with self._scopes.open(system_actor(cell.organisation_id)) as scope:
            nodes = [(each.host, each.port) for each in queries.entities(scope) if each.host]
        where = self._places.of(nodes, patience=LOOKUP_SECONDS)
        with self._scopes.open(system_actor(cell.organisation_id)) as scope:
            files = tls_files(scope, self._seal, host=self._settings.dicom_host)
            # The revision is read with what it stands for: a change that lands in between is written now or once more.
            found = queries.own_cell(scope)
            snapshot = build_snapshot(
                cell_id=cell.id,
                organisation_id=cell.organisation_id,
                revision=found.policy_revision,
                senders=[_reached(each, where) for each in queries.callers(scope)],
                keys=policy[1],
                revoked=revoked,
                plain=found.plain_allowed,
                tls_port=found.dicom_tls_port,
                withheld=queries.withheld(scope),
                issued_at=scope.now,
            )
        write_tls(path.parent / "tls", files)  # first: the policy may be what opens the port
        if not says_the_same(read_snapshot(path), snapshot):
            write_snapshot(path, snapshot)
        self._written[cell.id] = (*policy[:4], where)

    def _look(self, cells: Iterable[Cell], news: News, now: datetime) -> None:
        """Ask running cells whether they answer: new ones at once, the others every few seconds.

        One that answers is running, though supervisord still waits whether it stays.
        """
        asked = {
            self._pool.submit(self._client.system, self._address(cell)): cell.id
            for cell in cells
            if (state := news[cell.id].get("state")) == CellState.STARTING or (state == CellState.RUNNING and _is_due(cell, now))
        }
        for answer in wait(asked, timeout=LOOK_SECONDS).done:
            trouble = answer.exception()
            if trouble is None:
                news[asked[answer]] |= {"seen_at": now, "state": CellState.RUNNING.value}
            elif not isinstance(trouble, Problem):
                raise trouble

    def _address(self, cell: Cell) -> CellAddress:
        return CellAddress(cell.id, cell.organisation_id, f"{self._settings.cell_host}:{cell.http_port}")

    def _record(self, cells: Iterable[Cell], news: News) -> None:
        changed = {
            cell.id: {name: value for name, value in news[cell.id].items() if getattr(cell, name) != value} for cell in cells
        }
        if any(changed.values()):
            with self._scopes.open(platform_system()) as scope:
                for cell_id, seen in changed.items():
                    record_cell(scope, cell_id, **seen)


def _reached(caller: Caller, where: Mapping[Node, str]) -> Caller:
    """Return an AE title with its host in figures; without one that is not known, or not the hospital's to call."""
    address = where.get((caller.host, caller.port), "")
    return replace(caller, host=address, port=caller.port if address else 0)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_due(cell: Cell, now: datetime) -> bool:
    if cell.seen_at is None or (cell.restarted_at and cell.seen_at < cell.restarted_at):
        return True
    return now - cell.seen_at >= LOOK_EVERY
