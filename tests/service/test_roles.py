"""Roles are changed by two people, or by the platform; nobody raises themselves."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts.member_tables import RoleChange
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser, alike
from tests.cast import PROVIDER, Cast, Person, make_person
from tests.service.letter_box import LetterBox, letter_box

Browse = Callable[[Person | None], Browser]
ROLES = ("admin", "manager", "radiologist", "technician", "viewer", "system", "platform")


@pytest.fixture
def box(app: Flask) -> Iterator[LetterBox]:
    with letter_box(app) as found:
        yield found


@pytest.fixture
def second_admin(cast: Cast, scopes: Scopes, seal: Seal) -> Person:
    return make_person(scopes, seal, cast.mercy, PROVIDER, Role.ADMIN, "Eva Second")


def role_of(scopes: Scopes, cast: Cast, person: Person) -> str:
    with scopes.open(cast.platform_admin.actor) as scope:
        return scope.session.scalars(select(User.role).where(User.id == person.user_id)).one()


def ask(browse: Browse, by: Person, person: Person, role: str, **besides: str) -> int:
    return browse(by).post(f"/admin/users/{person.user_id}/role", data={"role": role, **besides}).status_code


def decide(browse: Browse, scopes: Scopes, cast: Cast, by: Person, decision: str = "accept") -> int:
    with scopes.open(cast.platform_admin.actor) as scope:
        undecided = select(RoleChange.id).where(RoleChange.decided_at.is_(None), RoleChange.organisation_id == cast.mercy)
        change = scope.session.scalars(undecided).one()
    return browse(by).post(f"/admin/users/role-changes/{change}", data={"decision": decision}).status_code


def test_b12_one_asks_and_a_second_one_decides(
    browse: Browse, box: LetterBox, scopes: Scopes, cast: Cast, second_admin: Person
) -> None:
    assert ask(browse, cast.mercy_admin, cast.owner, "manager") == 302
    assert role_of(scopes, cast, cast.owner) == "technician", "nothing changes yet"
    assert "A second person decides" in browse(cast.mercy_admin).get("/admin/users").text
    assert decide(browse, scopes, cast, cast.mercy_admin) == 403, "not whoever asked"
    session = browse(cast.owner)
    assert session.get("/admin/ae-titles").status_code == 200
    assert decide(browse, scopes, cast, second_admin) == 302
    assert role_of(scopes, cast, cast.owner) == "manager"
    assert session.get("/admin/ae-titles").status_code in {302, 401}, "and every door of theirs is shut"
    assert box.to(cast.owner.email)[-1]["Subject"] == "Your role was changed"
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.execute(
            select(JournalRow.kind, JournalRow.actor_id).where(JournalRow.kind.like("accounts.role.%")).order_by(JournalRow.at)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("accounts.role.change-asked", cast.mercy_admin.user_id),
        ("accounts.role.changed", second_admin.user_id),
    ]


def test_b12_a_manager_may_be_the_second_person_and_may_refuse(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    assert ask(browse, cast.mercy_admin, cast.owner, "viewer") == 302
    assert decide(browse, scopes, cast, cast.mercy_manager, "refuse") == 302
    assert role_of(scopes, cast, cast.owner) == "technician"
    assert ask(browse, cast.mercy_admin, cast.owner, "viewer") == 302
    assert decide(browse, scopes, cast, cast.mercy_manager) == 302
    assert role_of(scopes, cast, cast.owner) == "viewer"


def test_b12_the_platform_needs_nobody(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    assert ask(browse, cast.platform_admin, cast.owner, "admin") == 302
    assert role_of(scopes, cast, cast.owner) == "admin"


def test_b12_whoever_is_raised_has_no_say(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    assert ask(browse, cast.mercy_admin, cast.mercy_manager, "admin") == 302
    assert decide(browse, scopes, cast, cast.mercy_manager) == 403
    assert role_of(scopes, cast, cast.mercy_manager) == "manager"


def test_b12_seven_roles_ask_for_seven_roles_and_nobody_rises(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    """Everybody, on themselves and on a colleague, for every role and two that are not given, with more in the form than belongs.

    Alone nobody but the platform changes anything; of those who may ask, the request waits.
    """
    asking = {
        "admin": cast.mercy_admin,
        "manager": cast.mercy_manager,
        "radiologist": cast.own_radiologist,
        "technician": cast.owner,
        "viewer": cast.colleague,
        "stranger's admin": cast.luke_admin,
        "reading group's admin": cast.nightowls_admin,
    }
    besides = {"organisation": str(cast.luke), "organisation_id": str(cast.platform), "kind": "platform", "user_id": "x",
               "accepted": "true", "decided_by": "x", "is_admin": "1"}  # fmt: skip
    people = [each for each in asking.values() if each.organisation_id == cast.mercy]
    before = {each.user_id: role_of(scopes, cast, each) for each in people}
    for who, person in asking.items():
        for role in ROLES:
            own = ask(browse, person, person, role, **besides)
            other = ask(browse, person, cast.colleague if person is not cast.colleague else cast.owner, role, **besides)
            if role in {"system", "platform"} and "admin" in who:
                assert own in {400, 403}, (who, role)
                assert other in {400, 404}, (who, role)
            elif who == "admin":
                assert own == 403, role
                assert other in {302, 409}, role
            elif "admin" in who:
                assert (own, other) == (403, 404), (who, role)
            else:
                assert (own, other) == (403, 403), (who, role)
    assert {each.user_id: role_of(scopes, cast, each) for each in people} == before
    with scopes.open(cast.mercy_admin.actor) as scope:
        changes = scope.session.execute(select(RoleChange.user_id, RoleChange.accepted)).all()
    assert [tuple(each) for each in changes] == [(cast.colleague.user_id, None)], "one request waits, and no more"


def test_b12_the_last_word_counts_once(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    from concurrent.futures import ThreadPoolExecutor

    assert ask(browse, cast.mercy_admin, cast.owner, "viewer") == 302
    with scopes.open(cast.mercy_admin.actor) as scope:
        change = scope.session.scalars(select(RoleChange.id)).one()
    path = f"/admin/users/role-changes/{change}"
    answers = ("accept", "refuse") * 4
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda word: browse(cast.mercy_manager).post(path, data={"decision": word}).status_code, answers))
    assert sorted(said) == [302, *[409] * 7]


def test_an_own_request_can_be_taken_back(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    ask(browse, cast.mercy_admin, cast.owner, "viewer")
    assert decide(browse, scopes, cast, cast.mercy_admin, "refuse") == 302
    assert role_of(scopes, cast, cast.owner) == "technician"


def test_strangers_neither_see_nor_decide(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    ask(browse, cast.mercy_admin, cast.owner, "viewer")
    with scopes.open(cast.mercy_admin.actor) as scope:
        change = scope.session.scalars(select(RoleChange.id)).one()
    unknown = uuid4()
    for who in (cast.luke_admin, cast.lead, cast.strange_admin):
        visitor = browse(who)
        answers = {
            alike(visitor.post(f"/admin/users/role-changes/{each}", data={"decision": "accept"}), each)
            for each in (change, unknown)
        }
        assert len(answers) == 1
    for who in (cast.luke_admin, cast.nightowls_admin):
        pages = {alike(browse(who).get(f"/admin/users/{each}"), each) for each in (cast.owner.user_id, unknown)}
        assert len(pages) == 1
