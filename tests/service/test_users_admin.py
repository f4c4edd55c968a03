"""Users' pages: one's own organisation's people, invited by a link shown once; the platform invites the first of each."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask

from sidecar.accounts import service
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scopes
from tests.browser import Browser, alike
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]


def invitation(**changes: str) -> dict[str, str]:
    return {"name": "Nina New", "email": f"{uuid4().hex[:8]}@mercy.example", "role": "technician", **changes}


def test_an_invitation_is_shown_once_and_works(browse: Browse, cast: Cast) -> None:
    admin = browse(cast.mercy_admin)
    answer = admin.post("/admin/users", data=invitation())
    assert answer.status_code == 200
    link = re.search(r'value="(http[^"]*/invitation/[^"]+)"', answer.text)
    assert link is not None
    assert "Nina New" in admin.get("/admin/users").text
    assert "/invitation/" not in admin.get("/admin/users").text
    path = "/invitation/" + link[1].rsplit("/", 1)[1]
    assert "Nina New" in browse(None).get(path).text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "Fill this in."),
        ("email", "nina", "e-mail address"),
        ("role", "king", "Choose one"),
        ("role", "system", "Choose one"),
    ],
)
def test_the_form_explains(browse: Browse, cast: Cast, field: str, value: str, words: str) -> None:
    answer = browse(cast.mercy_admin).post("/admin/users", data=invitation(**{field: value}))
    assert answer.status_code == 400
    assert words in answer.text


def test_a_lost_link_is_replaced_by_inviting_again(browse: Browse, cast: Cast) -> None:
    admin, form = browse(cast.mercy_admin), invitation()
    lost, found = (re.findall(r"/invitation/[\w-]+", admin.post("/admin/users", data=form).text)[0] for _ in range(2))
    assert browse(None).get(lost).status_code == 404
    assert browse(None).get(found).status_code == 200
    assert admin.get("/admin/users").text.count(form["email"]) == 1


def test_whoever_has_an_account_is_not_invited_again(browse: Browse, cast: Cast) -> None:
    answer = browse(cast.mercy_admin).post("/admin/users", data=invitation(email=cast.owner.email))
    assert answer.status_code == 409
    assert "already in the organisation" in answer.text


def test_disabled_is_out_at_once_and_enabled_is_back(browse: Browse, cast: Cast) -> None:
    admin, technician = browse(cast.mercy_admin), browse(cast.owner)
    assert technician.get("/admin/ae-titles").status_code == 200
    assert admin.post(f"/admin/users/{cast.owner.user_id}/disable").status_code == 302
    assert technician.get("/admin/ae-titles").status_code in {302, 401}
    assert "Undo" in admin.get("/admin/users").text
    admin.post(f"/admin/users/{cast.owner.user_id}/enable")
    assert browse(cast.owner).get("/admin/ae-titles").status_code == 200
    assert admin.post(f"/admin/users/{cast.mercy_admin.user_id}/disable").status_code == 409


def test_the_platform_invites_the_first_administrator(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    platform = browse(cast.platform_admin)
    form = invitation(role="admin", organisation=str(cast.third))
    assert platform.post("/admin/users", data=form).status_code == 200
    with scopes.open(cast.platform_admin.actor) as scope:
        invited = service.at_address(scope, cast.third, form["email"])
    assert invited is not None
    assert invited.role == Role.ADMIN
    assert browse(cast.platform_admin).get(f"/admin/users?organisation={cast.mercy}").status_code == 200
    bad = platform.post("/admin/users", data=invitation(role="radiologist", organisation=str(cast.platform)))
    assert bad.status_code == 400


def test_other_organisations_look_like_none(browse: Browse, cast: Cast) -> None:
    unknown = uuid4()
    for who in (cast.luke_admin, cast.strange_admin, cast.nightowls_admin):
        visitor = browse(who)
        theirs, nobodys = (visitor.get(f"/admin/users?organisation={each}") for each in (cast.mercy, unknown))
        assert theirs.status_code == 404
        assert alike(theirs, cast.mercy) == alike(nobodys, unknown)
        answers = [
            (visitor.post(f"/admin/users/{each}/{verb}"), each)
            for verb in ("disable", "enable")
            for each in (cast.owner.user_id, unknown)
        ]
        assert len({alike(answer, each) for answer, each in answers}) == 1
        assert answers[0][0].status_code == 404
        assert visitor.post("/admin/users", data=invitation(organisation=str(cast.mercy))).status_code == 404
    assert browse(cast.platform_admin).get("/admin/users?organisation=nonsense").status_code == 404


@pytest.mark.parametrize(
    ("who", "looks"), [("owner", 403), ("mercy_manager", 200), ("reader", 403), ("lead", 200), ("stranger", 403)]
)
def test_only_administrators_invite_and_managers_look(browse: Browse, cast: Cast, who: str, looks: int) -> None:
    assert browse(getattr(cast, who)).get("/admin/users").status_code == looks
    assert browse(getattr(cast, who)).post("/admin/users", data=invitation()).status_code == 403


@pytest.mark.parametrize(
    ("who", "page"),
    [
        ("platform_admin", "/admin/organisations"),
        ("mercy_admin", "/admin/ae-titles"),
        ("owner", "/admin/ae-titles"),
        ("nightowls_admin", "/admin/users"),
        ("lead", "/admin/contracts"),
    ],
)
def test_admin_leads_to_what_the_role_administers(browse: Browse, cast: Cast, who: str, page: str) -> None:
    assert browse(getattr(cast, who)).get("/admin").location == page
    assert browse(getattr(cast, who)).get(page).status_code == 200


def test_those_who_administer_nothing_are_told(browse: Browse, cast: Cast) -> None:
    assert browse(cast.colleague).get("/admin").status_code == 403


def test_a09_a_stolen_session_lets_nobody_new_in(
    app: Flask, browse: Browse, cast: Cast, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inviting gives a role, approving too, and a link to a password opens an account: each asks for the second factor anew."""
    thief, form = browse(cast.mercy_admin), invitation(email="thief@evil.example", role="radiologist")
    real = app.extensions["readingroom.scopes"].clock
    monkeypatch.setattr(app.extensions["readingroom.scopes"], "clock", lambda: real() + timedelta(minutes=6))
    headers = {"Accept": "application/json"}
    tries = {
        "/admin/users": {"data": form},
        "/api/users": {"json": form},
        f"/admin/users/{cast.owner.user_id}/reset-link": {"data": {}},
        f"/admin/users/registrations/{uuid4()}/approve": {"data": {"role": "radiologist"}},
    }
    for path, body in tries.items():
        answer = thief.post(path, headers=headers, **body)
        assert (answer.status_code, answer.json["code"]) == (401, "step-up"), path
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert service.at_address(scope, cast.mercy, form["email"]) is None


def test_a_name_is_one_line_wherever_it_comes_from(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """It stands in mails that the house sends to anybody, under reports and in logs."""
    written, form = "Nina\r\n\r\nPay at\x1b evil\u2028New", invitation()
    assert browse(cast.mercy_admin).post("/admin/users", data={**form, "name": written}).status_code == 200
    second = invitation()
    assert browse(cast.mercy_admin).post("/api/users", json={**second, "name": written}).status_code == 201
    assert browse(cast.mercy_admin).post("/api/users", json={**invitation(), "name": "\x1b\x07"}).status_code == 400
    assert browse(cast.owner).post("/account/name", data={"name": written}).status_code == 302
    with scopes.open(cast.mercy_admin.actor) as scope:
        for address in (form["email"], second["email"], cast.owner.email):
            found = service.at_address(scope, cast.mercy, address)
            assert found is not None
            assert found.name == "Nina Pay at evil New"
