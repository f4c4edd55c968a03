"""API keys: less than their owner may, for a time, shown once; and the pages where they are made and taken back."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts import keys, tokens
from sidecar.accounts.stepup import StepUp
from sidecar.accounts.tables import User
from sidecar.accounts.token_tables import ApiKey
from sidecar.archive import service as archive
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Invalid, Missing
from sidecar.organisations import service as organisations
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import make_study
from tests.service.test_tokens import Program, sign_in

Browse = Callable[[Person | None], Browser]
LIST, UPLOAD = "studies:study:list", "studies:study:store"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def make(scopes: Scopes, person: Person, *names: str, days: int = 30) -> tuple[ApiKey, str]:
    with scopes.open(replace(person.actor, fresh_at=datetime.now(UTC))) as scope:
        return keys.make_key(scope, name="night transfer", scopes=list(names or [LIST]), days=days)


def test_a_key_opens_what_it_names_and_nothing_else(app: Flask, scopes: Scopes, cast: Cast) -> None:
    key, text = make(scopes, cast.owner, LIST)
    machine = Program(app, access=text)
    told = machine.ask("GET", "/api/auth/me").json
    assert told is not None
    assert (told["permissions"], told["proved_at"]) == ([LIST], None)
    assert machine.ask("GET", "/api/studies").status_code == 200
    for method, path in (("GET", "/orders"), ("POST", "/dicom-web/own/studies"), ("GET", "/account"), ("GET", "/api/auth/keys")):
        assert machine.ask(method, path).status_code == 403, path
    more = {"json": {"name": "more", "scopes": [LIST]}, "headers": {"Idempotency-Key": "k" * 20}}
    assert machine.ask("POST", "/api/auth/keys", **more).status_code == 403
    with scopes.open(cast.owner.actor) as scope:
        row = scope.one(select(ApiKey).where(ApiKey.id == key.id))
        assert text not in (row.hash, row.hint)
        assert (row.used_at is not None, row.address) == (True, "127.0.0.1")


def test_a_key_ends_with_its_time_its_owner_or_a_word(app: Flask, scopes: Scopes, cast: Cast, browse: Browse) -> None:
    texts = [make(scopes, cast.owner)[1] for _ in range(2)]
    (first, second), owner = [Program(app, access=text) for text in texts], browse(cast.owner)
    found = {key["id"]: key for key in owner.get("/api/auth/keys").json["keys"]}
    mine = next(name for name, key in found.items() if texts[0].endswith(key["hint"]))
    assert owner.delete(f"/api/auth/keys/{mine}").status_code == 200
    assert (first.me(), second.me()) == (401, 200)
    with scopes.open(cast.owner.actor) as scope:
        scope.one(select(ApiKey).where(ApiKey.revoked_at.is_(None))).expires_at = scope.now - timedelta(seconds=1)
    assert second.me() == 401
    third = Program(app, access=make(scopes, cast.owner)[1])
    assert third.me() == 200
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.one(select(User).where(User.id == cast.owner.user_id)).disabled_at = scope.now
    assert third.me() == 401


def test_a_key_of_somebody_demoted_opens_no_more_than_they_may_now(app: Flask, scopes: Scopes, cast: Cast) -> None:
    machine = Program(app, access=make(scopes, cast.owner, LIST, UPLOAD)[1])
    assert machine.ask("GET", "/api/auth/me").json["permissions"] == [LIST, UPLOAD]  # type: ignore[index]
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.one(select(User).where(User.id == cast.owner.user_id)).role = Role.VIEWER.value
    assert machine.ask("GET", "/api/auth/me").json["permissions"] == [LIST]  # type: ignore[index]


def test_a_key_that_follows_transfers_neither_stops_nor_repeats_one(app: Flask, scopes: Scopes, cast: Cast) -> None:
    """What a key may look at, its owner's role may do more with: sending is asked for where something is sent, or is not."""
    study = make_study(scopes, cast.mercy)
    with scopes.open(cast.owner.actor) as scope:
        node = organisations.add_entity(scope, aet="PACS", host="10.9.8.7", port=104, services=())
        job = archive.send(scope, [study.id], node_id=node.id)[0]
    follows = Program(app, access=make(scopes, cast.owner, "archive:job:read")[1])
    sends = Program(app, access=make(scopes, cast.owner, "archive:job:read", "archive:study:send")[1])
    assert follows.ask("GET", f"/api/jobs/{job.id}").json["job"]["state"] == "waiting"  # type: ignore[index]
    for machine, status in ((follows, 403), (sends, 200)):
        for verb in ("cancel", "repeat"):
            keyed = {"headers": {"Idempotency-Key": f"{verb}-{status}"}}
            assert machine.ask("POST", f"/api/jobs/{job.id}/{verb}", **keyed).status_code == status, verb
            page = machine.ask("POST", f"/archive/jobs/{job.id}/{verb}").status_code
            assert page == 403 if status == 403 else page in {302, 409}, verb


def test_nobody_gives_a_key_what_they_have_not_nor_without_a_fresh_second_factor(scopes: Scopes, cast: Cast) -> None:
    with pytest.raises(Invalid):
        make(scopes, cast.owner, "accounts:user:manage")
    with pytest.raises(Invalid):
        make(scopes, cast.owner, days=366)
    with pytest.raises(StepUp), scopes.open(cast.owner.actor) as scope:
        keys.make_key(scope, name="x", scopes=[LIST], days=1)


def test_strangers_and_colleagues_find_no_key_of_mine(scopes: Scopes, cast: Cast, browse: Browse) -> None:
    key, _text = make(scopes, cast.owner)
    for person in (cast.colleague, cast.reader, cast.stranger):
        foreign = browse(person).post(f"/account/keys/{key.id}/revoke")
        assert foreign.status_code == 404
        assert alike(foreign, key.id) == alike(browse(person).post(f"/account/keys/{UNKNOWN}/revoke"), UNKNOWN)
        with pytest.raises(Missing), scopes.open(person.actor) as scope:
            keys.revoke_own(scope, key.id)
    foreign = browse(cast.strange_admin).post(f"/admin/security/keys/{key.id}/revoke")
    assert foreign.status_code == 404
    assert alike(foreign, key.id) == alike(browse(cast.strange_admin).post(f"/admin/security/keys/{UNKNOWN}/revoke"), UNKNOWN)
    assert browse(cast.mercy_admin).post(f"/admin/security/keys/{key.id}/revoke").status_code == 302


def test_a_person_makes_a_key_on_the_page_and_sees_it_once(app: Flask, browse: Browse, cast: Cast) -> None:
    owner = browse(cast.owner)
    assert "No keys" in owner.get("/account/keys").text
    form = {"name": "MR console <b>", "days": "90", "scopes": [LIST, UPLOAD]}
    made = owner.post("/account/keys", data=form)
    found = re.search(r"rrk_[A-Za-z0-9_-]{64}", made.text)
    assert found is not None
    assert Program(app, access=found[0]).me() == 200
    page = owner.get("/account/keys").text
    assert "MR console &lt;b&gt;" in page
    assert found[0] not in page
    assert owner.post("/account/keys", data={**form, "scopes": []}).status_code == 400
    assert owner.post("/account/keys", data={**form, "scopes": ["audit:journal:read"]}).status_code == 400
    assert "upload images" in browse(cast.mercy_admin).get("/admin/security").text
    assert "MR console" not in browse(cast.strange_admin).get("/admin/security").text


def test_an_administrator_sets_limits_and_own_networks(browse: Browse, cast: Cast) -> None:
    admin = browse(cast.mercy_admin)
    form = {
        "networks": "203.0.113.0/28\n2001:db8:1::/48",
        "network_authentication": "40",
        "network_anonymous": "500",
        "signed_in": "",
        "uploads": "30",
    }
    assert admin.post("/admin/security/limits", data=form).status_code == 302
    page = admin.get("/admin/security").text
    assert "2001:db8:1::/48\n203.0.113.0/28" in page
    assert 'value="30"' in page
    refused = admin.post("/admin/security/limits", data={**form, "networks": "10.0.0.0/8"})
    assert refused.status_code == 400
    assert "too wide" in refused.text
    assert admin.post("/admin/security/limits", data={**form, "uploads": "601"}).status_code == 400
    assert browse(cast.owner).get("/admin/security").status_code == 403
    assert "2001:db8:1" not in browse(cast.strange_admin).get("/admin/security").text


def test_a_program_confirms_and_then_may_do_what_asks_for_a_second_factor(app: Flask, scopes: Scopes, cast: Cast) -> None:
    program = sign_in(app, scopes, cast.reader)
    later = {"Idempotency-Key": "codes-of-tonight-1"}
    assert program.ask("POST", "/api/auth/2fa/backup-codes", headers=later).status_code == 201
    with scopes.open(cast.reader.actor) as scope:
        [family] = tokens.open_families(scope, scope.user_id)
        family.proved_at = scope.now - timedelta(minutes=6)
    later = {"Idempotency-Key": "codes-of-tonight-2"}
    refused = program.ask("POST", "/api/auth/2fa/backup-codes", headers=later)
    assert (refused.status_code, refused.json and refused.json["code"]) == (401, "step-up")
    assert program.ask("POST", "/api/auth/2fa/confirm", json={"code": "000000"}).status_code == 401
    assert program.ask("POST", "/api/auth/2fa/confirm", json={"code": cast.reader.code()}).status_code == 200
    answer = program.ask("POST", "/api/auth/2fa/backup-codes", headers={"Idempotency-Key": "codes-of-tonight-3"})
    assert answer.json is not None
    assert len(answer.json["codes"]) == 10
    told = program.ask("GET", "/api/auth/2fa").json
    assert told is not None
    assert (told["authenticator"], told["backup_codes_left"]) == (True, 10)
