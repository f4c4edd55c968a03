"""Whole studies and series by DICOMweb are downloads: decided, proved and put on record as those from the page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts import visits
from sidecar.adapters import carriages
from sidecar.archive.tables import Job
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.gate.stepup import FRESH
from sidecar.kernel.journal import JournalRow
from sidecar.organisations.model import Priors
from sidecar.studies import contexts
from sidecar.studies.tables import Instance
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_dicomweb import View, Viewer, words
from tests.service.test_dicomweb import view as view  # noqa: PLC0414 - a fixture
from tests.service.test_reading_end import agree, routed

Browse = Callable[[Person | None], Browser]
TAKEN = "archive.study.downloaded"


def asked(viewer: Viewer, study: Made, named: str = "", root: str = "") -> str:
    return f"/edge/objects?root={root or viewer.context}&study={study.uid}{named}"


def taken(scopes: Scopes, study: Made) -> list[tuple[object, str]]:
    """Who took a study along, by the journal, and what their list of downloads says of it."""
    with scopes.open(system_actor(study.owner)) as scope:
        rows = scope.session.scalars(select(JournalRow).where(JournalRow.study_id == study.id, JournalRow.kind == TAKEN)).all()
        jobs = scope.session.scalars(select(Job).where(Job.study_id == study.id)).all()
    assert len(rows) == len(jobs)
    return sorted((job.user_id, job.target) for job in jobs)


def test_what_is_lent_for_comparison_is_not_taken_along(cast: Cast, scopes: Scopes, view: View) -> None:
    """A reading group downloads what it reads; an older study is lent for looking beside it, by whatever door."""
    agree(scopes, cast, Priors.ALL)
    older = make_study(scopes, cast.mercy, study_date="20200101", patient_name="CANARY^OLDER")
    viewer = view(cast.reader, routed(scopes, cast))
    with scopes.open(viewer.actor) as scope:
        assert older.id in {each.id for each in contexts.look_in(scope, viewer.context).studies}
    for series in ("", f"&series={older.series[0]}"):
        refused = viewer.browser.get(asked(viewer, older, series))
        unknown = viewer.browser.get(f"/edge/objects?root={viewer.context}&study=1.2.3{series}")
        assert (refused.status_code, "X-Carried" in refused.headers) == (403, False)
        assert words(refused) == words(unknown)
    path = f"/dicom-web/{viewer.context}/studies"
    answers = [viewer.browser.get(f"{path}/{uid}") for uid in (older.uid, "1.2.3")]
    assert alike(answers[0], older.uid) == alike(answers[1], "1.2.3")
    with scopes.open(system_actor(cast.mercy)) as scope:
        one = scope.one(select(Instance.sop_instance_uid).where(Instance.study_id == older.id).limit(1))
    assert viewer.browser.get(asked(viewer, older, f"&series={older.series[0]}&instance={one}")).status_code == 204
    assert taken(scopes, older) == []


def test_it_is_on_record_as_taken_along(cast: Cast, scopes: Scopes, view: View, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    reader, owner = view(cast.reader, study), view(cast.owner, study)
    assert reader.browser.get(asked(reader, study)).status_code == 204
    assert owner.browser.get(asked(owner, study, f"&series={study.series[0]}", root="own")).status_code == 204
    told = sorted([(cast.reader.user_id, "dicomweb"), (cast.owner.user_id, "dicomweb")])
    assert taken(scopes, study) == told
    assert "DICOMweb" in browse(cast.owner).get("/archive/jobs").text
    for person in (cast.stranger, cast.luke_technician, cast.strange_technician):
        stranger = browse(person)
        for root in ("own", str(reader.context), str(uuid4())):
            assert stranger.get(asked(reader, study, root=root)).status_code == 403
    assert taken(scopes, study) == told


@pytest.mark.parametrize("series", ["", "/series/{}"])
def test_it_asks_for_the_second_factor_anew(app: Flask, cast: Cast, scopes: Scopes, view: View, series: str) -> None:
    """As the page's download does: whoever finds a session does not empty the archive with it."""
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    named = f"&series={study.series[0]}" if series else ""
    for person in (cast.own_radiologist, cast.reader):
        viewer = view(person, study)
        visit = viewer.actor.session
        visits.note_fresh(app.extensions["readingroom.redis"], visit, now=datetime.now(UTC) - FRESH - timedelta(seconds=1))
        refused = viewer.browser.get(asked(viewer, study, named))
        assert (refused.status_code, "X-Carried" in refused.headers) == (401, False)
        path = f"/dicom-web/{viewer.context}/studies/{study.uid}{series.format(study.series[0])}"
        assert (viewer.browser.get(path).json or {})["code"] == "step-up"
        visits.note_fresh(app.extensions["readingroom.redis"], visit, now=datetime.now(UTC))
        assert viewer.browser.get(asked(viewer, study, named)).status_code == 204
        assert viewer.browser.get(path).status_code == 404  # nginx brings it from the carrier, nobody else does
    stranger = view(cast.stranger, make_study(scopes, cast.third, reading=cast.strangers)).browser
    answers = [stranger.get(path.replace(study.uid, each)) for each in (study.uid, "1.2.3")]
    assert words(answers[0], study.uid) == words(answers[1], "1.2.3")
    assert answers[0].status_code == 404


def test_the_carrier_is_told_whose_images_it_carries(app: Flask, cast: Cast, scopes: Scopes, view: View) -> None:
    study = make_study(scopes, cast.mercy)
    twin = make_study(scopes, cast.mercy, uid=study.uid, patient_id="P2")
    viewer = view(cast.owner, study)
    answer = viewer.browser.get(asked(viewer, study, root="own"))
    laid = carriages.take(app.extensions["readingroom.redis"], answer.headers["X-Carried"].removeprefix("/"))
    assert laid is not None
    assert set(laid.bearer.studies) == {study.id, twin.id}
    assert (
        view(cast.luke_technician, make_study(scopes, cast.luke)).browser.get(asked(viewer, study, root="own")).status_code == 403
    )
