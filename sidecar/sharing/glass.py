"""Broken glass (45 CFR 164.312(a)(2)(ii)): in an emergency somebody opens what their role does not, and answers for it.

A hospital's person names one patient of their own organisation; the platform's administrator names one hospital. It lasts an
hour at most, the walls end it by themselves, its administrators are told at once, and one of them who did not do it reviews it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select, text

from sidecar.accounts.tables import User
from sidecar.gate.actor import Glass, OrganisationKind, Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid, Missing
from sidecar.notifications.service import notify
from sidecar.organisations.tables import Organisation
from sidecar.sharing import rules
from sidecar.sharing.events import GlassBroken, GlassClosed, GlassMissed, GlassReviewed
from sidecar.sharing.model import Verdict
from sidecar.sharing.tables import BrokenGlass

SHORTEST_REASON = 10
OF_PATIENT = text("SELECT studies_of_patient(:written)")


def break_for_patient(scope: Scope, *, written: str, reason: str, minutes: int) -> BrokenGlass:
    """Open the studies of one patient of the own organisation, named by Patient ID, accession number or a study's id.

    Invalid without a reason or for more than an hour. Missing for whom the own organisation does not have, whoever else does.
    """
    _need_reason(reason, minutes)
    if scope.actor.kind is OrganisationKind.PLATFORM:
        raise Missing  # the platform has no patients
    found = list(scope.session.scalar(OF_PATIENT, {"written": written.strip()}) or [])
    if not found:
        scope.emit_refusal(GlassMissed(organisation_id=scope.organisation_id))
        raise Missing("Your organisation has no patient with this number.")
    return _break(scope, scope.organisation_id, found, reason=reason, minutes=minutes)


def break_for_hospital(scope: Scope, organisation_id: UUID, *, reason: str, minutes: int) -> BrokenGlass:
    """Open a hospital's studies to the platform's administrator, who sees no patient otherwise."""
    _need_reason(reason, minutes)
    if scope.actor.kind is not OrganisationKind.PLATFORM:
        raise Missing
    hospital: Organisation = scope.one(select(Organisation).where(Organisation.id == organisation_id))
    if hospital.kind != OrganisationKind.PROVIDER:
        raise Missing
    return _break(scope, hospital.id, None, reason=reason, minutes=minutes)


def in_use(scope: Scope) -> BrokenGlass | None:
    """Return the actor's own glass that is open now, the latest one."""
    mine = select(BrokenGlass).where(BrokenGlass.user_id == scope.user_id, BrokenGlass.closed_at.is_(None))
    open_now = mine.where(BrokenGlass.opened_at <= scope.now, BrokenGlass.ends_at > scope.now)
    return scope.session.scalars(open_now.order_by(BrokenGlass.opened_at.desc()).limit(1)).one_or_none()


def as_key(broken: BrokenGlass) -> Glass:
    """Return what the actor carries while it is open."""
    return Glass(broken.id, broken.ends_at)


def close(scope: Scope, glass_id: UUID) -> BrokenGlass:
    """Close one's own before its time."""
    broken: BrokenGlass = scope.one(
        select(BrokenGlass).where(BrokenGlass.id == glass_id, BrokenGlass.user_id == scope.user_id).with_for_update()
    )
    if _is_open(scope, broken):
        broken.closed_at = scope.now
        scope.session.flush()
        scope.emit(GlassClosed(organisation_id=broken.organisation_id, glass_id=broken.id))
    return broken


def all_of(scope: Scope, *, limit: int = 200) -> Sequence[BrokenGlass]:
    """Return the own organisation's, those to be reviewed first, the most urgent of them on top."""
    own = select(BrokenGlass).where(BrokenGlass.organisation_id == scope.organisation_id)
    order = (BrokenGlass.reviewed_at.desc().nulls_first(), BrokenGlass.review_due_at)
    return scope.session.scalars(own.order_by(*order).limit(limit)).all()


def overdue(scope: Scope) -> int:
    """Return how many of the own organisation's nobody has reviewed in time."""
    late = (BrokenGlass.reviewed_at.is_(None), BrokenGlass.review_due_at <= scope.now)
    own = select(func.count()).select_from(BrokenGlass).where(BrokenGlass.organisation_id == scope.organisation_id, *late)
    return scope.session.scalar(own) or 0


def review(scope: Scope, glass_id: UUID, *, verdict: Verdict, remark: str) -> BrokenGlass:
    """Say whether it was justified. By somebody of the hospital other than who broke it, once, when it is over."""
    broken: BrokenGlass = scope.one(
        select(BrokenGlass)
        .where(BrokenGlass.id == glass_id, BrokenGlass.organisation_id == scope.organisation_id)
        .with_for_update()
    )
    if broken.user_id == scope.user_id:
        raise Denied("You broke this glass yourself: another administrator has to review it.")
    if _is_open(scope, broken):
        raise Conflict("It is still open. Review it when it is over.")
    if broken.reviewed_at is not None:
        raise Conflict(f"{broken.reviewed_by_name} has reviewed this already.")
    broken.reviewed_at, broken.reviewed_by_id, broken.reviewed_by_name = scope.now, scope.user_id, scope.actor.name
    broken.verdict, broken.remark = verdict.value, remark.strip()
    scope.session.flush()
    in_time = scope.now <= broken.review_due_at
    scope.emit(GlassReviewed(organisation_id=broken.organisation_id, glass_id=glass_id, verdict=verdict, in_time=in_time))
    return broken


def _need_reason(reason: str, minutes: int) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise Invalid("Say in a few words why you need this now; it is read by whoever reviews it.")
    if not 1 <= minutes <= rules.MOST_MINUTES:
        raise Invalid(f"Glass stays open for {rules.MOST_MINUTES} minutes at most.")


def _break(scope: Scope, organisation_id: UUID, studies: list[UUID] | None, *, reason: str, minutes: int) -> BrokenGlass:
    broken = BrokenGlass(
        organisation_id=organisation_id,
        id=uuid4(),
        user_id=scope.user_id,
        user_organisation_id=scope.organisation_id,
        user_name=scope.actor.name,
        role=str(scope.actor.role),
        reason=reason.strip(),
        study_ids=studies,
        opened_at=scope.now,
        ends_at=scope.now + timedelta(minutes=minutes),
        review_due_at=scope.now + rules.REVIEW_WITHIN,
    )
    scope.session.add(broken)
    scope.session.flush()
    how_much = "all studies" if studies is None else f"{len(studies)} of one patient"
    scope.emit(
        GlassBroken(
            organisation_id=organisation_id, glass_id=broken.id, studies=how_much, minutes=minutes, ends_at=broken.ends_at
        )
    )
    _tell_administrators(scope, broken)
    return broken


def _tell_administrators(scope: Scope, broken: BrokenGlass) -> None:
    """Put it before every administrator of the hospital, in the same transaction."""
    who = "The platform's administrator" if broken.study_ids is None else broken.user_name
    administrators = select(User.id).where(
        User.organisation_id == broken.organisation_id, User.role == Role.ADMIN, User.disabled_at.is_(None)
    )
    for user_id in scope.session.scalars(administrators):
        notify(
            scope,
            organisation_id=broken.organisation_id,
            user_id=user_id,
            kind=GlassBroken.kind,
            text=f"{who} broke the glass. Please review it within 72 hours.",
            href="/admin/glass",
        )


def _is_open(scope: Scope, broken: BrokenGlass) -> bool:
    return rules.glass_open(opened_at=broken.opened_at, ends_at=broken.ends_at, closed_at=broken.closed_at, now=scope.now)
