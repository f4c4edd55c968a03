"""A11: whether an address has an account is told neither by the answer nor by the time it takes."""

import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, variance
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask
from scipy.stats import mannwhitneyu

from sidecar.accounts import codes, passwords, service
from sidecar.gate import pace
from sidecar.gate.scope import Scopes
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person
from tests.service.letter_box import letter_box

Browse = Callable[[Person | None], Browser]
SAMPLES = int(os.environ.get("RR_TIMING_SAMPLES", "60"))
FULL = SAMPLES >= 500


@pytest.fixture
def slow(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps, and mail that leaves. In the gate shorter steps, and a hash so cheap that it hides nothing of what else differs."""
    if not FULL:
        monkeypatch.setattr(passwords.KEEPER, "hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords.KEEPER.use(app.extensions["readingroom.settings"].secret("pepper"))
    monkeypatch.setattr(pace, "STEP_SECONDS", 0.25 if FULL else 0.1)
    with letter_box(app):
        yield


def seconds(browser: Browser, path: str, form: dict[str, str]) -> tuple[float, str]:
    began = time.perf_counter()
    answer = browser.post(path, data=form)
    took = time.perf_counter() - began
    return took, f"{answer.status_code} {answer.content_length - len(form['email'])}"


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("path", ["/login", "/forgot", "/register"])
def test_a11_known_and_unknown_addresses_take_the_same_time(browse: Browse, scopes: Scopes, cast: Cast, path: str) -> None:
    """The control says 2 x 500 samples: RR_TIMING_SAMPLES=500 takes as many, with the real hash; the gate 2 x 60.

    Known and unknown alternate, in six organisations at once, so that what else the machine does meets both alike. Chance alone
    fails a test at p = 0.01 once in a hundred runs: what fails is measured once more, and a leak fails again.
    """
    people = (cast.owner, cast.luke_viewer, cast.strange_technician, cast.reader, cast.stranger, cast.platform_admin)
    lanes = [(browse(None), person, prepare(scopes, cast, person)) for person in people]
    said = [found := measure(lanes, path)]
    if not found.alike:
        said.append(measure(lanes, path))
    print(path, *said)  # noqa: T201 - with pytest -rP: what was measured
    assert said[-1].alike, said


@dataclass(frozen=True)
class Found:
    """What two samples say. ``noise``: how far apart (s) two medians of so scattered values are by chance alone (two sigma)."""

    samples: int
    known: float
    unknown: float
    noise: float
    chance: float

    @property
    def alike(self) -> bool:
        return self.chance > 0.01 and abs(self.known - self.unknown) < max(0.005, self.noise)


def measure(lanes: list[tuple[Browser, Person, str]], path: str) -> Found:
    def lane(number: int) -> list[tuple[bool, float, str]]:
        browser, person, code = lanes[number]
        besides = {"password": "four tall ships at dusk", "code": code, "name": "Nina New"}
        seconds(browser, path, {"email": "first@example.org", **besides})
        emails = [email for _ in range(SAMPLES // len(lanes)) for email in (person.email, f"{uuid4().hex[:12]}@example.org")]
        return [(email == person.email, *seconds(browser, path, {"email": email, **besides})) for email in emails]

    with ThreadPoolExecutor(len(lanes)) as pool:
        rows = [row for found in pool.map(lane, range(len(lanes))) for row in found]
    assert len({said for _, _, said in rows}) == 1, "one status, one length"
    known, unknown = ([took for was, took, _ in rows if was is kind] for kind in (True, False))
    noise = 2 * 1.2533 * math.sqrt((variance(known) + variance(unknown)) / len(known))
    chance = float(mannwhitneyu(known, unknown).pvalue)
    return Found(len(known), round(median(known), 4), round(median(unknown), 4), round(noise, 4), round(chance, 3))


def prepare(scopes: Scopes, cast: Cast, person: Person) -> str:
    """Give the person a password as it is kept now, and return the code of their organisation."""
    kept = passwords.KEEPER.keep(PASSWORD)
    with scopes.open(cast.platform_admin.actor) as scope:
        user = service.get_user(scope, person.user_id)
        user.password_hash, user.password_pepper = kept.hash, kept.pepper
        return codes.make(scope, person.organisation_id)
