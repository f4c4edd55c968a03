"""Sharing a study with viewers of the own organisation: referrers, who see what was shared with them and nothing else."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.dialects.postgresql import insert

from sidecar.accounts.tables import User
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.sharing.events import StudyShared, StudyUnshared
from sidecar.sharing.tables import StudyShare
from sidecar.studies import queries
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study


def viewers(scope: Scope) -> Sequence[User]:
    """Return the viewers of the own organisation who may sign in, by name."""
    mine = (User.organisation_id == scope.organisation_id, User.role == Role.VIEWER, User.disabled_at.is_(None))
    return scope.session.scalars(select(User).where(*mine).order_by(User.name)).all()


def shares(scope: Scope, study: Study) -> Sequence[tuple[StudyShare, User]]:
    """Return with whom of the own organisation a study is shared, by name."""
    found = scope.session.execute(
        select(StudyShare, User)
        .join(User, (User.organisation_id == StudyShare.user_organisation_id) & (User.id == StudyShare.user_id))
        .where(StudyShare.organisation_id == study.organisation_id, StudyShare.study_id == study.id)
        .order_by(User.name)
    )
    return [(share, user) for share, user in found]


def share(scope: Scope, study_id: UUID, *, user_id: UUID) -> User:
    """Let a viewer look at a study; once more changes nothing. Missing for whoever is no viewer of the own organisation."""
    study = queries.get(scope, study_id)
    viewer = next((each for each in viewers(scope) if each.id == user_id), None)
    if viewer is None:
        raise Missing
    made = scope.session.scalar(
        insert(StudyShare)
        .values(
            organisation_id=study.organisation_id,
            study_id=study.id,
            user_id=user_id,
            user_organisation_id=scope.organisation_id,
            shared_at=scope.now,
            shared_by_id=scope.user_id,
            shared_by_name=scope.actor.name,
        )
        .on_conflict_do_nothing()
        .returning(StudyShare.user_id)
    )
    if made is not None:  # else it was shared already
        scope.emit(StudyShared(**place_of(study), user_id=user_id))
    return viewer


def unshare(scope: Scope, study_id: UUID, *, user_id: UUID) -> None:
    """Take it back; Missing where it was not shared."""
    study = queries.get(scope, study_id)
    gone = scope.session.execute(
        delete(StudyShare)
        .where(
            StudyShare.organisation_id == study.organisation_id, StudyShare.study_id == study.id, StudyShare.user_id == user_id
        )
        .execution_options(synchronize_session=False)
    )
    if not isinstance(gone, CursorResult) or not gone.rowcount:
        raise Missing
    scope.emit(StudyUnshared(**place_of(study), user_id=user_id))
