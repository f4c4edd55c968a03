"""Forms of a page that is out of date, and the ways on from pages that say what went wrong."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person

Browse = Callable[[Person | None], Browser]
STALE = {"X-CSRFToken": "IjAwIg.aSEx.of-another-session"}
WORDS = ("This page was out of date", "Please enter it again.")


@pytest.mark.parametrize(
    ("door", "form"),
    [
        ("/login", "/login?stale=1"),
        ("/login?next=/worklist", "/login?next=%2Fworklist&stale=1"),
        ("/login/code", "/login/code?stale=1"),
        ("/register", "/register?stale=1"),
        ("/forgot", "/forgot?stale=1"),
        (f"/reset/{'r' * 43}", f"/reset/{'r' * 43}?stale=1"),
        (f"/verify/{'v' * 43}", f"/verify/{'v' * 43}?stale=1"),
        (f"/invitation/{'i' * 43}", f"/invitation/{'i' * 43}?stale=1"),
        ("/shared", "/shared?stale=1"),
        ("/shared/leave", "/login?stale=1"),
    ],
)
def test_a_guests_stale_form_leads_to_a_fresh_one_and_begins_no_session(app: Flask, door: str, form: str) -> None:
    """Another site's page may send such a form as well: its answer must not take the place of anybody's cookie."""
    guest = app.test_client()
    answer = guest.post(door, headers={"Accept": "text/html", **STALE}, data={"email": "a@b.example", "password": "x" * 12})
    assert (answer.status_code, answer.headers["Location"]) == (303, form)
    assert "Set-Cookie" not in answer.headers


def test_two_restored_tabs_sign_in_at_the_second_try(app: Flask, cast: Cast) -> None:
    """The first tab's form belongs to a session that the second tab's replaced."""
    old = token(app.test_client().get("/login").text)
    tab = app.test_client()  # the second one: its cookie is the one that counts
    form = {"email": cast.owner.email, "password": PASSWORD}
    html = {"Accept": "text/html"}
    tab.get("/login")
    led = tab.post("/login?next=/hospital", headers=html, data={**form, "csrf_token": old})
    fresh = tab.get(led.headers["Location"], headers=html)
    assert all(words in fresh.text for words in WORDS)
    entered = tab.post("/login?next=/hospital", headers=html, data={**form, "csrf_token": token(fresh.text)})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/login/code")
    wrong = tab.post("/login?stale=1", headers=html, data={**form, "password": "wrong", "csrf_token": token(fresh.text)})
    assert not any(words in wrong.text for words in WORDS)  # that form was fresh


def test_whoever_was_signed_out_meanwhile_signs_in_and_comes_back_to_the_form(browse: Browse) -> None:
    """Not to the address that only takes the form, which shows nothing."""
    guest = browse(None)
    page = {"Referer": "http://localhost/orders/new?study=1"}
    for answer in (
        guest.client.post("/orders", headers={**STALE, **page, "Accept": "text/html"}),
        guest.post("/orders", headers=page),
    ):
        where = urlsplit(answer.headers["Location"])
        assert (answer.status_code, where.path, parse_qs(where.query)) == (302, "/login", {"next": ["/orders/new?study=1"]})
    elsewhere = guest.post("/orders", headers={"Referer": "https://evil.example/x"})
    assert elsewhere.headers["Location"] == "/login"


def test_a_signed_in_persons_stale_form_offers_the_way_back(browse: Browse, cast: Cast) -> None:
    person = browse(cast.owner)
    page = {"Referer": "http://localhost/orders/new"}
    answer = person.post("/orders", headers={**STALE, **page})
    assert answer.status_code == 403
    assert "out of date" in answer.text
    assert 'href="/orders/new"' in answer.text
    script = person.post("/orders", headers={**STALE, **page, "Accept": "application/json"})
    assert "what you typed is kept" in script.json["message"]


def test_a_page_that_says_what_went_wrong_offers_the_page_before_it_if_it_is_ours(browse: Browse, cast: Cast) -> None:
    person, unknown = browse(cast.owner), f"/reports/{uuid4()}"
    assert (
        'href="/hospital?state=final"' in person.get(unknown, headers={"Referer": "http://localhost/hospital?state=final"}).text
    )
    for other in (
        "https://evil.example/x",
        "http://localhost//evil.example",
        "javascript:alert(1)",
        f"http://localhost{unknown}",
        "",
    ):
        shown = person.get(unknown, headers={"Referer": other}).text
        assert ">Back<" not in shown, other
        assert 'href="/"' in shown


def test_who_came_by_a_link_is_not_asked_to_sign_in(browse: Browse) -> None:
    """They have no account."""
    for answer in (browse(None).get("/shared/study"), browse(None).post("/shared", data={"token": "nothing"})):
        assert answer.status_code in (403, 404)
        assert 'href="/shared"' in answer.text
        assert "Start page" not in answer.text


def token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]
