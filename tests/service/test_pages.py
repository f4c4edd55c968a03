"""What every page shares: the navigation, the zone of its times; and what the preview beside the list shows and records."""

import re
from collections.abc import Callable
from dataclasses import fields

import pytest
from sqlalchemy import select

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.factories.studies import make_study

Browse = Callable[[Person | None], Browser]
PEOPLE = [field.name for field in fields(Cast) if field.type in (Person, "Person")]


def navigation(page: str) -> list[str]:
    main = re.search(r'<nav class="nav".*?</nav>', page, re.DOTALL)
    assert main
    return re.findall(r'href="([^"]+)"', main[0])


@pytest.mark.parametrize("name", PEOPLE)
def test_the_navigation_leads_nowhere_that_refuses(name: str, cast: Cast, browse: Browse) -> None:
    person = browse(getattr(cast, name))
    entries = navigation(person.get("/ui").text)
    assert person.get("/").headers["Location"] in entries
    for entry in entries:
        answer = person.get(entry)
        if answer.status_code == 302:  # Explorer has no page of ours
            assert answer.location == "/explorer/own/app/explorer.html"
            continue
        assert answer.status_code == 200
        assert navigation(answer.text) == entries
        assert answer.text.count('aria-current="page" data-go') == 1


def test_only_who_reads_or_shares_out_has_a_worklist(cast: Cast, browse: Browse) -> None:
    for name in ("reader", "own_radiologist", "lead", "mercy_manager"):
        assert "/worklist" in navigation(browse(getattr(cast, name)).get("/ui").text)
    for name in ("owner", "colleague", "mercy_admin", "platform_admin"):
        assert "/worklist" not in navigation(browse(getattr(cast, name)).get("/ui").text)


@pytest.mark.parametrize("written", ["Nowhere/Atlantis", "../../etc/passwd", "/etc/localtime", "a\x00b", "", "Europe"])
def test_a_zone_that_does_not_exist_is_the_accounts_own(written: str, cast: Cast, browse: Browse) -> None:
    reader = browse(cast.reader)
    reader.client.set_cookie("zone", written)
    for page in ("/worklist", "/hospital", "/ui"):
        answer = reader.get(page)
        assert answer.status_code == 200
        assert '<meta name="zone" content="UTC">' in answer.text
    reader.client.set_cookie("zone", "Asia/Tokyo")
    assert '<meta name="zone" content="Asia/Tokyo">' in reader.get("/worklist").text


def test_the_preview_shows_each_series_and_is_on_record(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, series=(6, 1))
    empty = make_study(scopes, cast.mercy, reading=cast.nightowls, series=())
    reader = browse(cast.reader)
    page = reader.get(f"/worklist/{study.id}/preview").text
    shown = re.findall(
        r'src="/dicom-web/([0-9a-f-]{36})/studies/([0-9.]+)/series/([0-9.]+)/thumbnail"',
        page,
    )
    assert [series for _, _, series in shown] == list(study.series)
    assert {uid for _, uid, _ in shown} == {study.uid}
    assert "<img" not in reader.get(f"/worklist/{empty.id}/preview").text
    with scopes.open(system_actor(cast.mercy)) as scope:
        opened = scope.session.scalars(
            select(JournalRow).where(JournalRow.kind == "studies.study.opened").order_by(JournalRow.sequence)
        ).all()
    assert [(row.study_id, row.actor_id) for row in opened] == [(each.id, cast.reader.user_id) for each in (study, empty)]
    assert '"preview"' in opened[0].body
    assert "opened a study in the preview" in browse(cast.mercy_admin).get("/admin/audit").text


def test_an_address_that_only_takes_a_form_says_so(cast: Cast, browse: Browse) -> None:
    answer = browse(cast.mercy_manager).get("/exports/studies")
    assert answer.status_code == 405
    assert "only takes a form" in answer.text


def test_an_empty_list_teaches_who_can_do_something_about_it(cast: Cast, browse: Browse) -> None:
    assert 'href="/admin/connection"' in browse(cast.owner).get("/hospital").text
    for name in ("stranger", "colleague"):
        empty = browse(getattr(cast, name)).get("/hospital").text
        assert "No studies yet" in empty
        assert "connection sheet" not in empty


def test_the_table_of_permissions_is_found_from_the_users(cast: Cast, browse: Browse) -> None:
    assert 'href="/admin/permissions"' in browse(cast.mercy_admin).get("/admin/users").text
    assert 'href="/admin/permissions"' not in browse(cast.mercy_manager).get("/admin/users").text
