"""E-mail addresses: in no table in the clear, found all the same, and shown to whom they were shown before."""

import re
import subprocess
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from sidecar.accounts import addresses, codes, service
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, OrganisationKind, Role
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.instance.credentials import read
from sidecar.instance.tools import postgres_bin
from tests.browser import Browser, alike
from tests.cast import PASSWORD, Cast, Person, make_person
from tests.factories.studies import make_study
from tests.service.letter_box import LetterBox, letter_box
from tests.service.test_registration import form

Browse = Callable[[Person | None], Browser]


@pytest.fixture
def box(app: Flask) -> Iterator[LetterBox]:
    with letter_box(app) as found:
        yield found


def dumped(instance: Instance, wanted: set[str]) -> set[str]:
    """Return which of these stand in a dump of the whole database, as text or as the hexadecimal that bytes are dumped in."""
    tool = postgres_bin()
    assert tool is not None
    secret = {"PGPASSWORD": read(instance.layout, "postgres_superuser")}
    server = ["-h", "127.0.0.1", "-p", str(instance.layout.ports.postgres), "-U", postgres.SUPERUSER]
    dump = subprocess.run([tool / "pg_dump", *server, postgres.DATABASE], env=secret, check=True, capture_output=True).stdout
    assert b"CREATE TABLE public.users" in dump
    text = dump.lower()
    return {each for each in wanted if each.encode() in text or each.encode().hex().encode() in text}


def test_e02_no_address_of_anybody_stands_in_a_dump_of_the_database(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, services: Instance
) -> None:
    """After everything that takes an address: at the door, in the administration, by mail, on a share link."""
    with scopes.open(cast.mercy_admin.actor) as scope:
        code = codes.make(scope, cast.mercy)
    names = ("guest", "asked", "newcomer", "invited", "moved", "outside")
    new = {name: f"{name}.{uuid4().hex[:8]}@mercy.example" for name in names}
    for given in (cast.owner.email, cast.reader.email.upper(), new["guest"]):
        for password in (PASSWORD, "wrong wrong wrong"):
            assert browse(None).post("/login", data={"email": given, "password": password}).status_code in {302, 401}
            program = {"email": given, "password": password}
            assert browse(None).post("/api/auth/login", json=program).status_code in {200, 401}
        assert browse(None).post("/forgot", data={"email": given}).status_code == 200
    for given in (cast.owner.email, new["asked"], new["newcomer"]):
        assert browse(None).post("/register", data=form(code, email=given)).status_code == 200
    assert browse(None).post(box.link(new["newcomer"])).status_code == 200
    admin = browse(cast.mercy_admin)
    assert admin.post("/admin/users", data={"name": "Ina", "email": new["invited"], "role": "viewer"}).status_code == 302
    api = {"name": "Ian", "email": f"api.{new['invited']}", "role": "viewer"}
    assert admin.post("/api/users", json=api).status_code == 201
    box.deliver()
    assert browse(cast.lead).post("/account/email", data={"email": new["moved"], "address_current": PASSWORD}).status_code == 302
    study = make_study(scopes, cast.mercy)
    link = {"recipient": new["outside"], "what": "study", "days": "7", "most_views": "2"}
    assert new["outside"] in browse(cast.mercy_manager).post(f"/studies/{study.id}/access/links", data=link).text
    shown = admin.get("/admin/users").text
    assert all(each in shown for each in (cast.owner.email, new["newcomer"], new["invited"], new["asked"]))
    people = {getattr(cast, name).email for name in cast.__slots__ if isinstance(getattr(cast, name), Person)}
    assert len(people) > 15
    there = str(cast.owner.user_id)  # so a dump it was
    assert dumped(services, {there, *people, *new.values()}) == {there}


def test_an_address_is_found_however_it_is_written_and_by_its_lookup_only(scopes: Scopes, browse: Browse, cast: Cast) -> None:
    email = cast.reader.email
    for written in (email, email.upper(), f" {email.title()} "):
        assert browse(None).post("/login", data={"email": written, "password": PASSWORD}).location == "/login/code", written
        with scopes.open(NOBODY, login=scopes.lookup.of(written)) as scope:
            assert [user.id for user in scope.session.scalars(select(User))] == [cast.reader.user_id]
    for guess in (email, "", "address:", cast.reader.actor.name):
        with scopes.open(NOBODY, login=guess) as scope:
            assert scope.session.scalars(select(User)).all() == []


def test_one_address_is_one_account_in_a_house_and_another_in_the_next(
    scopes: Scopes, seal: Seal, cast: Cast, browse: Browse
) -> None:
    for admin in (cast.luke_admin, cast.strange_admin):
        with scopes.open(admin.actor) as scope:
            user, _token = service.invite_user(
                scope, seal, organisation_id=admin.organisation_id, email=cast.owner.email, name="The Same", role=Role.VIEWER
            )
            service.set_password(scope, seal, user, PASSWORD)
    with scopes.open(NOBODY, login=scopes.lookup.of(cast.owner.email)) as scope:
        assert scope.session.scalar(select(func.count()).select_from(User)) == 3
    same = {"name": "The Same", "email": cast.owner.email.title(), "role": "viewer"}
    assert browse(cast.luke_admin).post("/admin/users", data=same).status_code == 409


def test_a_list_of_people_shows_their_addresses_and_unwraps_one_key(
    scopes: Scopes, seal: Seal, cast: Cast, browse: Browse, app: Flask
) -> None:
    house, kind = cast.mercy, OrganisationKind.PROVIDER
    people = [make_person(scopes, seal, house, kind, Role.VIEWER, f"Person {number}") for number in range(9)]
    with scopes.open(cast.mercy_admin.actor) as scope:  # as if each had been invited: closed under the organisation's key
        for user in scope.session.scalars(select(User).where(User.organisation_id == cast.mercy)):
            addresses.keep(scope, seal, user, addresses.of(scope, seal, user))
    asked: list[str] = []
    event.listen(scopes.engine, "before_cursor_execute", note := lambda _c, _cur, said, *_rest: asked.append(said))
    try:
        page = browse(cast.mercy_admin).get("/admin/users").text
    finally:
        event.remove(scopes.engine, "before_cursor_execute", note)
    assert len([each for each in asked if "FROM data_keys" in each]) == 1
    assert all(person.email in page for person in people)
    names = re.findall(r'href="/admin/users/[0-9a-f-]{36}">([^<]+)<', page)
    assert names == sorted(names)
    assert len(names) > len(people)
    with scopes.open(cast.mercy_admin.actor) as scope:
        everybody = service.list_users(scope, cast.mercy)
        assert {each.id: addresses.of(scope, seal, each) for each in everybody} == addresses.by_id(scope, seal, everybody)


def test_who_may_not_see_an_address_sees_none(cast: Cast, browse: Browse) -> None:
    assert cast.owner.email in browse(cast.mercy_admin).get(f"/admin/users/{cast.owner.user_id}").text
    assert browse(cast.mercy_admin).get(f"/api/users/{cast.owner.user_id}").json["user"]["email"] == cast.owner.email
    assert cast.owner.email in browse(cast.owner).get("/account").text
    for other in (cast.colleague, cast.reader):
        assert browse(other).get(f"/admin/users/{cast.owner.user_id}").status_code == 403
    stranger = browse(cast.strange_admin)
    assert cast.owner.email not in stranger.get("/admin/users").text
    for path in ("/admin/users", "/api/users"):
        answers = {alike(stranger.get(f"{path}/{each}"), each) for each in (cast.owner.user_id, uuid4())}
        assert len(answers) == 1
        assert answers.pop().startswith("404")
