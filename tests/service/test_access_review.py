"""The access review equals the database, is confirmed once by somebody named, and shows no other organisation's people."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.accounts.addresses import by_id
from sidecar.accounts.events import SignedIn, UserDisabled
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.alerts import reviews
from sidecar.alerts.quarters import Quarter
from sidecar.alerts.tables import AccessReview
from sidecar.gate.actor import NOBODY, OrganisationKind, Role
from sidecar.gate.permissions import GRANTS
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser, alike
from tests.cast import Cast, Person, make_person

Browse = Callable[[Person | None], Browser]
QUARTER = Quarter.of(utc_now())


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def happen(cast: Cast, scopes: Scopes) -> None:
    """Somebody signed in, somebody was disabled."""
    with scopes.open(NOBODY, login=scopes.lookup.of(cast.owner.email), address="10.1.2.3") as scope:
        scope.emit(SignedIn(organisation_id=cast.mercy, user_id=cast.owner.user_id))
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.session.scalars(select(User).where(User.id == cast.colleague.user_id)).one().disabled_at = scope.now
        scope.emit(UserDisabled(organisation_id=cast.mercy, user_id=cast.colleague.user_id))


def test_b13_the_report_equals_the_database(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    happen(cast, scopes)
    answer = browse(cast.mercy_admin).get(f"/admin/access-review/{QUARTER}.csv")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = {row["user id"]: row for row in table(answer.text)}
    with scopes.open(cast.mercy_admin.actor) as scope:
        people = scope.session.scalars(select(User).where(User.organisation_id == cast.mercy)).all()
        addresses = by_id(scope, seal, people)
        came = scope.session.scalars(select(JournalRow.at).where(JournalRow.kind == "accounts.user.signed-in")).one()
    assert set(rows) == {str(user.id) for user in people}
    for user in people:
        row = rows[str(user.id)]
        rights = GRANTS[OrganisationKind.PROVIDER, Role(user.role)]
        assert (row["name"], row["e-mail"], row["role"]) == (user.name, addresses[user.id], user.role)
        assert row["state"] == ("disabled" if user.disabled_at else "active")
        assert row["rights"].split() == ([] if user.disabled_at else sorted(each.value for each in rights))
        expected = f"{came:%Y-%m-%dT%H:%M:%SZ}" if user.id == cast.owner.user_id else "never"
        assert row["last sign-in"] == expected
    assert "disabled the account of this person by Ada Mercy" in rows[str(cast.colleague.user_id)]["changes"]
    page = browse(cast.mercy_admin).get("/admin/access-review").text
    assert all(address in page for address in addresses.values())


def test_a_review_is_confirmed_kept_as_it_was_and_on_record(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    admin = browse(cast.mercy_admin)
    with scopes.open(cast.mercy_admin.actor) as scope:
        seen = reviews.fingerprint(reviews.lines(scope, seal, QUARTER))
    address = f"/admin/access-review/{QUARTER}/confirm"
    happen(cast, scopes)
    assert admin.post(address, data={"seen": seen}).status_code == 409, "it is not what was looked at any more"
    with scopes.open(cast.mercy_admin.actor) as scope:
        seen = reviews.fingerprint(reviews.lines(scope, seal, QUARTER))
    assert admin.post(address, data={"seen": seen, "note": "All well"}).status_code == 302
    assert "Reviewed by Ada Mercy" in admin.get("/admin/access-review").text
    with scopes.open(cast.mercy_admin.actor) as scope:
        review = scope.session.scalars(select(AccessReview)).one()
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "alerts.review.confirmed")).one()
        make_person(scopes, seal, cast.mercy, OrganisationKind.PROVIDER, Role.VIEWER, "New Later")
    assert row.actor_id == cast.mercy_admin.user_id
    assert review.content_hash in row.body
    assert cast.owner.email.encode() not in review.content_sealed
    kept = admin.get(f"/admin/access-review/confirmed/{review.id}.csv").text
    assert "New Later" not in kept
    assert "disabled" in {each["state"] for each in table(kept)}
    assert admin.post("/admin/access-review/2999-Q1/confirm", data={"seen": seen}).status_code in {400, 404}


def test_no_cell_is_a_formula(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    make_person(scopes, seal, cast.mercy, OrganisationKind.PROVIDER, Role.VIEWER, '=HYPERLINK("http://evil")')
    rows = table(browse(cast.mercy_admin).get(f"/admin/access-review/{QUARTER}.csv").text)
    assert '\'=HYPERLINK("http://evil")' in {row["name"] for row in rows}


def test_nobody_else_sees_the_review(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    with scopes.open(cast.mercy_admin.actor) as scope:
        seen = reviews.fingerprint(reviews.lines(scope, seal, QUARTER))
    browse(cast.mercy_admin).post(f"/admin/access-review/{QUARTER}/confirm", data={"seen": seen})
    with scopes.open(cast.mercy_admin.actor) as scope:
        review: UUID = scope.session.scalars(select(AccessReview.id)).one()
    for person in (cast.owner, cast.colleague, cast.reader, cast.mercy_manager, cast.stranger):
        assert browse(person).get("/admin/access-review").status_code == 403
    for other in (cast.strange_admin, cast.luke_admin, cast.nightowls_admin, cast.platform_admin):
        asking = browse(other)
        assert cast.owner.email not in asking.get("/admin/access-review").text
        answers = [alike(asking.get(f"/admin/access-review/confirmed/{each}.csv"), each) for each in (review, uuid4())]
        assert answers[0] == answers[1]
        assert answers[0].startswith("404")


def test_taking_the_list_along_asks_for_a_fresh_second_factor(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    admin = browse(cast.mercy_admin)
    scopes.clock = lambda: utc_now() + timedelta(minutes=6)
    try:
        answer = admin.get(f"/admin/access-review/{QUARTER}.csv")
        moved = admin.post("/admin/forwarding", data={"target": "syslog", "host": "siem.example", "port": "6514"})
    finally:
        scopes.clock = utc_now
    assert (answer.status_code, moved.status_code) == (302, 401)
    assert "/account/confirm" in answer.headers["Location"]
    assert "siem.example" not in admin.get("/admin/forwarding").text
