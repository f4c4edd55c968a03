"""The whole house, really running, and a browser for each person."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from sidecar.instance import Instance
from tests.cast import Person
from tests.e2e.desk import sign_in, watch_errors
from tests.e2e.gallery import CHROMIUM, FLAGS

expect.set_options(timeout=30_000)  # a busy machine decides nothing: what comes at all is waited for


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print what every page of a failed test showed: a timeout alone does not say why the page was not the one awaited."""
    report = yield
    if report.when == "call" and report.failed:
        for name, page in _pages(item):
            try:
                report.sections.append((f"page {name}: {page.url}", page.inner_text("body", timeout=2000)[:2000]))
            except Error as gone:
                report.sections.append((f"page {name}", f"cannot be read: {gone.message}"))
    return report


def _pages(item: pytest.Item) -> list[tuple[str, Page]]:
    """Return the pages a test was given, with all others of the same browser."""
    given = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Page | Browser)]
    contexts = {context for each in given for context in (each.contexts if isinstance(each, Browser) else [each.context])}
    return [(str(number), page) for number, page in enumerate(page for context in contexts for page in context.pages)]
