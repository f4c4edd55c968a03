"""Links for people outside: unguessable, bound, counted, coded, taken back; and what their holders see."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Gone, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.reports.tables import Report
from sidecar.sharing import links, rules
from sidecar.sharing.model import Guest, What
from sidecar.sharing.tables import ShareLink
from sidecar.studies.tables import Series, Study
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_matrix import report_of

Browse = Callable[[Person | None], Browser]
PICTURE = b"\xff\xd8\xff\xe0 a picture"


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


@pytest.fixture
def study(cast: Cast, scopes: Scopes) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="Link^Lisa", series=(3, 1))


@pytest.fixture
def pictures(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stand in for the cell's renderings, which need a cell; what was asked for."""
    asked: list[str] = []

    def rendered(_cell: object, orthanc_id: str, *, size: int) -> bytes:
        asked.append(f"{orthanc_id} {size}")
        return PICTURE

    monkeypatch.setattr(app.extensions["readingroom.cells"], "rendered", rendered)
    return asked


def made(scopes: Scopes, seal: Seal, cast: Cast, study: Made, **options: object) -> tuple[ShareLink, str, str]:
    wanted = {"what": What.STUDY, "recipient": "Dr. Kim", "days": 7, "most_views": 5, "with_code": False} | options
    with scopes.open(cast.mercy_manager.actor) as scope:
        return links.make(scope, seal, study.id, **wanted)  # type: ignore[arg-type]


def enter(visitor: Browser, token: str, code: str = "") -> int:
    return visitor.post("/shared", data={"token": token, "code": code}).status_code


def test_b09_a_link_shows_one_study_to_whoever_holds_it(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made, pictures: list[str]
) -> None:
    other = make_study(scopes, cast.mercy, patient_name="Other^Olga")
    report_of(browse, cast, study)
    manager = browse(cast.mercy_manager)
    form = {"recipient": "Dr. Kim, Lakeside", "what": "study", "days": "7", "most_views": "2", "with_code": "y"}
    page = manager.post(f"/studies/{study.id}/access/links", data=form).text
    token = re.search(r"/shared#([\w-]+)", page)[1]  # type: ignore[index]
    code = "".join(re.search(r'mono">(\w{4}) (\w{4})<', page).groups())  # type: ignore[union-attr]
    assert len(token) >= 43  # 256 bits
    assert token not in manager.get(f"/studies/{study.id}/access").text  # shown once
    visitor = browse(None)
    assert visitor.get("/shared/study").status_code == 403
    assert enter(visitor, token) == 401
    assert enter(visitor, token, "WRONGCOD") == 401
    assert enter(visitor, token, code.lower()) == 302
    shown = visitor.get("/shared/study")
    assert "SECRETFINDING" in shown.text
    assert "Lisa" in shown.text
    assert token not in shown.text
    assert visitor.get("/shared/report.pdf").data.startswith(b"%PDF")
    first = re.search(r'data-series="([0-9a-f-]{36})"', shown.text)[1]  # type: ignore[index]
    assert visitor.get(f"/shared/series/{first}/3.jpg").data == PICTURE
    for nothing in (f"{first}/4", f"{first}/0", f"{uuid4()}/1", f"{series_of(scopes, other)}/1"):
        assert visitor.get(f"/shared/series/{nothing}.jpg").status_code == 404, nothing
    # Nothing else of the house opens to them.
    for path in (f"/reading/{study.id}", "/hospital", "/api/studies", f"/studies/{study.id}/access", "/dicom-web/own/studies"):
        assert visitor.get(path, headers={"Accept": "application/json"}).status_code == 401, path
    with scopes.open(links.as_actor(Guest(cast.mercy, link_of(scopes, cast).id))) as scope:
        assert [each.id for each in scope.session.scalars(select(Study))] == [study.id]
        assert {each.study_id for each in scope.session.scalars(select(Series))} == {study.id}
        assert {each.study_id for each in scope.session.scalars(select(Report))} == {study.id}
    assert pictures
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(select(JournalRow).where(JournalRow.kind.startswith("sharing.link."))).all()
    kinds = [row.kind for row in rows]
    assert kinds.count("sharing.link.used") == 3  # the report, the report as PDF, images of a series
    assert {"sharing.link.made", "sharing.link.opened", "sharing.link.refused"} <= set(kinds)
    assert all(row.study_id == study.id for row in rows)
    assert not any(token in row.body or code in row.body or "Kim" in row.body for row in rows)
    assert all('"link"' in row.body for row in rows if row.kind == "sharing.link.used")


def test_b09_no_picture_is_looked_at_off_the_record(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made, pictures: list[str]
) -> None:
    """Whoever writes addresses by hand leaves out the first picture; each opening of the link is on record for itself."""
    link, token, _code = made(scopes, seal, cast, study)
    for _opening in range(2):
        visitor = browse(None)
        assert enter(visitor, token) == 302
        for series, numbers in (("3 pictures", (2, 3, 2, 1)), ("1 picture", (1, 1))):
            of = series_ids(scopes, study)[0 if series == "3 pictures" else 1]
            assert {visitor.get(f"/shared/series/{of}/{number}.jpg").status_code for number in numbers} == {200}
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(select(JournalRow.body).where(JournalRow.kind == "sharing.link.used")).all()
    for of in series_ids(scopes, study):
        assert [str(link.id) in row for row in rows if str(of) in row] == [True, True]


def link_of(scopes: Scopes, cast: Cast) -> ShareLink:
    with scopes.open(cast.mercy_manager.actor) as scope:
        return scope.session.scalars(select(ShareLink).order_by(ShareLink.created_at.desc()).limit(1)).one()


def series_ids(scopes: Scopes, study: Made) -> list[UUID]:
    with scopes.open(system_actor(study.owner)) as scope:
        mine = select(Series.id).where(Series.study_id == study.id)
        return list(scope.session.scalars(mine.order_by(Series.series_number)))


def series_of(scopes: Scopes, study: Made) -> UUID:
    return series_ids(scopes, study)[0]


def test_b09_ten_thousand_guesses_open_nothing(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made) -> None:
    """10,000 mutated tokens against the wall that shows the row, and 200 of them through the door."""
    _, token, _ = made(scopes, seal, cast, study, what=What.STUDY)
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    guesses = [
        secrets.token_urlsafe(32) if number % 2 else token[: (at := number % len(token))] + signs[number % 64] + token[at + 1 :]
        for number in range(10_000)
    ]
    guesses = [each for each in guesses if each != token]
    with scopes.open(NOBODY) as scope:
        found = scope.session.execute(
            text(
                "SELECT count(*) FROM unnest(CAST(:hashes AS text[])) AS guess(hash),"
                " LATERAL (SELECT set_config('app.login', guess.hash, true)) AS told(login),"
                " LATERAL (SELECT count(*) AS rows FROM share_links WHERE token_hash = told.login) AS seen WHERE seen.rows > 0"
            ),
            {"hashes": [rules.token_hash(each) for each in [*guesses, token]]},
        ).scalar_one()
    assert found == 1  # the one that was no guess
    visitor = browse(None)
    answers = {visitor.post("/shared", data={"token": each}).status_code for each in guesses[:200]}
    assert answers == {404}
    assert enter(visitor, token) == 302


def test_b09_over_is_410_and_never_was_is_404(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made) -> None:
    manager, visitor = browse(cast.mercy_manager), browse(None)
    revoked, token, _ = made(scopes, seal, cast, study)
    assert enter(visitor, token) == 302
    assert visitor.get("/shared/study").status_code == 200
    assert manager.post(f"/studies/{study.id}/access/links/{revoked.id}/revoke").status_code == 302
    assert visitor.get("/shared/study").status_code == 410  # also to who has it open
    assert enter(visitor, token) == 410
    expired, token, _ = made(scopes, seal, cast, study, days=1)
    with later(scopes, hours=25).open(NOBODY, login=rules.token_hash(token)) as scope:
        assert links.open_link(scope, token=token, code="", asking=NOBODY) == links.Opening()
    guest = links.as_actor(Guest(cast.mercy, expired.id))
    with pytest.raises(Gone), later(scopes, hours=25).open(guest) as scope:
        links.held(scope)
    with later(scopes, hours=25).open(guest) as scope:  # and by the walls alone
        assert scope.session.scalars(select(Study)).all() == []
    _, token, _ = made(scopes, seal, cast, study, most_views=2)
    assert [enter(browse(None), token) for _ in range(3)] == [302, 302, 410]
    assert enter(browse(None), "never-a-link") == 404
    assert enter(browse(None), "") == 400


def test_b09_wrong_codes_lock_a_link(cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made) -> None:
    _, token, code = made(scopes, seal, cast, study, with_code=True)
    visitor = browse(None)
    assert [enter(visitor, token, "AAAAAAAA") for _ in range(rules.WRONG_CODES)] == [401] * (rules.WRONG_CODES - 1) + [410]
    assert enter(visitor, token, code) == 410
    assert "Locked" in browse(cast.mercy_manager).get(f"/studies/{study.id}/access").text


def test_b09_somebody_of_another_organisation_has_no_link(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made
) -> None:
    link, token, _ = made(scopes, seal, cast, study)
    for person in (cast.luke_manager, cast.reader, cast.stranger, cast.platform_admin):
        assert enter(browse(person), token) == 404, person.actor.name
    revoke = f"/studies/{study.id}/access/links/{link.id}/revoke"
    make = f"/studies/{study.id}/access/links"
    for path in (revoke, make):
        assert browse(cast.luke_manager).post(path, data={"recipient": "x"}).status_code == 404
        for person in (cast.reader, cast.lead, cast.colleague, cast.owner, cast.mercy_admin, cast.strange_manager):
            assert browse(person).post(path, data={"recipient": "x"}).status_code == 403, person.actor.name
    with pytest.raises(Missing), scopes.open(cast.luke_manager.actor) as scope:
        links.revoke(scope, study.id, link.id)
    with pytest.raises(DBAPIError, match="row-level security"), scopes.open(NOBODY, login=rules.token_hash(token)) as scope:
        scope.session.add(ShareLink(**{name: getattr(link, name) for name in columns()} | {"id": uuid4()}))
    with pytest.raises(DBAPIError, match="permission denied"), scopes.open(cast.mercy_manager.actor) as scope:
        scope.session.execute(update(ShareLink).values(expires_at=utc_now() + timedelta(days=900)))
    assert enter(browse(cast.own_radiologist), token) == 302  # of the same house: harmless


def columns() -> list[str]:
    return [column.name for column in ShareLink.__table__.columns]


def test_a_link_of_a_report_shows_no_images_and_needs_a_signature(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made, pictures: list[str]
) -> None:
    manager = browse(cast.mercy_manager)
    form = {"recipient": "Dr. Kim", "what": "report", "days": "7", "most_views": "2"}
    assert manager.post(f"/studies/{study.id}/access/links", data=form).status_code == 409
    assert manager.post(f"/studies/{study.id}/access/links", data=form | {"days": "31"}).status_code == 400
    report_of(browse, cast, study)
    _, token, _ = made(scopes, seal, cast, study, what=What.REPORT)
    visitor = browse(None)
    assert enter(visitor, f"https://reading.example.org/shared#{token}") == 302  # pasted whole
    assert "data-series" not in visitor.get("/shared/study").text
    assert visitor.get(f"/shared/series/{series_of(scopes, study)}/1.jpg").status_code == 404
    assert not pictures
    assert visitor.post("/shared/leave").status_code == 302
    assert visitor.get("/shared/study").status_code == 403


def test_what_is_kept_of_a_link_opens_nothing(cast: Cast, scopes: Scopes, seal: Seal, study: Made) -> None:
    _, token, code = made(scopes, seal, cast, study, with_code=True)
    row = link_of(scopes, cast)
    for value in (getattr(row, name) for name in columns()):
        assert token not in str(value)
        assert code not in str(value)
    assert row.code_hash != rules.code_hash(secrets.token_urlsafe(32), code)  # the code alone does not make it
