"""Taking studies along: who may, what nginx is told, what is on record; and what a stranger sees."""

import json
from collections.abc import Callable
from uuid import uuid4

import jwt
import pytest
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse as Response

from sidecar.adapters import carriages
from sidecar.adapters.carriages import Carriage
from sidecar.archive import queries
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.studies import queries as studies
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study

Browse = Callable[[Person | None], Browser]


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="CANARY^NAME", series=(2, 3))


def series_id(scopes: Scopes, person: Person, study: Made) -> str:
    with scopes.open(person.actor) as scope:
        return str(studies.series_of(scope, studies.get(scope, study.id))[1].id)


def laid_ready(app: Flask, answer: Response) -> Carriage:
    """Return what an answer sends nginx for, which is told once."""
    start, _, name = answer.headers["X-Accel-Redirect"].rpartition("/")
    redis = app.extensions["readingroom.redis"]
    found = carriages.take(redis, name)
    assert found is not None
    assert (f"{start}/", carriages.take(redis, name)) == (carriages.INTERNAL, None)
    return found


def test_the_carrier_is_told_what_to_fetch_from_the_owners_cell(
    app: Flask, browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        orthanc_id = studies.get(scope, study.id).orthanc_id
        cell = scope.session.execute(text("SELECT cell_id, http_port FROM cell_address(:o)"), {"o": cast.mercy}).one()
    for person in (cast.owner, cast.own_radiologist, cast.mercy_manager, cast.reader, cast.lead):
        for form, path in (("archive.zip", f"/{orthanc_id}/archive"), ("media.zip", f"/{orthanc_id}/media?extended=1")):
            answer = browse(person).get(f"/studies/{study.id}/{form}")
            assert answer.status_code == 200
            carried = laid_ready(app, answer)
            assert carried.url.endswith(f":{cell.http_port}/studies{path}")
            assert (carried.bearer.organisation_id, carried.bearer.user_id) == (person.organisation_id, person.user_id)
            assert "CANARY" not in str(answer.headers)
            assert answer.headers["Content-Disposition"].startswith('attachment; filename="A1_20260101_CT')
    claims = jwt.decode(carried.token, options={"verify_signature": False})
    assert (claims["aud"], claims["org"], claims["role"]) == (str(cell.cell_id), str(cast.mercy), "service")


def test_a_single_series_goes_alone_and_only_with_its_own_study(
    app: Flask, browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    series, other = series_id(scopes, cast.owner, study), make_study(scopes, cast.mercy)
    owner = browse(cast.owner)
    answer = owner.get(f"/studies/{study.id}/series/{series}/archive.zip")
    assert "/series/" in laid_ready(app, answer).url
    assert "series2" in answer.headers["Content-Disposition"]
    assert owner.get(f"/studies/{other.id}/series/{series}/archive.zip").status_code == 404
    assert owner.get(f"/api/studies/{study.id}/download?form=zip&series_id={series}").status_code == 200
    assert owner.get(f"/api/studies/{study.id}/download?form=media&series_id={series}").status_code == 400
    assert owner.get(f"/api/studies/{study.id}/download?form=tar").status_code == 400


def test_a_download_is_a_job_of_its_person_and_on_record_without_a_name(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    browse(cast.reader).get(f"/studies/{study.id}/archive.zip")
    with scopes.open(cast.reader.actor) as scope:
        (mine,) = queries.jobs(scope)
        assert (mine.job.kind, mine.job.state, mine.job.total, mine.job.done) == ("download", "done", 5, 5)
    with scopes.open(cast.mercy_admin.actor) as scope:
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "archive.study.downloaded")).one()
        assert row.actor_id == cast.reader.user_id
        assert json.loads(row.body)["facts"]["form"] == "zip"
        assert "CANARY" not in row.body
    for other in (cast.second_reader, cast.lead, cast.own_radiologist, cast.owner, cast.stranger):
        with scopes.open(other.actor) as scope:
            assert queries.jobs(scope) == [], other.actor.name
        assert "CANARY" not in browse(other).get("/archive/jobs").text


def test_a_technician_sees_the_jobs_of_the_whole_house_and_nobody_else_does(browse: Browse, cast: Cast, study: Made) -> None:
    browse(cast.own_radiologist).get(f"/studies/{study.id}/archive.zip")
    assert "Dr. Rosa House" in browse(cast.owner).get("/archive/jobs").text
    assert "Nothing yet" in browse(cast.mercy_manager).get("/archive/jobs").text


def test_who_may_look_may_not_always_carry(browse: Browse, cast: Cast, study: Made) -> None:
    for person in (cast.colleague, cast.mercy_admin, cast.nightowls_admin, cast.platform_admin):
        assert browse(person).get(f"/studies/{study.id}/archive.zip").status_code == 403
    for offered, person in ((True, cast.owner), (False, cast.colleague)):
        assert (f"/studies/{study.id}/download" in browse(person).get("/hospital").text) is offered


def test_explorers_links_lead_the_owners_people_to_the_page_of_a_verb(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        orthanc_id = studies.get(scope, study.id).orthanc_id
    answer = browse(cast.owner).get(f"/archive/by-orthanc-id/own/{orthanc_id}/delete")
    assert (answer.status_code, answer.location) == (302, f"/studies/{study.id}/delete")
    assert browse(cast.owner).get(f"/archive/by-orthanc-id/own/{orthanc_id}/burn").status_code == 404
    for person in (cast.reader, cast.stranger, cast.strange_technician, cast.luke_technician):
        refused = browse(person).get(f"/archive/by-orthanc-id/own/{orthanc_id}/download")
        assert refused.status_code == 404
        unknown = uuid4().hex
        assert alike(refused, orthanc_id) == alike(browse(person).get(f"/archive/by-orthanc-id/own/{unknown}/download"), unknown)


def test_a_strangers_download_is_that_of_an_unknown_study(browse: Browse, scopes: Scopes, cast: Cast, study: Made) -> None:
    series = series_id(scopes, cast.owner, study)
    for person in (cast.stranger, cast.strange_manager, cast.strange_technician, cast.luke_technician):
        for page in ("download", "archive.zip", "media.zip", f"series/{series}/archive.zip"):
            unknown = uuid4()
            answers = [browse(person).get(f"/studies/{each}/{page}") for each in (study.id, unknown)]
            assert alike(answers[0], study.id) == alike(answers[1], unknown)
            assert answers[0].status_code == 404
            assert "X-Accel-Redirect" not in answers[0].headers
