"""Every route of an archive by eight principals for own, foreign and unknown things: who gets what, and nothing of the other.

Three oracles: the expected status; a scan of every answer, its headers and the members of its archives for the other hospital's
marks; and the other hospital itself, unchanged in every row and file. `orthanc_routes.csv` is the reviewed list of all routes of
Orthanc and its plugins with what a foreign tenant must get; it was written apart from the plugin's own table.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from orthanc_plugin.routes import ROUTES
from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.cell_tokens import session_hash
from sidecar.kernel.clock import utc_now
from tests.doors.twin_world import STAFF, UNKNOWN, Identity, Twin, World
from tests.matrix_report import Case, write_table

TABLE = Path(__file__).with_name("orthanc_routes.csv")
PRINCIPALS = (*(role.value for role in STAFF), "context", "anonymous", "platform admin")
WALLS = {400, 401, 403, 404, 405, 501}
LET_IN = "let in"
PATIENT_LEVEL = re.compile(r"^/patients(/|$)|/patient$")
"""The list calls reading these "never": in a shared archive the patients of two hospitals meet there, in a cell they cannot."""


def routes() -> list[tuple[str, str, str]]:
    """Return method, path and class of the reviewed list and of what the plugin's own table has besides."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        listed = {(row["method"], row["path"]): row["class"] for row in csv.DictReader(lines)}
    ours = {(route.method, route.path): "ours" for route in ROUTES if route.path.startswith("/")}
    return [(method, path, kind) for (method, path), kind in {**ours, **listed}.items()]


def fill(path: str, named: Identity) -> str:
    """Put an identity's names into a path; what is no identity gets a plausible word."""
    level = path.split("/")[1]
    ids = named.orthanc()
    words = {
        "id": ids.get(level, "TWIN_CT"), "study": named.study, "series": named.series, "instance": named.instance,
        "frame": "1" if "dicom-web" in path else "0", "frames": "1", "index": "0", "label": "x",
        "level": "Study", "key": "x", "bulk": "7fe00010",
    }  # fmt: skip
    path = re.sub(r"\{([\w-]+)\}", lambda found: words.get(found[1], "dicom"), path)
    return path.replace("content/*", "content/0010-0010").replace("*", "x")


def plain(path: str) -> str:
    """Take the names out of a path's placeholders: two tables may call the same thing differently."""
    return re.sub(r"\{[^}]*\}", "{}", path)


OURS = {(route.method, plain(route.path)): route for route in ROUTES}


def open_to(method: str, path: str, principal: str) -> bool:
    """Say whether the table opens a route to somebody for their own things."""
    route = OURS.get((method, plain(path)))
    if route is None or principal in {"anonymous", "platform admin"}:
        return False
    return route.context.value != "-" if principal == "context" else principal in route.staff


def bearer(world: World, principal: str, target: Twin) -> dict[str, str]:
    """Return alpha's credentials as shown to a cell: named for it, as a mistaken or stolen sidecar key would name them."""
    alpha, tokens = world.alpha, world.workshop.tokens
    if principal == "anonymous":
        return {}
    if principal == "platform admin":
        elsewhere = platform_id(world.workshop.scopes)
        token = tokens.mint(cell=target.cell.id, subject="p", organisation=elsewhere, role="admin", session="p", now=utc_now())
    elif principal == "context":
        person = next(iter(alpha.people.values()))
        token = tokens.mint(
            cell=alpha.cell.id, subject=str(person.user_id), organisation=alpha.cell.organisation_id, role="radiologist",
            session=session_hash(person.actor.session), now=utc_now(), studies=[alpha.shared.study],
        )  # fmt: skip
    else:
        role = next(each for each in STAFF if each.value == principal)
        token = alpha.token(world.workshop, role, cell=target.cell)
    return {"Authorization": f"Bearer {token}"}


def text_of(answer: httpx.Response) -> str:
    """Return everything an answer says: status line, headers, body, and the members of an archive."""
    parts = [str(answer.headers), answer.content.decode("latin-1")]
    if answer.content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            parts += [name + archive.read(name).decode("latin-1") for name in archive.namelist()]
    return "\n".join(parts)


def leaks(answer: httpx.Response, marks: frozenset[str], asked: str) -> list[str]:
    """Return the marks of the other hospital that an answer shows and the question did not."""
    said = text_of(answer)
    return [mark for mark in marks if mark in said and mark not in asked]


def verdict(method: str, path: str, kind: str, principal: str, target: str, status: int) -> str:
    """Judge a status. What is foreign or unknown in one's own archive may be told to be nothing in Orthanc's own words."""
    may = open_to(method, path, principal)
    if status >= 500 and status != 501:
        return "broken"
    if may and kind == "never" and not (method == "GET" and PATIENT_LEVEL.search(path)):
        return "never, and open"
    if may and target == "own":
        return "shut out of their own" if status in {401, 403} else ""
    if may and target in {"foreign there", "unknown"}:
        return ""
    return "" if status in WALLS else LET_IN


def ask(client: httpx.Client, twin: Twin, method: str, asked: str, papers: dict[str, str]) -> httpx.Response:
    body = b"{}" if method in {"POST", "PUT"} else None
    return client.request(method, f"http://127.0.0.1:{twin.cell.http_port}{asked}", headers=papers, content=body)


def cases(world: World) -> Iterator[Case]:
    """Ask everything at the own cell, for own, only-theirs and unknown things, and at the other's cell with own papers.

    A route that names nothing cannot name what is foreign or unknown.
    """
    alpha, bravo = world.alpha, world.bravo
    targets = (
        ("own", alpha, alpha.shared),
        ("foreign", bravo, alpha.shared),
        ("foreign there", alpha, bravo.private),
        ("unknown", alpha, UNKNOWN),
    )
    papers = {(who, twin.name): bearer(world, who, twin) for who in PRINCIPALS for twin in (alpha, bravo)}
    with httpx.Client(trust_env=False, timeout=20) as client:
        for method, path, kind in routes():
            for who in PRINCIPALS:
                said = []
                for target, twin, named in targets if "{" in path else targets[:2]:
                    asked = fill(path, named)
                    answer = ask(client, twin, method, asked, papers[who, twin.name])
                    said.append((answer.status_code, answer.content.replace(asked.encode(), b"")))
                    marks = leaks(answer, bravo.canaries, asked)
                    found = f"leaks {marks}" if marks else verdict(method, path, kind, who, target, answer.status_code)
                    if target == "unknown" and said[-1] != said[-2]:
                        found = found or "a foreign thing is told from none"
                    yield Case(method, path, who, target, answer.status_code, found)


def test_b02_every_route_of_the_archive_answers_as_the_matrix_says(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    before = world.snapshot(world.bravo)
    found = list(cases(world))
    write_table("isolation-archive", found)
    record_property("cases", len(found))
    wrong = [" ".join(map(str, case)) for case in found if case.verdict]
    assert not wrong, f"{len(wrong)} of {len(found)}:\n" + "\n".join(wrong[:50])
    assert len(found) >= 12_000
    assert world.snapshot(world.bravo) == before
