"""Links for people without an account: a token of 256 bits, one study or its report, an end, a number of views, perhaps a code.

The token is in the link's fragment, which browsers send to nobody; a page posts it once and gets a session for it. What is
kept of token and code are hashes.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Gone, Invalid, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.sharing import rules
from sidecar.sharing.events import LinkMade, LinkOpened, LinkRefused, LinkRevoked, LinkUsed
from sidecar.sharing.model import Guest, LinkState, What
from sidecar.sharing.tables import ShareLink
from sidecar.studies import queries
from sidecar.studies.model import Status
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study
from sidecar.vault.service import close, open_sealed

CODE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Nothing that is mistaken for something else when read out on the telephone."""
CODE_LENGTH = 8
OVER = "This link is over. Ask whoever gave it to you for another."


@dataclass(frozen=True, slots=True)
class Opening:
    """How an attempt ended: in with ``guest``, else ``needs_code`` (or a wrong one was given), else it is over."""

    guest: Guest | None = None
    needs_code: bool = False
    wrong_code: bool = False


def make(  # noqa: PLR0913 - what a link is
    scope: Scope, seal: Seal, study_id: UUID, *, what: What, recipient: str, days: int, most_views: int, with_code: bool
) -> tuple[ShareLink, str, str]:
    """Make a link to an own study; return it with its token and its code ("" without), which are shown this once."""
    study = own_study(scope, study_id)
    if what is What.REPORT and study.status != Status.FINAL:
        raise Conflict("There is no signed report to share yet.")
    if not (1 <= days <= rules.LONGEST_DAYS and 1 <= most_views <= rules.MOST_VIEWS):
        raise Invalid(f"A link holds for 1 to {rules.LONGEST_DAYS} days and 1 to {rules.MOST_VIEWS} views.")
    token = secrets.token_urlsafe(32)
    code = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH)) if with_code else ""
    link = ShareLink(
        organisation_id=study.organisation_id,
        id=uuid4(),
        study_id=study.id,
        what=what.value,
        token_hash=rules.token_hash(token),
        code_hash=rules.code_hash(token, code) if code else None,
        most_views=most_views,
        created_at=scope.now,
        created_by_id=scope.user_id,
        created_by_name=scope.actor.name,
        expires_at=scope.now + timedelta(days=days),
    )
    link.recipient_sealed = close(scope, seal, link.organisation_id, recipient.strip().encode(), place=_place(link))
    scope.session.add(link)
    scope.session.flush()
    told = LinkMade(
        **place_of(study), link_id=link.id, what=what, most_views=most_views, with_code=with_code, expires_at=link.expires_at
    )
    scope.emit(told)
    return link, token, code


def of_study(scope: Scope, study: Study) -> Sequence[ShareLink]:
    """Return the links ever made to a study, the newest first."""
    here = (ShareLink.organisation_id == study.organisation_id, ShareLink.study_id == study.id)
    return scope.session.scalars(select(ShareLink).where(*here).order_by(ShareLink.created_at.desc())).all()


def recipient_of(scope: Scope, seal: Seal, link: ShareLink) -> str:
    """Return for whom a link was made: a name, or an address."""
    return open_sealed(scope, seal, link.organisation_id, link.recipient_sealed, place=_place(link)).decode()


def revoke(scope: Scope, study_id: UUID, link_id: UUID) -> None:
    """Take a link back: it opens nothing from now on, not even to who has it open."""
    study = own_study(scope, study_id)
    link: ShareLink = scope.one(
        select(ShareLink).where(ShareLink.id == link_id, ShareLink.study_id == study.id).with_for_update()
    )
    if link.ended_at is None:
        link.ended_at, link.ended_by_name = scope.now, scope.actor.name
        scope.session.flush()
        scope.emit(LinkRevoked(**place_of(study), link_id=link.id))


def open_link(scope: Scope, *, token: str, code: str, asking: Actor) -> Opening:
    """Count a view and let somebody in, or say why not. The scope was opened for nobody, with ``login=rules.token_hash(token)``.

    ``asking`` is who is signed in in that browser: to somebody of another organisation a link does not exist. Missing for
    what was never a link. The caller commits whatever is returned, so that wrong codes are counted.
    """
    found = select(ShareLink).where(ShareLink.token_hash == rules.token_hash(token)).with_for_update()
    link: ShareLink = scope.one(found)
    if asking.known and asking.organisation_id != link.organisation_id:
        raise Missing
    state = state_of(scope, link)
    if state is not LinkState.OPEN:
        _refuse(scope, link, state.value)
        return Opening()
    if link.code_hash is not None and not code.strip():
        return Opening(needs_code=True)
    if link.code_hash is not None and not secrets.compare_digest(link.code_hash, rules.code_hash(token, code)):
        return _count_wrong(scope, link)
    link.views, link.last_viewed_at = link.views + 1, scope.now
    scope.session.flush()
    scope.emit(LinkOpened(organisation_id=link.organisation_id, study_id=link.study_id, link_id=link.id, view=link.views))
    return Opening(Guest(link.organisation_id, link.id))


def as_actor(guest: Guest) -> Actor:
    """Return the person outside, inside the walls of one study. Nobody by name, and of no role."""
    return Actor(None, guest.organisation_id, None, None, "by a link", link=guest.link_id)


def held(scope: Scope) -> ShareLink:
    """Return the link by which the scope's actor came in, while it holds; Gone afterwards. Its views are counted at the door."""
    link: ShareLink = scope.one(select(ShareLink).where(ShareLink.id == scope.actor.link))
    if link.ended_at is not None or link.expires_at <= scope.now:
        raise Gone(OVER)
    return link


def looked_at(scope: Scope, link: ShareLink, series_id: UUID, *, since: datetime) -> bool:
    """Say whether it is on record that images of this series were looked at by the link since then."""
    mine = (JournalRow.organisation_id == link.organisation_id, JournalRow.study_id == link.study_id, JournalRow.at >= since)
    found = select(JournalRow.sequence).where(
        *mine, JournalRow.kind == LinkUsed.kind, JournalRow.body.contains(str(series_id)), JournalRow.body.contains(str(link.id))
    )
    return scope.session.scalar(found.limit(1)) is not None


def state_of(scope: Scope, link: ShareLink) -> LinkState:
    """Return what a link is worth now."""
    return rules.link_state(
        ended_at=link.ended_at,
        expires_at=link.expires_at,
        views=link.views,
        most_views=link.most_views,
        wrong_codes=link.wrong_codes,
        now=scope.now,
    )


def own_study(scope: Scope, study_id: UUID) -> Study:
    """Return a study of the own organisation: only its owner gives it out of the house. Missing otherwise."""
    study = queries.get(scope, study_id)
    if study.organisation_id != scope.organisation_id:
        raise Missing
    return study


def _count_wrong(scope: Scope, link: ShareLink) -> Opening:
    link.wrong_codes += 1
    if link.wrong_codes >= rules.WRONG_CODES:
        link.ended_at = scope.now
    scope.session.flush()
    _refuse(scope, link, "code")
    return Opening(needs_code=link.ended_at is None, wrong_code=True)


def _refuse(scope: Scope, link: ShareLink, why: str) -> None:
    scope.emit(LinkRefused(organisation_id=link.organisation_id, study_id=link.study_id, link_id=link.id, why=why))


def _place(link: ShareLink) -> str:
    return f"share_links|{link.id}|recipient"
