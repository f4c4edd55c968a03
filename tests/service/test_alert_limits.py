"""From which number on an organisation is told is its own choice, within bounds, on record, and nobody else's."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from sidecar.adapters.seals import Seal
from sidecar.alerts import jobs, limits
from sidecar.alerts.model import Kind
from sidecar.alerts.rules import CHOICES, Limits
from sidecar.alerts.tables import AlertLimits
from sidecar.archive.events import StudyDownloaded
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Invalid
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.service.test_alerts import raised
from tests.service.test_wall import add_study

Browse = Callable[[Person | None], Browser]
HOUSE = {name: getattr(Limits(), name) for name in CHOICES}


@pytest.fixture
def took_four(cast: Cast, scopes: Scopes) -> None:
    """The technicians of two hospitals took four studies along each."""
    for person, owner in ((cast.owner, cast.mercy), (cast.luke_technician, cast.luke)):
        for _ in range(4):
            study = add_study(scopes, owner)
            with scopes.open(person.actor) as scope:
                scope.emit(StudyDownloaded(organisation_id=owner, study_id=study, job_id=uuid4(), series_id=None, form="zip"))


def watch(scopes: Scopes, seal: Seal, organisation_id: UUID) -> list[tuple[str, str]]:
    jobs.watch_one(scopes, seal, organisation_id)
    return raised(scopes, organisation_id)


@pytest.mark.usefixtures("took_four")
def test_a_smaller_number_tells_earlier_and_only_there(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse) -> None:
    assert watch(scopes, seal, cast.mercy) == [], "the house's number is 20"
    admin = browse(cast.mercy_admin)
    assert admin.post("/admin/alerts/limits", data=HOUSE | {"downloads": "4"}).status_code == 302
    assert watch(scopes, seal, cast.mercy) == [(Kind.MASS_DOWNLOAD, str(cast.owner.user_id))]
    assert watch(scopes, seal, cast.luke) == []
    page = admin.get("/admin/alerts").text
    assert 'name="downloads" type="text" value="4"' in page
    for other in (cast.luke_admin, cast.strange_admin, cast.nightowls_admin):
        assert 'name="downloads" type="text" value="20"' in browse(other).get("/admin/alerts").text


def test_a_change_is_on_record_with_both_numbers_and_no_change_is_not(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    admin = browse(cast.mercy_admin)
    for chosen in (HOUSE, HOUSE | {"downloads": "5", "denials": "9"}, HOUSE | {"downloads": "5", "denials": "9"}, HOUSE):
        assert admin.post("/admin/alerts/limits", data=chosen).status_code == 302
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(
            select(JournalRow).where(JournalRow.kind == "alerts.limits.set").order_by(JournalRow.sequence)
        )
        found = [(row.actor_id, "denials 12 to 9, downloads 20 to 5" in row.body) for row in rows]
        assert limits.limits_of(scope) == Limits()
    assert found == [(cast.mercy_admin.user_id, True), (cast.mercy_admin.user_id, False)]
    assert "changed the limits of alerts: denials 12 to 9, downloads 20 to 5" in admin.get("/admin/audit").text


@pytest.mark.parametrize("name", CHOICES)
def test_beyond_the_bounds_it_is_explained_and_nothing_changes(name: str, cast: Cast, scopes: Scopes, browse: Browse) -> None:
    admin, choice = browse(cast.mercy_admin), CHOICES[name]
    assert choice.least <= HOUSE[name] <= choice.most
    for wrong in (choice.least - 1, choice.most + 1, "many", "", "-1", "1e9"):
        answer = admin.post("/admin/alerts/limits", data=HOUSE | {name: str(wrong)})
        assert (answer.status_code, 'class="error"' in answer.text) == (400, True), wrong
    with scopes.open(cast.mercy_admin.actor) as scope:
        for number in (choice.least - 1, choice.most + 1):
            with pytest.raises(Invalid, match=f"between {choice.least} and {choice.most}"):
                limits.set_limits(scope, HOUSE | {name: number})
        assert scope.session.scalars(select(AlertLimits)).all() == []


def test_nobody_else_sets_or_sees_them(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    for person in (cast.owner, cast.colleague, cast.mercy_manager, cast.reader, cast.stranger):
        assert browse(person).post("/admin/alerts/limits", data=HOUSE).status_code == 403
    browse(cast.mercy_admin).post("/admin/alerts/limits", data=HOUSE | {"downloads": "7"})
    for stranger in (cast.luke_admin, cast.strange_admin, cast.nightowls_admin, cast.platform_admin):
        with scopes.open(stranger.actor) as scope:
            assert scope.session.scalars(select(AlertLimits)).all() == []
            assert scope.session.execute(text("UPDATE alert_limits SET downloads = 200")).rowcount == 0  # type: ignore[attr-defined]
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert limits.limits_of(scope).downloads == 7
