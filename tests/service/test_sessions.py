"""How long sessions live, and what makes one."""

from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis

from sidecar.accounts.sessions import FORM_SESSION
from sidecar.accounts.visits import LONGEST
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.service.test_accounts import sign_in

Browse = Callable[[Person | None], Browser]


def life(app: Flask, browser: Browser) -> int:
    """Return the seconds that the browser's session has yet to live; negative: there is none."""
    redis: Redis = app.extensions["readingroom.redis"]
    cookie = browser.client.get_cookie("rr_session")
    return int(redis.ttl(f"rr:session:{cookie.value}")) if cookie else -2  # type: ignore[arg-type]


def test_a_session_of_nobody_lives_for_its_form_and_a_person_until_the_evening(app: Flask, cast: Cast, browse: Browse) -> None:
    person = browse(None)
    person.get("/login")
    assert 0 < life(app, person) <= FORM_SESSION.total_seconds()
    sign_in(person, cast.reader)
    assert FORM_SESSION.total_seconds() < life(app, person) <= LONGEST.total_seconds()


def test_looking_for_what_is_not_there_makes_no_session(app: Flask, browse: Browse) -> None:
    person = browse(None)
    person.client.delete_cookie("rr_session")
    for path in ("/nothing", "/worklist", "/wp-admin/install.php"):
        person.get(path)
        assert life(app, person) == -2


@pytest.mark.parametrize("verb", ["PUT", "DELETE", ""])
def test_a_form_is_the_method_it_was_sent_as(browse: Browse, cast: Cast, verb: str) -> None:
    answer = browse(cast.reader).post("/logout", data={"_method": verb})
    assert answer.status_code == 400
    assert browse(cast.reader).get("/worklist").status_code == 200
