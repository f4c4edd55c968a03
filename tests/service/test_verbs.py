"""The verbs an operator types for keys, copies and inspection: what they answer, with which exit code, and what they refuse."""

import stat
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.archive.tables import LegalHold
from sidecar.cli import cli
from sidecar.gate.actor import system_actor
from sidecar.gate.catalogue import as_text
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, keeping
from sidecar.reports import inspection
from sidecar.vault.erasing import KEPT
from tests.cast import Cast
from tests.factories.studies import Made, make_study
from tests.service.test_reports import sign, write

PASSPHRASE = "seven green bottles"
Run = Callable[..., Result]


@pytest.fixture
def run(services: Instance) -> Run:
    """Type a verb, at the services' instance or at another's data directory."""

    def typed(*words: object, at: Path | None = services.layout.data, say: str | None = None) -> Result:
        where = ["--data", str(at)] if at else []
        given = {"RR_PASSPHRASE": PASSPHRASE, "COLUMNS": "400"}
        return CliRunner().invoke(cli, [*map(str, words), *where], input=say, env=given, catch_exceptions=False)

    return typed


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls)


@pytest.fixture
def signed(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> UUID:
    report: UUID = sign(scopes, seal, cast.reader, write(scopes, cast.reader, study)).report_id
    return report


def private(file: Path) -> bool:
    return stat.S_IMODE(file.stat().st_mode) == 0o600


def said(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    for each in words:
        assert each in result.output
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("signed")
def test_keys_are_listed_rotated_and_handed_out_and_nothing_is_written_over(run: Run, cast: Cast, tmp_path: Path) -> None:
    said(run("keys", "rotate", "--organisation", cast.mercy), 0, "values are closed under new keys; the old keys are destroyed.")
    listed = run("keys", "list")
    said(listed, 0, "rows", "in use", "destroyed 20")
    key = tmp_path / "mercy.key"
    said(run("keys", "export", cast.mercy, key), 0)
    assert private(key)
    before = key.read_bytes()
    said(run("keys", "export", cast.mercy, key), 1, f"{key} exists; nothing is written over")
    assert key.read_bytes() == before
    short = run("keys", "export", cast.mercy, tmp_path / "short.key", "--passphrase", "short")
    said(short, 1, "at least 12 characters")
    assert not (tmp_path / "short.key").exists()
    for verb in (("rotate", "--organisation"), ("shred",), ("export",)):
        more = [tmp_path / "no.key"] if verb == ("export",) else []
        said(run("keys", *verb, "No Such Hospital", *more), 1, "there is no organisation called 'No Such Hospital'")


def test_a_lost_key_of_lookups_is_replaced_and_everybody_is_found_again(
    run: Run, services: Instance, scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "with_keys", lambda _instance: [cast.mercy])  # the others' sign-ins go on in other tests
    key = services.layout.secrets / keeping.LOOKUP
    before = key.read_bytes()

    def lookups() -> dict[UUID, str | None]:
        with scopes.open(system_actor(cast.mercy)) as scope:
            rows = scope.session.execute(select(User.id, User.email_lookup).where(User.organisation_id == cast.mercy))
            return dict(rows.all())

    old = lookups()
    try:
        answer = run("keys", "lookup")
        assert key.read_bytes() != before
        assert private(key)
        said(answer, 0, f"{len(old)} e-mail addresses are found by a new key.")
        assert all(lookups()[each] != lookup for each, lookup in old.items())
        with keeping.workshop(services) as shop:
            assert lookups()[cast.owner.user_id] == shop.scopes.lookup.of(cast.owner.email)
    finally:
        key.write_bytes(before)
        keeping.look_up_anew(services)
    assert lookups() == old


@pytest.mark.usefixtures("signed")
def test_a_backup_is_written_once_and_restored_once_and_only_with_its_passphrase(
    run: Run, cast: Cast, empty: Instance, tmp_path: Path
) -> None:
    copy, key = tmp_path / "mercy.copy", tmp_path / "mercy.key"
    said(run("keys", "export", cast.mercy, key), 0)
    written = run("backup", cast.mercy, copy)
    said(written, 0, f"rows are in {copy}.")
    assert private(copy)
    before = copy.read_bytes()
    said(run("backup", cast.mercy, copy), 1, f"{copy} exists; nothing is written over")
    assert copy.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mercy.copy", "mercy.key"], "and no half ones"
    said(run("restore", copy, "--key", key), 1, "here already")
    there = empty.layout.data
    said(run("restore", copy, "--key", key, "--passphrase", "another sentence", at=there), 1, "passphrase is not the one")
    said(run("restore", copy, "--key", key, at=there), 0, f"rows of {cast.mercy} are back.")
    assert run("restore", copy, "--key", tmp_path / "none", at=there).exit_code == 2


def test_keys_are_shredded_after_a_yes_and_never_under_a_legal_hold(
    run: Run, scopes: Scopes, cast: Cast, empty: Instance, tmp_path: Path, study: Made, signed: UUID
) -> None:
    copy, key, there = tmp_path / "mercy.copy", tmp_path / "mercy.key", empty.layout.data
    with scopes.open(system_actor(cast.mercy)) as scope:
        hold = LegalHold(organisation_id=cast.mercy, id=uuid4(), study_id=study.id, reason="A court asks",
                         set_at=scope.now, set_by_name="Max Mercy", lifted_by_name="", lift_reason="")  # fmt: skip
        scope.session.add(hold)
    run("keys", "export", cast.mercy, key)
    run("backup", cast.mercy, copy)
    said(run("restore", copy, "--key", key, at=there), 0)

    held = run("keys", "shred", cast.mercy, "--yes", at=there)
    said(held, 1, "A legal hold is on this organisation's records. Lift it first.")
    standing = keeping.remainder(empty, cast.mercy)
    assert (standing.keys > 0, standing.destroyed, standing.tables["studies"]) == (True, 0, 1), "nothing was touched"
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(LegalHold).values(lifted_at=scope.now))

    said(run("keys", "shred", cast.mercy, at=there, say="n\n"), 1, "for ever?", "Aborted")
    assert keeping.remainder(empty, cast.mercy) == standing, "nor without a yes"

    shredded = run("keys", "shred", cast.mercy, at=there, say="y\n")
    said(shredded, 0, "keys are destroyed", "Looked again: 0 keys still open anything", "Its images lie in its cell's directory")
    left = keeping.remainder(empty, cast.mercy)
    assert left.clean
    assert {"organisations", "users", "journal"} <= set(left.tables) <= set(KEPT)
    for table, count in left.tables.items():
        assert f"  {table}: {count} ({KEPT[table]})" in shredded.output
    said(run("backup", cast.mercy, tmp_path / "after.copy", at=there), 1)
    said(run("keys", "list", at=there), 0, "destroyed 20")
    said(run("keys", "rotate", "--master", at=there), 0, "The master key is new;")


def test_what_is_left_behind_by_accident_is_named_and_ends_with_1(
    run: Run, cast: Cast, empty: Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy, key, there = tmp_path / "luke.copy", tmp_path / "luke.key", empty.layout.data
    run("keys", "export", cast.luke, key)
    run("backup", cast.luke, copy)
    said(run("restore", copy, "--key", key, at=there), 0)
    monkeypatch.setattr("sidecar.instance.keeping.shred", lambda *_: (0, 0, 0))
    said(run("keys", "shred", cast.luke, "--yes", at=there), 1, "cells: 1 (written since; run the command again)")


def test_a_copy_for_inspection_is_found_good_or_altered(
    run: Run, scopes: Scopes, seal: Seal, cast: Cast, signed: UUID, tmp_path: Path
) -> None:
    with scopes.open(cast.mercy_manager.actor) as scope:
        copy = inspection.make(scope, seal, signed)
    good, bad = tmp_path / "copy.zip", tmp_path / "altered.zip"
    good.write_bytes(copy)
    said(run("inspect", good, at=None), 0, "✓ This copy is complete and as it was made.")
    bad.write_bytes(copy.replace(b"report.pdf", b"report.pdg"))
    said(run("inspect", bad, at=None), 1, "✗")
    assert run("inspect", tmp_path / "none.zip", at=None).exit_code == 2


def test_the_journals_of_an_instance_are_verified_by_name(run: Run, cast: Cast, signed: UUID) -> None:
    said(run("audit", "verify", "--organisation", cast.mercy), 0, "unbroken", "signed by the key")
    said(run("audit", "verify", "--organisation", "No Such Hospital"), 1, "No Such Hospital")


def test_the_permissions_are_printed_as_the_page_shows_them(run: Run) -> None:
    printed = run("permissions", at=None)
    said(printed, 0, "| May | name | H Admin |")
    assert printed.output == as_text()


@pytest.mark.parametrize(
    "words",
    [("keys", "list"), ("keys", "rotate"), ("keys", "rotate", "--master"), ("keys", "shred", "x", "--yes"),
     ("keys", "export", "x", "y"), ("backup", "x", "y"), ("audit", "verify")],
)  # fmt: skip
def test_an_instance_that_is_down_is_said_to_be_down(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asleep = Instance(tmp_path / "asleep")
    said(run(*words, at=tmp_path / "nowhere"), 1, "there is no instance in")
    said(run(*words, at=asleep.layout.data), 1, "is not finished")
    asleep.layout.secrets.mkdir(parents=True)
    (asleep.layout.secrets / "postgres_app").write_text("x")
    said(run(*words, at=asleep.layout.data), 1, "is down. Start it first with ./readingroom up")
