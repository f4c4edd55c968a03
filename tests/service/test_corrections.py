"""Whoever opened a report hears of its newer version, as far as they may see it still; and the hospital sees who has seen it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Event, Scope, Scopes
from sidecar.kernel.errors import Busy
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Settings
from sidecar.mail.service import Letter, read_letter
from sidecar.mail.tables import Mail
from sidecar.notifications.queries import latest
from sidecar.notifications.tables import Notification
from sidecar.reports import queries, service
from sidecar.reports.model import Purpose
from sidecar.reports.tables import Report, ReportVersion
from sidecar.sharing import corrections, glass, jobs, links, people, readings
from sidecar.sharing.events import ReadersTold
from sidecar.sharing.model import What
from tests.browser import Browser, alike
from tests.cast import Cast, Person, make_person, share_with
from tests.factories.studies import Made, make_study
from tests.service.test_addenda import later, sign, write
from tests.service.test_reports import sign as sign_report
from tests.service.test_reports import write as write_report

Browse = Callable[[Person | None], Browser]
ROW = re.compile(r'<tr><td class="title">(.*?)(?: <span.*?)?</td>(.*?)</tr>', re.DOTALL)


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="Read^Rita")


@pytest.fixture
def signed(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> ReportVersion:
    return sign_report(scopes, seal, cast.reader, write_report(scopes, cast.reader, study))


def correct(scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, words: str = "SECRETCORRECTION") -> ReportVersion:
    return sign(
        later(scopes, seconds=31), seal, cast.reader, write(scopes, cast.reader, signed.report_id, words, Purpose.CORRECTION)
    )


def tell(scopes: Scopes, seal: Seal, cast: Cast) -> None:
    since = scopes.clock() - timedelta(days=2)
    corrections.tell_all(scopes, seal, cast.mercy, since=since, by_mail=True)


def heard(scopes: Scopes, person: Person) -> list[Notification]:
    with scopes.open(person.actor) as scope:
        return [each for each in latest(scope, limit=20) if each.kind == corrections.KIND]


def mails(scopes: Scopes, seal: Seal, cast: Cast) -> list[Letter]:
    with scopes.open(system_actor(cast.mercy)) as scope:
        found = scope.session.scalars(select(Mail).where(Mail.organisation_id == cast.mercy)).all()
        return [read_letter(scope, seal, each) for each in found]


def guest(scopes: Scopes, seal: Seal, cast: Cast, study: Made, browse: Browse, recipient: str, *, days: int = 7) -> UUID:
    """Make a link and open the report by it, as its holder does."""
    with scopes.open(cast.mercy_manager.actor) as scope:
        wanted: dict[str, Any] = {"what": What.REPORT, "days": days, "most_views": 5, "with_code": False}
        link, token, _code = links.make(scope, seal, study.id, recipient=recipient, **wanted)
    visitor = browse(None)
    assert visitor.post("/shared", data={"token": token}).status_code == 302
    assert visitor.get("/shared/study").status_code == 200
    return link.id


def test_who_opened_a_report_hears_of_its_correction_and_nobody_else_does(  # noqa: PLR0915 - everybody in one story
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made, signed: ReportVersion
) -> None:
    """Staff, referrer, the group's colleague and who has a link; not who lost access, and no stranger."""
    page = f"/reports/{signed.report_id}"
    gone = make_person(scopes, seal, cast.mercy, OrganisationKind.PROVIDER, Role.TECHNICIAN, "Gil Gone")
    unshared = make_person(scopes, seal, cast.mercy, OrganisationKind.PROVIDER, Role.VIEWER, "Una Unshared")
    share_with(scopes, study.id, cast.mercy, cast.colleague, unshared)
    opened = {cast.owner: page, cast.colleague: f"{page}/report.pdf", cast.own_radiologist: f"/api{page}"}
    for person, path in {**opened, cast.second_reader: page, gone: page, unshared: page}.items():
        assert browse(person).get(path).status_code == 200, person.actor.name
    assert browse(cast.stranger).get(page).status_code == 404
    kim = guest(scopes, seal, cast, study, browse, "Dr. Kim <kim@lakeside.example>")
    lee = guest(scopes, seal, cast, study, browse, "Dr. Lee, by telephone")
    revoked = guest(scopes, seal, cast, study, browse, "revoked@lakeside.example")
    guest(scopes, seal, cast, study, browse, "expired@lakeside.example", days=1)
    with scopes.open(cast.mercy_manager.actor) as scope:
        wanted: dict[str, Any] = {"what": What.REPORT, "days": 7, "most_views": 5, "with_code": False}
        links.make(scope, seal, study.id, recipient="never@opened.example", **wanted)
        links.revoke(scope, study.id, revoked)
    with scopes.open(unshared.actor) as scope:
        people.unshare(scope, study.id, user_id=unshared.user_id)
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.one(select(User).where(User.id == gone.user_id)).disabled_at = scope.now

    tomorrow = later(scopes, days=1, minutes=1)  # one link has expired by then
    tell(tomorrow, seal, cast)
    assert heard(scopes, cast.owner) == []  # there is no newer version yet
    correct(scopes, seal, cast, signed)
    tell(tomorrow, seal, cast)
    tell(tomorrow, seal, cast)  # once more tells nobody twice

    (note,) = heard(scopes, cast.owner)
    for person in (*opened, cast.second_reader):
        assert [(each.text, each.href) for each in heard(scopes, person)] == [(note.text, page)], person.actor.name
        assert "SECRETCORRECTION" in browse(person).get(note.href).text
    assert "corrected" in note.text
    others = (cast.reader, cast.mercy_manager, cast.mercy_admin, cast.luke_technician, cast.stranger, cast.platform_admin)
    for person in (unshared, gone, *others):  # the signer knows; who never opened it has nothing to unlearn
        assert heard(scopes, person) == [], person.actor.name
    (mail,) = mails(scopes, seal, cast)
    assert (mail.to, mail.path) == ("kim@lakeside.example", "/shared")
    assert not any(word in f"{note.text} {mail.subject} {mail.text}" for word in ("Rita", "SECRET", "Mercy", "CT"))

    shown = browse(cast.mercy_manager).get(f"{page}/readers").text
    states = dict(ROW.findall(shown))
    assert {name for name, words in states.items() if "Seen" in words} == {
        each.actor.name for each in (*opened, cast.second_reader)
    }
    assert {name for name, words in states.items() if "Not opened yet" in words} == {"Dr. Kim &lt;kim@lakeside.example&gt;"}
    assert {name for name, words in states.items() if "Tell them yourself" in words} == {
        "Gil Gone", "Una Unshared", "Dr. Lee, by telephone", "revoked@lakeside.example", "expired@lakeside.example",
    }  # fmt: skip
    assert "Night Owls" in shown
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "sharing.readers.told")).all()
    assert [str(kim) in row.body and str(lee) not in row.body for row in rows] == [True]
    assert browse(cast.mercy_manager).get(page).text.count(f'hx-get="{page}/readers"') == 1
    for person in (cast.owner, cast.colleague, cast.reader, cast.stranger):
        assert "/readers" not in browse(person).get(page).text
    for person in (cast.luke_manager, cast.luke_radiologist):
        unknown = uuid4()
        answers = [browse(person).get(f"/reports/{each}/readers") for each in (signed.report_id, unknown)]
        assert alike(answers[0], signed.report_id) == alike(answers[1], unknown)
        assert answers[0].status_code == 404
    assert browse(cast.stranger).get(f"{page}/readers").status_code == 403


def test_who_has_seen_the_newest_version_is_not_told_of_it(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made, signed: ReportVersion, settings: Settings
) -> None:
    """Seen before the worker came by; a second addendum tells again; a referrer hears without having opened it."""
    page = f"/reports/{signed.report_id}"
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    for person in (cast.owner, cast.own_radiologist):
        browse(person).get(page)
    correct(scopes, seal, cast, signed)
    browse(cast.owner).get(page)
    browse(cast.owner).get(f"{page}?version=1")  # looked at again, for comparison
    soon = later(scopes, minutes=1)
    jobs.tell_readers(Workshop(settings, scopes, None, None, seal))  # type: ignore[arg-type]  # it asks neither Redis nor cells
    assert heard(scopes, cast.own_radiologist) == []  # who is opening the version before may not be on record yet
    jobs.tell_readers(Workshop(settings, soon, None, None, seal))  # type: ignore[arg-type]
    assert [len(heard(scopes, each)) for each in (cast.owner, cast.own_radiologist, cast.colleague)] == [0, 1, 1]
    with scopes.open(cast.mercy_manager.actor) as scope:
        report = queries.get(scope, signed.report_id)
        found = readings.of_earlier(scope, report, queries.versions(scope, report.id)[0])
    assert {(each.name, each.version, each.seen_at is None) for each in found} == {
        (cast.owner.actor.name, 1, False), (cast.own_radiologist.actor.name, 1, True),
    }  # fmt: skip
    minute, then = later(scopes, seconds=90), later(scopes, minutes=3)
    sign(minute, seal, cast.second_reader, write(minute, cast.second_reader, signed.report_id, "More."))
    tell(then, seal, cast)
    assert [len(heard(scopes, each)) for each in (cast.owner, cast.own_radiologist, cast.colleague)] == [1, 2, 2]


def test_broken_glass_counts_as_long_as_it_is_open(
    cast: Cast, scopes: Scopes, seal: Seal, study: Made, signed: ReportVersion
) -> None:
    for person in (cast.mercy_admin, cast.colleague):
        with scopes.open(person.actor) as scope:
            broken = glass.break_for_patient(scope, written=str(study.id), reason="He cannot breathe.", minutes=60)
        with scopes.open(replace(person.actor, glass=glass.as_key(broken))) as scope:
            service.read_version(scope, signed.report_id, form="screen")
    with scopes.open(cast.colleague.actor) as scope:
        glass.close(scope, broken.id)
    correct(scopes, seal, cast, signed)
    tell(later(scopes, minutes=1), seal, cast)
    assert [len(heard(scopes, each)) for each in (cast.mercy_admin, cast.colleague)] == [1, 0]


def test_two_rounds_of_the_worker_tell_once(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, signed: ReportVersion
) -> None:
    """While one round holds the report another passes it by; what broke off after telling people tells them no second time."""
    browse(cast.owner).get(f"/reports/{signed.report_id}")
    correct(scopes, seal, cast, signed)
    soon = later(scopes, minutes=1)
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Report).where(Report.id == signed.report_id).with_for_update())
        tell(soon, seal, cast)
        assert heard(scopes, cast.owner) == []
    with pytest.raises(Busy), pytest.MonkeyPatch.context() as broken:
        broken.setattr(Scope, "write_journal", out_of_order)
        tell(soon, seal, cast)
    tell(soon, seal, cast)
    assert len(heard(scopes, cast.owner)) == 1


def out_of_order(scope: Scope, events: list[Event]) -> None:
    if any(isinstance(each, ReadersTold) for each in events):
        raise Busy("The journal cannot be written.")


@pytest.mark.parametrize(
    ("recipient", "address"),
    [
        ("Dr. Kim, Lakeside practice", ""),
        ("kim@lakeside.example", "kim@lakeside.example"),
        ("Dr. Kim <kim@lakeside.example>", "kim@lakeside.example"),
        ("Dr. Kim, kim@lakeside.example.", "kim@lakeside.example"),
        ("kim@lakeside.example, lee@lakeside.example", ""),
        ("kim@lakeside", ""),
    ],
)
def test_an_address_is_found_where_there_is_one(recipient: str, address: str) -> None:
    assert corrections.address_in(recipient) == address
