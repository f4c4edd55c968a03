"""What people do at the screen, as functions on a Playwright page."""

import time

from playwright.sync_api import Page, expect

from tests.cast import PASSWORD, Person


def watch_errors(page: Page) -> None:
    """Let a script error or a breach of the content policy fail the test that looks at ``page.faults``."""
    faults: list[str] = []
    page.faults = faults  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)


def sign_in(page: Page, person: Person) -> None:
    """Sign in by password and one-time code."""
    page.goto("/login")
    page.fill("[name=email]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/code")
    page.fill("[name=code]", person.code())
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def next_code(person: Person) -> str:
    """Return a code not used yet: of the next time step, which a clock's drift of one step admits."""
    return person.code(time.time() + 30)


def sign_report(page: Page, person: Person) -> None:
    """Review and sign from the keyboard."""
    page.keyboard.press("Control+Shift+S")
    expect(page.locator("#sign-dialog")).to_be_visible()
    expect(page.locator("#review")).to_contain_text("NOT SIGNED", ignore_case=True)
    page.fill("[name='sign-password']", PASSWORD)
    if page.locator("[name='sign-code']").is_visible():  # the first signature of a session; at each next one proof is enough
        page.fill("[name='sign-code']", next_code(person))
    page.locator("#sign-form button[type=submit]").click()
