"""Codes of the authenticator and the printed set: once, counted, locked, hashed, sealed; and changing them."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pyotp
import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select, text

from sidecar.accounts import rules, second_factor, signing
from sidecar.accounts.factor_tables import BackupCode
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Unauthenticated
from sidecar.mail.tables import Mail
from tests.browser import RAW_TOKEN, Browser
from tests.cast import PASSWORD, Cast, Person

Browse = Callable[[Person | None], Browser]
FORM = {"data": {}}


def use(scopes: Scopes, seal: Seal, person: Person, code: str) -> bool:
    """Try a code as a sign-in does: in the walls of whoever gave the password."""
    with scopes.open(walls(person)) as scope:
        user = scope.one(select(User).where(User.id == person.user_id))
        return second_factor.verify(scope, seal, user, code=code)


def walls(person: Person) -> Actor:
    return Actor(person.user_id, person.organisation_id, None, None)


def at(scopes: Scopes, moment: datetime) -> Scopes:
    return replace(scopes, clock=lambda: moment)


def password_given(browse: Browse, person: Person) -> Browser:
    """A browser that has passed the first step of signing in."""
    guest = browse(None)
    assert guest.post("/login", data={"email": person.email, "password": PASSWORD}).location == "/login/code"
    with guest.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    return guest


def row(scopes: Scopes, person: Person) -> User:
    with scopes.open(person.actor) as scope:
        found: User = scope.one(select(User).where(User.id == person.user_id))
        return found


def kinds(scopes: Scopes, person: Person) -> list[str]:
    with scopes.open(person.actor) as scope:
        asked = text("SELECT kind FROM journal WHERE subject_id = :user ORDER BY sequence")
        return list(scope.session.scalars(asked, {"user": person.user_id}))


def test_a05_a_code_works_once_under_concurrency(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    code = cast.reader.code()
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(lambda _: use(scopes, seal, cast.reader, code), range(50))) == 1


def test_a05_an_earlier_step_is_refused_after_a_later_one(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    now = datetime.now(UTC)
    codes = [cast.reader.code(now.timestamp() + step * 30) for step in (-1, 0, 1)]
    assert use(at(scopes, now), seal, cast.reader, codes[1])
    assert not use(at(scopes, now), seal, cast.reader, codes[0])
    assert use(at(scopes, now), seal, cast.reader, codes[2])
    assert not use(at(scopes, now), seal, cast.reader, codes[1])


def test_a06_guesses_from_everywhere_lock_the_account_after_ten_and_its_person_is_told(
    cast: Cast, scopes: Scopes, seal: Seal
) -> None:
    """The control's million guesses from a thousand addresses: the lock knows no address, so forty from forty show it."""
    right, wrong = cast.reader.code(), 0
    for number in range(40):
        with scopes.open(walls(cast.reader), address=f"192.0.2.{number}") as scope:
            user = scope.one(select(User).where(User.id == cast.reader.user_id))
            wrong += not second_factor.locked_until(user, now=scope.now)
            guess = f"{number:06d}" if f"{number:06d}" != right else "999999"
            assert not second_factor.verify(scope, seal, user, code=guess)
    assert wrong == rules.MOST_FAILURES <= 10
    assert row(scopes, cast.reader).factor_failures == rules.MOST_FAILURES
    assert not use(scopes, seal, cast.reader, right)
    assert "accounts.user.second-factor-locked" in kinds(scopes, cast.reader)
    with scopes.open(cast.reader.actor) as scope:
        asked = text("SELECT text FROM notifications WHERE user_id = :user")
        told = scope.session.scalars(asked, {"user": cast.reader.user_id}).all()
        letters = scope.session.scalars(select(Mail).where(Mail.organisation_id == cast.nightowls)).all()
    assert "10 wrong codes" in told[0]
    assert letters


def test_a06_guesses_at_once_are_counted_one_by_one(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda number: use(scopes, seal, cast.reader, f"{number:06d}"), range(24)))
    assert row(scopes, cast.reader).factor_failures == rules.MOST_FAILURES


def test_a06_wrong_backup_codes_and_refused_signatures_count_too(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    for number in range(5):
        assert not use(scopes, seal, cast.reader, f"aaaaa-bbbbb-ccccc-ddddd-eeee{number}")
    for _ in range(5):
        with pytest.raises(Unauthenticated), scopes.open(cast.reader.actor) as scope:
            signing.verify_signature(scope, signing.Proof("not the password", cast.reader.code(), seal))
    assert row(scopes, cast.reader).factor_locked_until is not None


def test_a06_a_lock_ends_by_itself_and_the_next_one_lasts_longer(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    for number in range(10):
        use(scopes, seal, cast.reader, f"{number:06d}")
    later = datetime.now(UTC) + timedelta(minutes=16)
    assert not use(at(scopes, later), seal, cast.reader, "000000")
    locked = row(scopes, cast.reader).factor_locked_until
    assert locked is not None
    assert locked - later == timedelta(minutes=30)
    after = locked + timedelta(seconds=1)
    assert use(at(scopes, after), seal, cast.reader, cast.reader.code(after.timestamp()))
    assert row(scopes, cast.reader).factor_failures == 0


def test_a06_the_sign_in_page_says_that_codes_are_refused(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> None:
    for number in range(10):
        use(scopes, seal, cast.reader, f"{number:06d}")
    answer = password_given(browse, cast.reader).post("/login/code", data={"code": cast.reader.code()})
    assert answer.status_code == 401
    assert "refused for a while" in answer.text


def made_codes(person: Browser) -> list[str]:
    answer = person.post("/account/backup-codes", **FORM)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return re.findall(r"<li>([0-9a-z-]{29})</li>", answer.text)


def test_a07_ten_codes_work_once_each_are_kept_as_hashes_and_a_new_set_voids_the_old(
    browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    person = browse(cast.reader)
    codes = made_codes(person)
    assert len(set(codes)) == second_factor.CODES_IN_A_SET == 10
    assert 32 ** (len(codes[0]) - codes[0].count("-")) >= 2**64
    with scopes.open(cast.reader.actor) as scope:
        stored = scope.session.scalars(select(BackupCode).where(BackupCode.user_id == cast.reader.user_id)).all()
        rows = scope.session.scalars(text("SELECT b::text FROM backup_codes b")).all()
    assert len(stored) == 10
    assert not any(code in line or code.replace("-", "") in line for code in codes for line in rows)
    first = password_given(browse, cast.reader)
    assert first.post("/login/code", data={"code": codes[0].upper().replace("-", " ")}).status_code == 302
    assert password_given(browse, cast.reader).post("/login/code", data={"code": codes[0]}).status_code == 401
    fresh = made_codes(person)
    assert password_given(browse, cast.reader).post("/login/code", data={"code": codes[1]}).status_code == 401
    assert password_given(browse, cast.reader).post("/login/code", data={"code": fresh[0]}).status_code == 302
    assert "9 of 10 backup codes left" in person.get("/account").text


def test_a07_a_backup_code_works_once_under_concurrency(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> None:
    code = made_codes(browse(cast.reader))[0]
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: use(scopes, seal, cast.reader, code), range(12))) == 1


def drawn(page: str) -> str:
    found = re.search(r'<code class="secret">(\w+)</code>', page)
    assert found is not None
    return found[1]


def test_a08_the_secret_is_drawn_once_and_found_in_no_table_no_session_and_no_log(
    app: Flask,
    browse: Browse,
    cast: Cast,
    scopes: Scopes,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = browse(cast.reader)
    shown = person.get("/account/authenticator")
    assert "no-store" in shown.headers["Cache-Control"]
    secret = drawn(shown.text)
    assert "<svg" in shown.text
    missed = person.post("/account/authenticator", data={"code": "000000"})
    assert (missed.status_code, secret in missed.text, "shown once" in missed.text) == (400, False, True)
    assert person.post("/account/authenticator", data={"code": pyotp.TOTP(secret).now()}).status_code == 303
    assert drawn(person.get("/account/authenticator").text) != secret
    said = capfd.readouterr()
    assert secret not in said.out + said.err + caplog.text
    redis: Redis = app.extensions["readingroom.redis"]
    kept = [redis.dump(key) or b"" for key in redis.scan_iter("rr:*")]
    assert not any(secret.encode() in value for value in kept)
    with scopes.open(Actor(None, cast.nightowls, Role.ADMIN, OrganisationKind.PLATFORM)) as scope:
        ours = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        )
        for table in scope.session.scalars(text(ours)).all():
            found = text(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE :secret OR t::text LIKE :bytes')  # noqa: S608
            like = {"secret": f"%{secret}%", "bytes": f"%{secret.encode().hex()}%"}  # columns of bytes are shown as hex
            assert not scope.session.scalar(found, like), table
        assert scope.session.scalar(text("SELECT count(*) FROM users WHERE totp_sealed IS NOT NULL")), "the walls hide none of it"


def test_a09_a_stolen_cookie_enrols_no_authenticator(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief, owner = browse(cast.reader), browse(cast.reader)
    with thief.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    real = app.extensions["readingroom.scopes"].clock
    monkeypatch.setattr(app.extensions["readingroom.scopes"], "clock", lambda: real() + timedelta(minutes=6))
    asked = thief.get("/account/authenticator")
    assert (asked.status_code, asked.location) == (302, "/account/confirm?next=%2Faccount%2Fauthenticator")
    json = {"Accept": "application/json"}
    for path in ("/account/authenticator", "/account/backup-codes", "/account/passkeys"):
        answer = thief.post(path, data={"code": "123456", "passkey_name": "x", "credential": "{}"}, headers=json)
        assert answer.status_code in {401, 303}, path
        assert answer.status_code == 303 or answer.json["code"] == "step-up"
    assert thief.get("/account/passkeys/new", headers=json).json["code"] == "step-up"
    code = cast.reader.code(time.time() + 360)
    good = owner.post("/account/confirm?next=/account/authenticator", data={"confirm-code": code})
    assert (good.status_code, good.location) == (303, "/account/authenticator")
    secret = drawn(owner.get("/account/authenticator").text)
    assert owner.post("/account/authenticator", data={"code": pyotp.TOTP(secret).at(int(time.time() + 360))}).status_code == 303
    assert owner.get("/account").status_code == 200
    assert thief.get("/account").status_code == 302
    assert "login" in thief.get("/account").location


def test_a_form_on_its_way_survives_the_confirmation(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = browse(cast.reader)
    real = app.extensions["readingroom.scopes"].clock
    monkeypatch.setattr(app.extensions["readingroom.scopes"], "clock", lambda: real() + timedelta(minutes=6))
    asked = person.post("/account/backup-codes", data={"csrf_token": person.csrf, "why": "lost <them>"})
    assert asked.status_code == 401
    assert 'name="why" value="lost &lt;them&gt;"' in asked.text
    action = re.search(r'action="(/account/confirm[^"]+)"', asked.text)
    assert action is not None
    where = action[1].replace("&amp;", "&")
    wrong = person.post(where, data={"confirm-code": "000000", "why": "lost <them>"})
    assert (wrong.status_code, "lost &lt;them&gt;" in wrong.text) == (401, True)
    good = person.post(where, data={"confirm-code": cast.reader.code(time.time() + 360), "why": "lost <them>"})
    assert (good.status_code, good.location) == (307, "/account/backup-codes")
    assert person.post(good.location, data={"why": "lost <them>"}).status_code == 200


def test_a_stranger_meets_nothing_of_another_persons_factors(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    made_codes(browse(cast.reader))
    with scopes.open(cast.stranger.actor) as scope:
        assert scope.session.scalars(select(BackupCode)).all() == []
    unknown, theirs = uuid4(), cast.reader.user_id
    admin = browse(cast.strange_admin)
    for verb in ("device-lost", "unlock", "identity"):
        answers = [admin.post(f"/admin/users/{each}/{verb}") for each in (theirs, unknown)]
        assert [each.status_code for each in answers] == [404, 404]


def disabled(scopes: Scopes, person: Person) -> bool:
    with scopes.open(person.actor) as scope:
        return scope.one(select(User).where(User.id == person.user_id)).disabled_at is not None


def test_a_link_to_the_confirmation_carries_no_form_that_its_reader_never_sent(
    browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    """Whoever is sent ``/account/confirm?next=…&again=…`` proves who they are, and nothing is posted anywhere for them."""
    admin = browse(cast.mercy_admin)
    for again in ("1", "True", "0" * 64, ""):
        link = f"/account/confirm?next=/admin/users/{cast.owner.user_id}/disable&again={again}"
        page = admin.get(link)
        action = re.search(r'action="(/account/confirm[^"]+)"', page.text)
        assert action is not None
        assert "again" not in action[1]
        with scopes.open(cast.mercy_admin.actor) as scope:
            scope.one(select(User).where(User.id == cast.mercy_admin.user_id)).totp_last_step = 0
        answer = admin.post(link, data={"confirm-code": cast.mercy_admin.code()})
        assert (answer.status_code, answer.location) == (303, f"/admin/users/{cast.owner.user_id}/disable")
    assert not disabled(scopes, cast.owner)


def test_another_sessions_mark_carries_nothing_either(
    browse: Browse, cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark that the house writes for one person's form is worth nothing in another's browser, or for another address."""
    real = app.extensions["readingroom.scopes"].clock
    monkeypatch.setattr(app.extensions["readingroom.scopes"], "clock", lambda: real() + timedelta(minutes=6))
    asked = browse(cast.owner).post("/account/backup-codes", data={"x": "1"})
    mark = re.search(r"again=([0-9a-f]{64})", asked.text)
    assert mark is not None
    other = browse(cast.mercy_admin)
    code = cast.mercy_admin.code(time.time() + 360)
    answer = other.post(f"/account/confirm?next=/account/backup-codes&again={mark[1]}", data={"confirm-code": code})
    assert answer.status_code == 303
    own = browse(cast.owner).post(
        f"/account/confirm?next=/account/sessions/end-others&again={mark[1]}",
        data={"confirm-code": cast.owner.code(time.time() + 360)},
    )
    assert own.status_code == 303


def test_what_is_no_passkeys_answer_is_a_wrong_one(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    person = browse(cast.reader)
    for name in ('"a"', '"é"', "7", '"AA"'):
        answer = person.post("/account/confirm", data={"confirm-passkey": f'{{"rawId": {name}}}'})
        assert answer.status_code == 401, name
    assert row(scopes, cast.reader).factor_failures == 4
