"""The access review of a quarter: who may do what, when they were last here, what changed; confirmed by an administrator.

HIPAA 164.308(a)(3)(ii)(B), (a)(4)(ii)(C). What was confirmed is kept as it was shown, sealed; its hash stands in the journal.
"""

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select

from sidecar.accounts import addresses
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.alerts.events import ReviewConfirmed, ReviewExported
from sidecar.alerts.model import Finding, Kind
from sidecar.alerts.quarters import Quarter
from sidecar.alerts.service import stand
from sidecar.alerts.tables import AccessReview, Alert
from sidecar.audit.formats import cell
from sidecar.audit.words import sentence
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.permissions import GRANTS
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.journal import JournalRow
from sidecar.organisations.tables import Organisation
from sidecar.vault.service import close, open_sealed

CAME_IN = "accounts.user.signed-in"
COMINGS_AND_GOINGS = (CAME_IN, "accounts.user.signed-out", "accounts.user.sign-in-failed", "accounts.user.confirmed")
"""What is no change of an account."""
COLUMNS = ("name", "e-mail", "user id", "role", "state", "created", "last sign-in", "second factor", "rights", "changes")


@dataclass(frozen=True, slots=True)
class Line:
    """One person in the review. ``changes`` since the quarter began, oldest first: (when, what, by whom)."""

    user_id: UUID
    name: str
    email: str
    role: str
    state: str
    created_at: datetime
    last_sign_in: datetime | None
    factor: str
    rights: Sequence[str]
    changes: Sequence[tuple[datetime, str, str]]


def lines(scope: Scope, seal: Seal, quarter: Quarter) -> list[Line]:
    """Return every person of the scope's organisation as of now, deleted ones as long as they changed in the quarter."""
    people = scope.session.scalars(select(User).where(User.organisation_id == scope.organisation_id).order_by(User.name, User.id))
    kind = scope.session.scalars(select(Organisation.kind).where(Organisation.id == scope.organisation_id)).one()
    came, changed = _last_sign_ins(scope), _changes(scope, quarter)
    return [
        Line(
            user_id=user.id,
            name=user.name,
            email=addresses.of(scope, seal, user),
            role=user.role,
            state=state(user),
            created_at=user.created_at,
            last_sign_in=came.get(user.id),
            factor="set" if user.totp_sealed else "not set",
            rights=[]
            if user.disabled_at
            else sorted(each.value for each in GRANTS.get((OrganisationKind(kind), Role(user.role)), ())),
            changes=changed[user.id],
        )
        for user in people
        if user.deleted_at is None or user.deleted_at >= quarter.begins
    ]


def state(user: User) -> str:
    """Return what an account is, in a word."""
    if user.deleted_at:
        return "deleted"
    if user.disabled_at:
        return "disabled"
    return "active" if user.password_hash else "invited"


def as_csv(found: Iterable[Line]) -> str:
    """Return the list as CSV (RFC 4180); no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in found:
        changes = "; ".join(f"{at:%Y-%m-%d %H:%M} UTC {what} by {who}" for at, what, who in each.changes)
        came = f"{each.last_sign_in:%Y-%m-%dT%H:%M:%SZ}" if each.last_sign_in else "never"
        cells = (each.name, each.email, each.user_id, each.role, each.state, f"{each.created_at:%Y-%m-%d}", came, each.factor)
        writer.writerow([cell(str(each)) for each in (*cells, " ".join(each.rights), changes)])
    return text.getvalue()


def export(scope: Scope, seal: Seal, quarter: Quarter) -> str:
    """Return the list as CSV and put on record that it was taken along."""
    found = lines(scope, seal, quarter)
    scope.emit(ReviewExported(organisation_id=scope.organisation_id, quarter=str(quarter), people=len(found)))
    return as_csv(found)


def confirm(scope: Scope, seal: Seal, quarter: Quarter, *, seen_hash: str, note: str) -> AccessReview:
    """Keep the list as it is now as reviewed. Raises Conflict when it is not the one that was looked at any more."""
    if quarter > Quarter.of(scope.now):
        raise Invalid("This quarter has not begun.")
    found = lines(scope, seal, quarter)
    content = as_csv(found).encode()
    digest = fingerprint(found)
    if digest != seen_hash:
        raise Conflict("Somebody's access changed while you looked. Look again, then confirm.")
    review_id = uuid4()
    review = AccessReview(
        organisation_id=scope.organisation_id,
        id=review_id,
        quarter=str(quarter),
        people=len(found),
        content_sealed=close(scope, seal, scope.organisation_id, content, place=_place(review_id)),
        content_hash=hashlib.sha256(content).hexdigest(),
        reviewer_id=scope.user_id,
        reviewer_name=scope.actor.name,
        note=note.strip(),
        reviewed_at=scope.now,
    )
    scope.session.add(review)
    scope.emit(
        ReviewConfirmed(
            organisation_id=scope.organisation_id,
            review_id=review_id,
            quarter=str(quarter),
            people=len(found),
            content_hash=review.content_hash,
        )
    )
    return review


def fingerprint(found: Iterable[Line]) -> str:
    """Return a digest of who may do what: by it a confirmation knows what was on the page. A mere sign-in changes nothing."""
    said = [[str(each.user_id), each.name, each.email, each.role, each.state, each.factor, *each.rights] for each in found]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def confirmed(scope: Scope, quarter: Quarter) -> Sequence[AccessReview]:
    """Return the reviews of a quarter, the newest first."""
    mine = (AccessReview.organisation_id == scope.organisation_id, AccessReview.quarter == str(quarter))
    return scope.session.scalars(select(AccessReview).where(*mine).order_by(AccessReview.reviewed_at.desc())).all()


def kept(scope: Scope, seal: Seal, review_id: UUID) -> tuple[AccessReview, str]:
    """Return a confirmed review and its list as it was then; Missing for another organisation's."""
    mine = (AccessReview.organisation_id == scope.organisation_id, AccessReview.id == review_id)
    review: AccessReview = scope.one(select(AccessReview).where(*mine))
    content = open_sealed(scope, seal, review.organisation_id, review.content_sealed, place=_place(review.id))
    scope.emit(ReviewExported(organisation_id=review.organisation_id, quarter=review.quarter, people=review.people))
    return review, content.decode()


def remind(scope: Scope) -> None:
    """Raise an alert, once, when a quarter ended and nobody has reviewed it."""
    due = Quarter.of(scope.now).before
    here_then = Organisation.created_at < due.ends
    if not scope.session.scalar(select(func.count()).where(Organisation.id == scope.organisation_id, here_then)):
        return
    known = (Alert.organisation_id == scope.organisation_id, Alert.kind == Kind.REVIEW_DUE.value, Alert.subject == str(due))
    if confirmed(scope, due) or scope.session.scalar(select(func.count()).select_from(Alert).where(*known)):
        return
    stand(scope, scope.organisation_id, Finding(Kind.REVIEW_DUE, str(due), scope.now, scope.now, {"quarter": due.label}))


def _last_sign_ins(scope: Scope) -> dict[UUID, datetime]:
    own = (JournalRow.organisation_id == scope.organisation_id, JournalRow.kind == CAME_IN, JournalRow.subject_id.is_not(None))
    rows = scope.session.execute(
        select(JournalRow.subject_id, func.max(JournalRow.at)).where(*own).group_by(JournalRow.subject_id)
    )
    return {user_id: at for user_id, at in rows if user_id}


def _changes(scope: Scope, quarter: Quarter) -> dict[UUID, list[tuple[datetime, str, str]]]:
    rows = scope.session.scalars(
        select(JournalRow)
        .where(
            JournalRow.organisation_id == scope.organisation_id,
            JournalRow.kind.startswith("accounts."),
            JournalRow.kind.not_in(COMINGS_AND_GOINGS),
            JournalRow.at >= quarter.begins,
            JournalRow.subject_id.is_not(None),
        )
        .order_by(JournalRow.sequence)
    )
    found: dict[UUID, list[tuple[datetime, str, str]]] = defaultdict(list)
    for row in rows:
        body = json.loads(row.body)
        what = sentence(row.kind, body["facts"] | {"person": "this person"})
        if row.subject_id:
            found[row.subject_id].append((row.at, what, body.get("name") or "the system"))
    return found


def _place(review_id: UUID) -> str:
    return f"access_reviews|{review_id}|content"
