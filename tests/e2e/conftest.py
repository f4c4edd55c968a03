"""The whole house, really running, and a browser for each person."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sidecar.instance import Instance
from tests.cast import Person
from tests.e2e.desk import sign_in, watch_errors
from tests.e2e.gallery import CHROMIUM, FLAGS


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium instead of a downloaded one."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(FLAGS)}


@pytest.fixture
def seat(browser: Browser, house: Instance) -> Iterator[Callable[[Person], Page]]:
    """Give a signed-in page of a person: a browser of their own, errors watched."""
    contexts = []

    def take(person: Person) -> Page:
        context = browser.new_context(base_url=house.url, viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        watch_errors(page)
        sign_in(page, person)
        return page

    yield take
    for context in contexts:
        context.close()
