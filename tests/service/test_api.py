"""What every route of the JSON API keeps: a create happens once, an update changes what was seen, pages do not move."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from sidecar.accounts.stepup import FRESH
from sidecar.api.jobs import KEPT, forget_of
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.gate.tables import IdempotentRequest
from sidecar.notifications.service import notify
from sidecar.notifications.tables import Notification
from sidecar.orders.tables import Order
from sidecar.studies.tables import Study
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import make_study

Browse = Callable[[Person | None], Browser]
ORDER = {
    "patient_id": "MRN7", "patient_name": "DOE^JANE", "modality": "CT", "scheduled_station_ae_title": "CT1",
    "scheduled_procedure_step_start_date": "2026-11-22", "scheduled_procedure_step_start_time": "14:30",
    "requested_procedure_description": "CT head",
}  # fmt: skip
AT_ONCE = 8


def keyed(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Idempotency-Key": key}}


def tagged(tag: str) -> dict[str, dict[str, str]]:
    return {"headers": {"If-Match": tag}}


def number_of_orders(scopes: Scopes, cast: Cast) -> int:
    with scopes.open(cast.owner.actor) as scope:
        return scope.session.scalar(select(func.count()).select_from(Order)) or 0


def at_once(ask: Callable[[int], TestResponse]) -> list[TestResponse]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, range(AT_ONCE)))


def test_a_create_asked_twice_happens_once_and_answers_alike(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    owner, key = browse(cast.owner), str(uuid4())
    first, again = (owner.post("/api/orders", json=ORDER, **keyed(key)) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert number_of_orders(scopes, cast) == 1
    other = owner.post("/api/orders", json={**ORDER, "patient_id": "MRN8"}, **keyed(key))
    assert (other.status_code, other.json["code"]) == (422, "idempotency-key-reused")
    assert number_of_orders(scopes, cast) == 1


def test_a_create_without_a_key_is_refused(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    for key in ("", " ", "x" * 256, "schlüssel"):
        refused = browse(cast.owner).post("/api/orders", json=ORDER, **keyed(key))
        assert (refused.status_code, refused.json["code"]) == (400, "invalid"), key
    assert number_of_orders(scopes, cast) == 0


def test_a_key_is_a_persons_own(browse: Browse, cast: Cast) -> None:
    key = str(uuid4())
    made = {
        browse(person).post("/api/orders", json=ORDER, **keyed(key)).json["order"]["id"]
        for person in (cast.owner, cast.mercy_manager, cast.luke_technician)
    }
    assert len(made) == 3


def test_an_answer_is_not_given_again_about_what_is_out_of_sight(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """The answer holds a draft; the study was deleted, or its reading is over, before it is asked for once more."""
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    reader, key, asked = browse(cast.reader), str(uuid4()), {"study_id": str(study.id)}
    made = reader.post("/api/reports", json=asked)
    draft = {"sections": {"findings": "Of a patient who is none of theirs any more."}, "revision": 0}
    assert reader.put(f"/api/reports/{made.json['id']}/draft", json=draft).status_code == 200
    first, again = (reader.post("/api/reports", json=asked, **keyed(key)) for _ in range(2))
    assert (first.status_code, first.data) == (200, again.data)
    assert "none of theirs" in first.text
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Study).where(Study.id == study.id)).reading_ends_at = scope.now - timedelta(seconds=1)
    unknown = str(uuid4())
    gone, never = (reader.post("/api/reports", json={"study_id": each}, **keyed(key)) for each in (asked["study_id"], unknown))
    assert gone.status_code == 404
    assert alike(gone, study.id) == alike(never, unknown)


def test_a_secret_told_once_is_not_told_again_without_a_fresh_second_factor(
    browse: Browse, cast: Cast, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session found open, and a key of a create out of some log: the answer holds backup codes, a secret, a key, a link."""
    admin, clock = browse(cast.mercy_admin), scopes.clock
    key = {"name": "robot", "scopes": ["studies:study:list"]}
    guest = {"name": "Ina", "email": f"ina.{cast.mercy.hex[:8]}@mercy.example", "role": "viewer"}
    creates = {"2fa/backup-codes": None, "2fa/totp": None, "keys": key, "../users": guest}
    names = {path: str(uuid4()) for path in creates}

    def ask() -> list[TestResponse]:
        return [
            admin.post(f"/api/auth/{path}".replace("/auth/..", ""), json=body, **keyed(names[path]))
            for path, body in creates.items()
        ]

    first, again = ask(), ask()
    assert [each.status_code for each in (*first, *again)] == [201] * 8
    assert [each.data for each in first] == [each.data for each in again]
    monkeypatch.setattr(scopes, "clock", lambda: clock() + FRESH + timedelta(seconds=1))
    assert [(each.status_code, each.json["code"]) for each in ask()] == [(401, "step-up")] * 4


def test_a_refused_create_may_be_asked_again_with_its_key(browse: Browse, cast: Cast) -> None:
    owner, key = browse(cast.owner), str(uuid4())
    assert owner.post("/api/orders", json={**ORDER, "modality": "XX"}, **keyed(key)).status_code == 400
    assert owner.post("/api/orders", json=ORDER, **keyed(key)).status_code == 201


def test_the_same_create_at_once_has_one_effect(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    browsers, key = [browse(cast.owner) for _ in range(AT_ONCE)], str(uuid4())
    answers = at_once(lambda each: browsers[each].post("/api/orders", json=ORDER, **keyed(key)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert number_of_orders(scopes, cast) == 1


def test_a_key_runs_out(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    owner, key = browse(cast.owner), str(uuid4())
    first = owner.post("/api/orders", json=ORDER, **keyed(key)).json["order"]["id"]
    with scopes.open(cast.owner.actor) as scope:
        scope.session.execute(update(IdempotentRequest).values(expires_at=scope.now - timedelta(seconds=1)))
    second = owner.post("/api/orders", json={**ORDER, "patient_id": "MRN8"}, **keyed(key))
    assert second.status_code == 201
    assert second.json["order"]["id"] != first


def test_what_is_remembered_of_a_create_cannot_be_read(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    key = f"key-{uuid4()}"
    browse(cast.owner).post("/api/orders", json=ORDER, **keyed(key))
    with scopes.open(cast.owner.actor) as scope:
        (row,) = scope.session.scalars(select(IdempotentRequest)).all()
    kept = row.key_hash + row.request_hash + (row.answer or b"")
    assert not any(text in kept for text in (key.encode(), b"DOE", b"MRN7"))
    for other in (cast.mercy_manager, cast.luke_technician, cast.stranger):
        with scopes.open(other.actor) as scope:
            assert scope.session.scalars(select(IdempotentRequest)).all() == []


def test_what_ran_out_is_forgotten_and_no_more(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    for organisation, person in ((cast.mercy, cast.owner), (cast.luke, cast.luke_technician)):
        for key in ("old", "new"):
            browse(person).post("/api/orders", json=ORDER, **keyed(f"{key}-{uuid4()}"))
        with scopes.open(system_actor(organisation)) as scope:
            notify(scope, organisation_id=organisation, user_id=person.user_id, kind="test", text="Old")
            first = select(IdempotentRequest.key_hash).limit(1).scalar_subquery()
            late = scope.now - timedelta(seconds=1)
            scope.session.execute(update(IdempotentRequest).where(IdempotentRequest.key_hash == first).values(expires_at=late))
            scope.session.execute(update(Notification).values(created_at=scope.now - KEPT - timedelta(days=1)))
            notify(scope, organisation_id=organisation, user_id=person.user_id, kind="test", text="New")
    with scopes.open(system_actor(cast.mercy)) as scope:
        forget_of(scope)
    for organisation, left in ((cast.mercy, 1), (cast.luke, 2)):
        with scopes.open(system_actor(organisation)) as scope:
            assert scope.session.scalar(select(func.count()).select_from(IdempotentRequest)) == left
            assert scope.session.scalar(select(func.count()).select_from(Notification)) == left


@pytest.fixture
def order(browse: Browse, cast: Cast) -> str:
    return f"/api/orders/{browse(cast.owner).post('/api/orders', json=ORDER).json['order']['id']}"


def test_an_update_changes_only_what_was_seen(browse: Browse, cast: Cast, order: str) -> None:
    owner = browse(cast.owner)
    tag = owner.get(order).headers["ETag"]
    missing = owner.put(order, json=ORDER, headers={"If-Match": ""})
    assert (missing.status_code, missing.json["code"]) == (428, "if-match-missing")
    changed = owner.put(order, json={**ORDER, "patient_name": "ROE^RICK"}, **tagged(tag))
    assert (changed.status_code, changed.json["order"]["patient_name"]) == (200, "ROE^RICK")
    stale = owner.put(order, json={**ORDER, "patient_name": "POE^PAT"}, **tagged(tag))
    assert (stale.status_code, stale.json["code"]) == (412, "changed")
    assert owner.get(order).headers["ETag"] == changed.headers["ETag"]
    assert owner.put(order, json=ORDER, **tagged(f"W/{tag}")).status_code == 412
    compressed = owner.put(order, json={**ORDER, "patient_name": "ROE^RICK"}, **tagged(f"W/{changed.headers['ETag']}"))
    assert compressed.status_code == 200, "as the edge hands on the tag of an answer that it compressed"
    assert owner.put(order, json=ORDER, **tagged(f'"other", {changed.headers["ETag"]}')).status_code == 200
    assert owner.put(order, json=ORDER, **tagged("*")).status_code == 200


def test_of_updates_at_once_one_counts(browse: Browse, cast: Cast, order: str) -> None:
    browsers = [browse(cast.owner) for _ in range(AT_ONCE)]
    tag = browsers[0].get(order).headers["ETag"]
    answers = at_once(lambda each: browsers[each].put(order, json={**ORDER, "patient_id": f"OTHER{each}"}, **tagged(tag)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (AT_ONCE - 1)
    won = next(answer for answer in answers if answer.status_code == 200)
    assert browsers[0].get(order).json == won.json


def test_what_is_as_it_was_is_not_sent_again(browse: Browse, cast: Cast, order: str) -> None:
    owner = browse(cast.owner)
    tag = owner.get(order).headers["ETag"]
    again = owner.get(order, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert owner.get(order, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_stranger_hears_no_more_of_an_update_than_of_nothing(browse: Browse, cast: Cast, order: str) -> None:
    tag = browse(cast.owner).get(order).headers["ETag"]
    for person in (cast.luke_technician, cast.strange_technician):
        for header in (tagged(tag), tagged('"other"'), tagged(""), tagged("*")):
            unknown = str(uuid4())
            one, other = (browse(person).put(address, json=ORDER, **header) for address in (order, f"/api/orders/{unknown}"))
            assert one.status_code == 404
            assert alike(one, order) == alike(other, unknown)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'"x"', b"\xff", b"null", b'{"user_id": 3}', b'{"user_id": null, "status": "final"}', b"[" * 100_000],
)
def test_what_is_no_such_body_is_refused_in_words(browse: Browse, cast: Cast, scopes: Scopes, body: bytes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    answer = browse(cast.lead).put(f"/api/studies/{study.id}/assign", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["status"], answer.json["code"]) == (400, "error", "invalid")


def test_a_refusal_says_what_would_open_the_door(app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9110, 15.5.2 and 15.5.6; a second factor proved too long ago as RFC 9470 says it."""
    nobody = app.test_client().get("/api/studies")
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert app.test_client().get("/dicom-web/own/studies").headers["WWW-Authenticate"] == "Bearer"
    assert "WWW-Authenticate" not in app.test_client().get("/worklist/events").headers, "a page's own"
    wrong = app.test_client().delete("/api/studies")
    assert (wrong.status_code, wrong.json and wrong.json["code"]) == (405, "invalid")
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS"
    admin, house = browse(cast.mercy_admin), app.extensions["readingroom.scopes"]
    real = house.clock
    monkeypatch.setattr(house, "clock", lambda: real() + FRESH + timedelta(seconds=1))
    late = admin.post("/api/auth/2fa/backup-codes")
    assert late.status_code == 401
    assert late.headers["WWW-Authenticate"] == 'Bearer error="insufficient_user_authentication", max_age="300"'
