"""Roles are changed by two people, or by the platform; nobody raises themselves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from sidecar.accounts import roles, seconds
from sidecar.accounts.member_tables import RoleChange
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.notifications.tables import Notification
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


def let_in(scopes: Scopes, cast: Cast, person: Person, *, days: int = 1, **how: Person) -> None:
    """Note who let a person in, so many days ago: ``invited_by`` or ``approved_by``."""
    values = {name: by.user_id for name, by in how.items()}
    with scopes.open(cast.platform_admin.actor) as scope:
        same = update(User).where(User.id == person.user_id)
        scope.session.execute(same.values(**values, created_at=scope.now - timedelta(days=days)))


@pytest.mark.parametrize(
    ("how", "days", "decides"),
    [
        ("invited_by", 0, False), ("invited_by", 91, False), ("invited_by", 93, True),
        ("approved_by", 0, False), ("approved_by", 400, False),
    ],
)  # fmt: skip
def test_b12_whom_the_asker_let_in_is_no_second_person(
    browse: Browse, scopes: Scopes, cast: Cast, how: str, days: int, decides: bool
) -> None:
    let_in(scopes, cast, cast.mercy_manager, days=days, **{how: cast.mercy_admin})
    assert ask(browse, cast.mercy_admin, cast.owner, "viewer") == 302
    shown = browse(cast.mercy_manager).get("/admin/users").text
    assert ("You came in through whoever asks for this" in shown) is not decides
    assert (">Accept<" in shown.replace("<span>", "").replace("</span>", "")) is decides
    assert decide(browse, scopes, cast, cast.mercy_manager) == (302 if decides else 403)
    assert role_of(scopes, cast, cast.owner) == ("viewer" if decides else "technician")


def test_b12_nor_is_whoever_let_the_asker_in_nor_a_chain_of_them(
    browse: Browse, scopes: Scopes, cast: Cast, second_admin: Person, seal: Seal
) -> None:
    let_in(scopes, cast, second_admin, invited_by=cast.mercy_admin)
    let_in(scopes, cast, cast.mercy_manager, invited_by=second_admin)
    assert ask(browse, cast.mercy_admin, cast.owner, "viewer") == 302
    for puppet in (second_admin, cast.mercy_manager):
        assert decide(browse, scopes, cast, puppet) == 403
    assert decide(browse, scopes, cast, second_admin, "refuse") == 302, "saying no harms nobody"
    assert ask(browse, second_admin, cast.owner, "viewer") == 302
    assert "Whoever asks for this came in through you" in browse(cast.mercy_admin).get("/admin/users").text
    assert decide(browse, scopes, cast, cast.mercy_admin) == 403, "who made the asker decides for both"
    honest = make_person(scopes, seal, cast.mercy, PROVIDER, Role.MANAGER, "Hal Honest")
    assert decide(browse, scopes, cast, honest) == 302
    assert role_of(scopes, cast, cast.owner) == "viewer"


def test_b12_where_all_came_in_through_the_asker_the_platform_is_the_second_person(
    browse: Browse, scopes: Scopes, cast: Cast
) -> None:
    let_in(scopes, cast, cast.mercy_manager, invited_by=cast.mercy_admin)
    told = browse(cast.mercy_admin).post(
        f"/admin/users/{cast.owner.user_id}/role", data={"role": "viewer"}, follow_redirects=True
    )
    assert "Nobody here can be that person for you; ask the platform" in told.text
    with scopes.open(cast.mercy_manager.actor) as scope:
        assert scope.session.scalars(select(Notification).where(Notification.kind == "accounts.role")).all() == []
    assert decide(browse, scopes, cast, cast.platform_admin) == 302
    assert role_of(scopes, cast, cast.owner) == "viewer"


def test_b12_an_invitation_and_an_approval_note_who_let_in(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    """The whole way: an administrator invites an address of their own as manager, and finds that it cannot decide."""
    browse(cast.mercy_admin).post("/admin/users", data={"email": "puppet@example.org", "name": "Sock Puppet", "role": "manager"})
    with scopes.open(cast.mercy_admin.actor) as scope:
        puppet = scope.session.scalars(select(User).where(User.email_lookup == scope.lookup.of("puppet@example.org"))).one()
        assert (puppet.invited_by, puppet.approved_by) == (cast.mercy_admin.user_id, None)
        actor = replace(cast.mercy_manager.actor, user_id=puppet.id)
    ask(browse, cast.mercy_admin, cast.owner, "viewer")
    with scopes.open(actor) as scope:
        (change,) = roles.waiting(scope, cast.mercy)
        assert seconds.dependence(scope, change).startswith("You came in through whoever asks")


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
