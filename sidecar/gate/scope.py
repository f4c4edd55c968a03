"""Scope: actor + organisation + database session + time + ``emit``. One Scope is one transaction is one commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sidecar.adapters.lookups import NO_LOOKUP, Lookup
from sidecar.gate.actor import Actor, OrganisationKind
from sidecar.kernel import journal
from sidecar.kernel.clock import Clock, utc_now
from sidecar.kernel.db import Base
from sidecar.kernel.errors import Busy, Missing, Problem

Row = TypeVar("Row", bound=Base)
LOG = structlog.get_logger("journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in an organisation. Fields are ids, numbers and enums: never patient data.

    ``outcome`` is EventOutcomeIndicator (DICOM PS3.15 A.5.2): 0 success, 4 minor failure (refused), 8 serious, 12 major.
    """

    kind: ClassVar[str]
    outcome: ClassVar[int] = 0
    organisation_id: UUID
    study_id: UUID | None = None
    reading_organisation_id: UUID | None = None

    @property
    def audience(self) -> frozenset[UUID]:
        """The organisations whose open browsers should look again."""
        return frozenset({self.organisation_id, self.reading_organisation_id} - {None})  # type: ignore[arg-type]


React = Callable[["Scope", Event], None]


@dataclass(slots=True)
class Scope:
    """What every service receives. Never commit through it; ``emit`` what happened and return a value.

    ``lookup`` makes what e-mail addresses are found by.
    """

    actor: Actor
    now: datetime
    session: Session
    react: React
    request_id: str = ""
    address: str = ""
    lookup: Lookup = NO_LOOKUP
    events: list[Event] = field(default_factory=list)
    refusals: list[Event] = field(default_factory=list)
    told: list[tuple[Actor, str, Event]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)
    insisted: list[Callable[[], None]] = field(default_factory=list)

    @property
    def organisation_id(self) -> UUID:
        """The organisation inside whose walls this runs; Missing for a scope without one."""
        if self.actor.organisation_id is None:
            raise Missing
        return self.actor.organisation_id

    @property
    def user_id(self) -> UUID:
        """The person acting; Missing for machines and for nobody."""
        if self.actor.user_id is None:
            raise Missing
        return self.actor.user_id

    def emit(self, happened: Event) -> None:
        """Record what happened in the same transaction and let the reactions follow at once."""
        self.events.append(happened)
        self.react(self, happened)

    def emit_refusal(self, happened: Event) -> None:
        """Record an attempt that is about to be refused: written on its own, since the transaction will be rolled back."""
        self.refusals.append(happened)

    def emit_for(self, person: Actor, address: str, happened: Event) -> None:
        """Record what a person did where a machine saw it, a cell's gate: in the person's name, in the same transaction.

        No reactions follow: it is past. Only for who was given proof of the person (adapters.cell_tokens.Visitor).
        """
        self.told.append((person, address, happened))

    def after_commit(self, call: Callable[[], None]) -> None:
        """Do this once the transaction stands: pushes and mail, never before."""
        self.after.append(call)

    def insist(self, call: Callable[[], None]) -> None:
        """Do this last, whether the transaction stands or is refused: the count of wrong codes must survive the refusal.

        ``call`` writes through the scope's session and looks everything up again; it emits with ``emit_refusal`` only.
        """
        self.insisted.append(call)

    def one(self, statement: Any) -> Any:
        """Return the single row of a select, or raise Missing: absent and invisible are the same."""
        row = self.session.scalars(statement).one_or_none()
        if row is None:
            raise Missing
        return row

    def write_journal(self, events: list[Event]) -> None:
        """Write events, chains in one order so that two transactions cannot wait for each other.

        Raises Busy when the journal cannot be written: what cannot be put on record does not happen and is not shown.
        """
        try:
            for happened in sorted(events, key=lambda each: each.organisation_id):
                journal.append(self.session, happened.organisation_id, _body(self, happened))
        except DBAPIError as error:
            LOG.critical("the journal cannot be written", error=type(error.orig).__name__, request_id=self.request_id)
            raise Busy("This cannot be put on record right now, so it was not done. Try again shortly.") from error

    def write_told(self) -> None:
        """Write what people did elsewhere: the journal takes a person's row only from who acts as that person."""
        for person, address, happened in self.told:
            _tell_walls(self.session, _walls(person, login="", cell=None, now=self.now))
            body = _body(self, happened) | {"actor": person.user_id, "actor_organisation": person.organisation_id}
            seen = {"name": person.name, "role": person.role, "address": address}
            journal.append(self.session, happened.organisation_id, body | seen)
        if self.told:
            _tell_walls(self.session, self.session.info["walls"])


def _name_in(actor: Actor, organisation_id: UUID) -> str:
    """Return how somebody is called in a chain. Hospitals know the people who read for them, not those of the platform."""
    guest = actor.kind is OrganisationKind.PLATFORM and actor.organisation_id != organisation_id
    return "The platform" if guest else actor.name


def _body(scope: Scope, happened: Event) -> dict[str, Any]:
    facts = asdict(happened) if is_dataclass(happened) else {}
    facts.pop("organisation_id")
    facts.pop("reading_organisation_id")
    return {
        "at": scope.now.isoformat(timespec="milliseconds"),
        "kind": happened.kind,
        "name": _name_in(scope.actor, happened.organisation_id),
        "actor": scope.actor.user_id,
        "actor_organisation": scope.actor.organisation_id,
        "role": scope.actor.role,
        "address": scope.address,
        "request": scope.request_id,
        "outcome": happened.outcome,
        "study": facts.pop("study_id"),
        "facts": facts,
        **_by_exception(scope.actor),
    }


def _by_exception(actor: Actor) -> dict[str, UUID]:
    """Mark what was done under broken glass or by a share link, with its id."""
    ids = {"glass": actor.glass.id if actor.glass else None, "link": actor.link}
    return {name: value for name, value in ids.items() if value}


@dataclass(slots=True)
class Scopes:
    """The only place where transactions begin and end. One per process, made by a composition root."""

    engine: Engine
    react: React
    clock: Clock = utc_now
    after_events: Callable[[list[Event]], None] = lambda _events: None
    lookup: Lookup = NO_LOOKUP

    @contextmanager
    def open(
        self, actor: Actor, *, login: str = "", cell: UUID | None = None, request_id: str = "", address: str = ""
    ) -> Iterator[Scope]:
        """Begin a transaction inside the actor's walls; commit at the end, roll back on any exception.

        ``login`` lets an anonymous door see the accounts of one e-mail address (by its lookup), ``cell`` the row of one cell:
        the two questions that come before any organisation is known.
        """
        now = self.clock()
        walls = _walls(actor, login=login, cell=cell, now=now)
        with WalledSession(self.engine, expire_on_commit=False, info={"walls": walls}) as session:
            scope = Scope(actor, now, session, self.react, request_id, address, self.lookup)
            try:
                yield scope
            except Problem:
                session.rollback()
                for call in scope.insisted:
                    call()
                scope.write_journal(scope.refusals)
                session.commit()
                raise
            for call in scope.insisted:
                call()
            scope.write_journal(scope.events + scope.refusals)
            scope.write_told()
            session.commit()
        for call in scope.after:
            call()
        if scope.events:
            self.after_events(scope.events)


def _walls(actor: Actor, *, login: str, cell: UUID | None, now: datetime) -> dict[str, str]:
    return {
        "org": str(actor.organisation_id or ""),
        "user": str(actor.user_id or ""),
        "platform": "on" if actor.kind is OrganisationKind.PLATFORM else "",
        "login": login,
        "cell": str(cell or ""),
        "now": now.isoformat(),
        "named": "on" if actor.named_only else "",
        "glass": str(actor.glass.id) if actor.glass else "",
        "link": str(actor.link or ""),
    }


class WalledSession(Session):
    """A session that tells Postgres for whom it runs: transaction-local, so a pooled connection keeps nothing."""


@event.listens_for(WalledSession, "after_begin")
def _raise_walls(session: Session, _transaction: Any, connection: Any) -> None:
    _tell_walls(connection, session.info["walls"])


def _tell_walls(database: Any, walls: dict[str, str]) -> None:
    database.execute(
        text(
            "SELECT set_config('app.org', :org, true), set_config('app.user', :user, true),"
            " set_config('app.platform', :platform, true), set_config('app.login', :login, true),"
            " set_config('app.cell', :cell, true), set_config('app.now', :now, true),"
            " set_config('app.named', :named, true), set_config('app.glass', :glass, true),"
            " set_config('app.link', :link, true)"
        ),
        walls,
    )
