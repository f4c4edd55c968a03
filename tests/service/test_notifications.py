"""What a person is told in the house: theirs alone, put away when read, in pages that do not move."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from sidecar.gate.actor import NOBODY, system_actor
from sidecar.gate.scope import Scopes
from sidecar.notifications.service import notify
from tests.browser import Browser, alike
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]


def tell(scopes: Scopes, to: Person, text: str, **more: str) -> None:
    with scopes.open(system_actor(to.organisation_id)) as scope:
        notify(scope, organisation_id=to.organisation_id, user_id=to.user_id, kind="test.note", text=text, **more)


def test_what_a_person_is_told_is_theirs_alone(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    tell(scopes, cast.owner, "A study waits for you.", href="/worklist")
    answer = browse(cast.owner).get("/api/notifications").json
    (told,) = answer["notifications"]
    assert (answer["status"], answer["unread"], answer["next"]) == ("ok", 1, None)
    assert (told["text"], told["href"], told["kind"], told["read_at"]) == (
        "A study waits for you.",
        "/worklist",
        "test.note",
        None,
    )
    for other in (cast.colleague, cast.mercy_admin, cast.reader, cast.stranger, cast.platform_admin):
        assert browse(other).get("/api/notifications").json["notifications"] == []
        seen = browse(other).get(f"/api/notifications/{told['id']}")
        unknown = uuid4()
        assert seen.status_code == 404
        assert alike(seen, told["id"]) == alike(browse(other).get(f"/api/notifications/{unknown}"), unknown)
        put = browse(other).put(f"/api/notifications/{told['id']}", json={"read": True})
        assert alike(put, told["id"]) == alike(browse(other).put(f"/api/notifications/{unknown}", json={"read": True}), unknown)
    assert browse(None).get("/api/notifications").status_code == 401


def test_reading_puts_it_away(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    for number in range(3):
        tell(scopes, cast.owner, f"Note {number}")
    owner = browse(cast.owner)
    first = owner.get("/api/notifications").json["notifications"][0]
    shown = owner.get(f"/api/notifications/{first['id']}")
    put = owner.put(f"/api/notifications/{first['id']}", json={"read": True}, headers={"If-Match": shown.headers["ETag"]})
    assert put.json["notification"]["read_at"]
    assert put.headers["ETag"] != shown.headers["ETag"]
    unread = owner.get("/api/notifications?unread=true").json
    assert (unread["unread"], len(unread["notifications"])) == (2, 2)
    assert owner.post("/api/notifications/read").json["read"] == 2
    assert owner.get("/api/notifications").json["unread"] == 0


def test_pages_do_not_move_when_more_comes(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    for number in range(7):
        tell(scopes, cast.owner, f"Note {number}")
    owner = browse(cast.owner)
    seen: list[str] = []
    cursor = ""
    while True:
        answer = owner.get(f"/api/notifications?limit=3&cursor={cursor}").json
        seen += [each["text"] for each in answer["notifications"]]
        tell(scopes, cast.owner, "Something new")
        if not (cursor := answer["next"]):
            break
    assert seen == [f"Note {number}" for number in reversed(range(7))]


def test_a_cursor_is_ours_and_of_this_list(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    for number in range(3):
        tell(scopes, cast.owner, f"Note {number}")
    owner = browse(cast.owner)
    cursor = owner.get("/api/notifications?limit=1").json["next"]
    assert owner.get(f"/api/notifications?limit=2&cursor={cursor}").status_code == 200
    for wrong in (
        f"cursor={cursor}x",
        f"cursor={cursor}&unread=true",
        "cursor=WyJ4Il0.x",
        "limit=0",
        "limit=201",
        "limit=x",
        "page=2",
    ):
        refused = owner.get(f"/api/notifications?{wrong}")
        assert (refused.status_code, refused.json["code"]) == (400, "invalid"), wrong


def test_somebody_who_just_failed_to_sign_in_can_be_told(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    with scopes.open(NOBODY, login=scopes.lookup.of(cast.owner.email)) as scope:
        notify(
            scope, organisation_id=cast.mercy, user_id=cast.owner.user_id, kind="accounts.locked", text="Your account is locked."
        )
    assert browse(cast.owner).get("/api/notifications").json["unread"] == 1


@pytest.mark.parametrize("who", ["stranger", "reader", "luke_admin"])
def test_nobody_tells_people_whose_account_they_do_not_see(cast: Cast, scopes: Scopes, who: str) -> None:
    teller: Person = getattr(cast, who)
    with pytest.raises(DBAPIError, match="row-level security"), scopes.open(teller.actor) as scope:
        notify(scope, organisation_id=cast.mercy, user_id=cast.owner.user_id, kind="test", text="Look here")


def test_a_notification_never_leads_out_of_the_house(cast: Cast, scopes: Scopes) -> None:
    for wrong in ("https://elsewhere.example", "//elsewhere.example", "javascript:alert(1)"):
        with pytest.raises(ValueError, match="page of ours"), scopes.open(cast.owner.actor) as scope:
            notify(scope, organisation_id=cast.mercy, user_id=cast.owner.user_id, kind="test", text="x", href=wrong)


def test_the_bell_counts_and_the_page_puts_away(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    owner = browse(cast.owner)
    assert "Nothing new" in owner.get("/notifications").text
    tell(scopes, cast.owner, "A study waits for <you>.", href="/hospital")
    tell(scopes, cast.owner, "Your account was unlocked.")
    assert 'hx-get="/notifications/bell"' in owner.get("/hospital").text
    assert '<span class="count">2</span>' in owner.get("/notifications/bell").text
    page = owner.get("/notifications").text
    assert "A study waits for &lt;you&gt;." in page
    first = owner.get("/api/notifications").json["notifications"][1]["id"]
    gone = owner.post(f"/notifications/{first}")
    assert (gone.status_code, gone.location) == (302, "/hospital")
    assert '<span class="count">1</span>' in owner.get("/notifications/bell").text
    assert owner.post("/notifications/read").location == "/notifications"
    assert "count" not in owner.get("/notifications/bell").text
    unknown = uuid4()
    strange = browse(cast.colleague).post(f"/notifications/{first}")
    assert alike(strange, first) == alike(browse(cast.colleague).post(f"/notifications/{unknown}"), unknown)
