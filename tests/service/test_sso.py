"""Single sign-on against real providers: a strict one that lies on demand, and the one that others test with."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.accounts.sso import service as sso
from sidecar.accounts.sso.tables import SsoProvider, SsoSubject
from sidecar.accounts.tables import User
from sidecar.adapters.oidc import Client, OidcProvider, Unproved
from sidecar.adapters.outbound import OwnGround
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scopes
from sidecar.instance.ports import first_free
from sidecar.instance.readiness import port_answers, wait_until
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Settings
from sidecar.notifications.tables import Notification
from tests.browser import RAW_TOKEN, Browser, alike
from tests.cast import PASSWORD, Cast, Person
from tests.fakes.oidc_provider import CLIENT, OTHER_PARTY, SECRET, Provider, back
from tests.service.letter_box import letter_box

Browse = Callable[[Person | None], Browser]


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider().start()
    yield made
    made.stop()


@pytest.fixture
def hospital(provider: Provider, cast: Cast, scopes: Scopes, seal: Seal) -> Provider:
    """Mercy's people sign in with their own provider; it knows the technician."""
    connect(scopes, seal, cast.mercy_admin, provider.issuer)
    provider.person = {"sub": "staff-7", "email": cast.owner.email, "email_verified": True}
    return provider


def connect(
    scopes: Scopes, seal: Seal, admin: Person, issuer: str, *, required: bool = False, proofs: tuple[str, ...] = ()
) -> None:
    with scopes.open(admin.actor) as scope:
        sso.set_provider(
            scope, seal, issuer=issuer, client_id=CLIENT, client_secret=SECRET, required=required, trusted_proofs=list(proofs)
        )


def come_back(browser: Browser, house: object, provider: Provider, *, after: str = "/worklist", **changed: str) -> Any:
    """Go to the provider, sign in there, and come back."""
    out = browser.get(f"/sso/{house}?next={after}")
    assert out.status_code == 302, out.text
    return browser.get(back(f"/sso/{house}/callback", {**provider.consent(out.location), **changed}))


def form_token(browser: Browser) -> None:
    """Give the browser the form's token of its new session, as the next page would."""
    with browser.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN


def kinds(scopes: Scopes, cast: Cast) -> list[str]:
    with scopes.open(cast.mercy_admin.actor) as scope:
        asked = select(JournalRow.kind).where(JournalRow.organisation_id == cast.mercy).order_by(JournalRow.sequence)
        return list(scope.session.scalars(asked))


def test_the_provider_says_who_and_our_second_factor_follows(
    hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    person = browse(None)
    answer = come_back(person, cast.mercy, hospital)
    assert (answer.status_code, answer.location) == (302, "/login/code")
    assert person.get("/worklist").location.startswith("/login")
    assert person.get("/api/auth/me", headers={"Accept": "application/json"}).status_code == 401
    form_token(person)
    answer = person.post("/login/code", data={"code": cast.owner.code()})
    assert (answer.status_code, answer.location) == (302, "/worklist")
    assert person.get("/api/auth/me").json["id"] == str(cast.owner.user_id)
    assert "accounts.sso.linked" in kinds(scopes, cast)
    assert not hospital.refused


def test_a_second_factor_of_the_provider_counts_where_the_organisation_says_so(
    hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes, seal: Seal
) -> None:
    hospital.person |= {"amr": ["pwd", "mfa"], "auth_time": int(datetime.now(UTC).timestamp()) - 3600}
    assert come_back(browse(None), cast.mercy, hospital).location == "/login/code"
    connect(scopes, seal, cast.mercy_admin, hospital.issuer, proofs=("mfa",))
    person = browse(None)
    assert come_back(person, cast.mercy, hospital).location == "/worklist"
    told = person.get("/api/auth/me").json
    assert told["id"] == str(cast.owner.user_id)
    assert datetime.fromisoformat(told["proved_at"]) < datetime.now(UTC).replace(microsecond=0)
    form_token(person)
    assert person.post("/api/auth/2fa/totp").status_code == 401  # an hour old: step up first
    hospital.person["amr"] = ["pwd"]
    assert come_back(browse(None), cast.mercy, hospital).location == "/login/code"


def test_the_subject_decides_from_the_second_time_on(hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes) -> None:
    come_back(browse(None), cast.mercy, hospital)
    hospital.person["email"] = cast.mercy_admin.email
    person = browse(None)
    assert come_back(person, cast.mercy, hospital).location == "/login/code"
    form_token(person)
    person.post("/login/code", data={"code": cast.owner.code()})
    assert person.get("/api/auth/me").json["id"] == str(cast.owner.user_id)
    hospital.person = {"sub": "another", "email": cast.owner.email, "email_verified": True}
    assert come_back(browse(None), cast.mercy, hospital).status_code == 403


NOT_LET_IN: list[dict[str, Any]] = [
    {"email_verified": False}, {"email_verified": "true"}, {"email_verified": None}, {"email": ""},
    {"email": "nobody@example.org"}, {"email": "STRANGER"}, {"email": "READER"}, {"email": "DISABLED"},
]  # fmt: skip


def test_whoever_has_no_account_there_is_not_let_in(hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """Neither an unverified address, nor an account of another organisation, nor one that is shut."""
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.one(select(User).where(User.id == cast.colleague.user_id)).disabled_at = scope.now
    addresses = {"STRANGER": cast.stranger.email, "READER": cast.reader.email, "DISABLED": cast.colleague.email}
    right, browser = hospital.person, browse(None)
    for person in NOT_LET_IN:
        hospital.person = right | {name: addresses.get(value, value) for name, value in person.items()}
        assert come_back(browser, cast.mercy, hospital).status_code == 403, person
        assert browser.get("/api/auth/me").status_code == 401
    assert kinds(scopes, cast).count("accounts.sso.refused") == len(NOT_LET_IN)
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert scope.session.scalars(select(SsoSubject)).all() == []


NOT_FOR_US: list[dict[str, Any]] = [
    {"nonce": "another"}, {"nonce": None}, {"iss": OTHER_PARTY}, {"iss": None}, {"aud": "other"}, {"aud": [CLIENT, "other"]},
    {"aud": None}, {"exp": 1}, {"exp": None}, {"iat": 4_000_000_000}, {"nbf": 4_000_000_000}, {"sub": ""}, {"sub": 7},
    {"azp": "other"}, {"amr": "mfa"},
]  # fmt: skip


def test_a_token_that_is_not_for_this_sign_in_counts_for_nothing(hospital: Provider, browse: Browse, cast: Cast) -> None:
    browser = browse(None)
    for claims in NOT_FOR_US:
        hospital.lies = {"claims": claims}
        assert come_back(browser, cast.mercy, hospital).status_code == 403, claims
        assert browser.get("/login/code").status_code == 302
    hospital.lies = {}
    for signing in ("none", "HS256", "other"):
        hospital.signing = signing
        assert come_back(browser, cast.mercy, hospital).status_code == 403, signing
    hospital.signing = "own"
    assert come_back(browser, cast.mercy, hospital).location == "/login/code"


def test_what_comes_back_counts_once_and_in_the_session_that_asked(hospital: Provider, browse: Browse, cast: Cast) -> None:
    person, other = browse(None), browse(None)
    out = person.get(f"/sso/{cast.mercy}").location
    way = back(f"/sso/{cast.mercy}/callback", hospital.consent(out))
    assert other.get(way).status_code == 403  # somebody else's code, slipped to them
    assert person.get(way).status_code == 302
    assert person.get(way).status_code == 403
    assert come_back(browse(None), cast.mercy, hospital, state="guessed").status_code == 403
    assert come_back(browse(None), cast.mercy, hospital, code="").status_code == 403
    hospital.lies = {"answering": OTHER_PARTY}
    assert come_back(browse(None), cast.mercy, hospital).status_code == 403


def test_a_provider_speaks_for_its_own_organisation_only(
    hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes, seal: Seal
) -> None:
    evil = Provider({"sub": "x", "email": cast.owner.email, "email_verified": True}).start()
    connect(scopes, seal, cast.strange_admin, evil.issuer, proofs=("mfa",))
    assert come_back(browse(None), cast.strangers, evil).status_code == 403
    person = browse(None)
    out = person.get(f"/sso/{cast.strangers}")
    assert person.get(back(f"/sso/{cast.mercy}/callback", evil.consent(out.location))).status_code == 403
    evil.stop()


def test_an_organisation_may_want_its_own_sign_in_only(
    hospital: Provider, browse: Browse, cast: Cast, scopes: Scopes, seal: Seal
) -> None:
    """Only who knows the password hears it; other organisations' people are not concerned."""
    connect(scopes, seal, cast.mercy_admin, hospital.issuer, required=True)
    form = {"email": cast.owner.email, "password": PASSWORD}
    answer = browse(None).post("/login", data=form)
    assert (answer.status_code, answer.location) == (302, f"/sso/{cast.mercy}")
    asked = browse(None).post("/api/auth/login", json={**form, "code": cast.owner.code()})
    assert (asked.status_code, asked.json["code"]) == (403, "sso-required")
    wrong = browse(None).post("/api/auth/login", json={**form, "password": "wrong horse battery"})
    assert (wrong.status_code, wrong.json["code"]) == (401, "unauthenticated")
    assert browse(None).post("/login", data={"email": cast.reader.email, "password": PASSWORD}).location == "/login/code"


def test_an_address_may_come_from_beside_the_token(hospital: Provider, browse: Browse, cast: Cast) -> None:
    hospital.lies = {"quiet": True}
    assert come_back(browse(None), cast.mercy, hospital).location == "/login/code"
    hospital.lies = {"quiet": True, "userinfo_sub": "another"}
    assert come_back(browse(None), cast.mercy, hospital).status_code == 403


def test_a_word_beside_an_address_counts_for_that_address_alone(hospital: Provider, browse: Browse, cast: Cast) -> None:
    """The token says that something is verified, and no address; the address that is told elsewhere is anybody's."""
    hospital.lies = {"quiet": True, "claims": {"email_verified": True}}
    for unsure in (False, None):
        hospital.person["email_verified"] = unsure
        assert come_back(browse(None), cast.mercy, hospital).status_code == 403
    del hospital.person["email_verified"]
    assert come_back(browse(None), cast.mercy, hospital).status_code == 403


def test_the_entrance_of_an_organisation_without_a_provider_is_no_entrance(browse: Browse, cast: Cast) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in ("/sso/{}", "/sso/{}/callback?code=a&state=b"):
        own = browse(None).get(path.format(cast.luke))
        assert own.status_code == (404 if "callback" not in path else 403)
        assert alike(own, cast.luke) == alike(browse(None).get(path.format(unknown)), unknown)


def test_the_clients_secret_is_sealed_in_its_row(hospital: Provider, cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with scopes.open(cast.mercy_admin.actor) as scope:
        row = scope.one(select(SsoProvider))
        assert SECRET.encode() not in row.client_secret_sealed
        assert sso.client_of(scope, seal, public_url="").secret == SECRET
    with scopes.open(cast.stranger.actor) as scope:
        assert scope.session.scalars(select(SsoProvider)).all() == []


@pytest.mark.parametrize(
    "issuer",
    [
        "http://192.0.2.1/",
        "http://169.254.169.254/latest",
        "https://0.0.0.0/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "DATABASE",
    ],
)
def test_nobody_is_called_who_is_no_provider(settings: Settings, issuer: str) -> None:
    """Not what a cloud says about its machines, not our own services, and nobody without TLS."""
    ground = OwnGround.of(settings)
    database = next(iter(sorted(ground.ports)))
    with pytest.raises(Unproved, match=r"address|TLS"):
        OidcProvider(Client(issuer.replace("DATABASE", f"http://127.0.0.1:{database}"), CLIENT, "", ""), ground)


def test_the_administrator_sets_the_provider_once_it_has_answered(
    provider: Provider, browse: Browse, cast: Cast, scopes: Scopes
) -> None:
    admin = browse(cast.mercy_admin)
    form = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "trusted_proofs": "mfa hwk", "required": "y"}
    refused = admin.post("/admin/security/sso", data={**form, "issuer": f"{provider.issuer}/other"})
    assert refused.status_code == 400
    assert "Not kept" in refused.text
    assert "accounts.sso.set" not in kinds(scopes, cast)
    assert admin.post("/admin/security/sso", data=form).status_code == 302
    page = admin.get("/admin/security").text
    assert f"/sso/{cast.mercy}/callback" in page
    assert SECRET not in page
    assert browse(cast.stranger).get("/admin/security").status_code == 403
    assert f"/sso/{cast.mercy}" not in browse(cast.strange_admin).get("/admin/security").text
    remove = f"/admin/security/sso/{cast.mercy}/remove"
    unknown = "00000000-0000-4000-8000-000000000000"
    foreign = browse(cast.strange_admin).post(remove)
    assert foreign.status_code == 404
    missing = browse(cast.strange_admin).post(f"/admin/security/sso/{unknown}/remove")
    assert alike(foreign, cast.mercy) == alike(missing, unknown)
    platform = browse(cast.platform_admin)
    assert provider.issuer in platform.get("/admin/security").text
    assert platform.post(remove).status_code == 302
    assert admin.post("/admin/security/sso", data=form).status_code == 302
    assert admin.post(remove).status_code == 302
    assert browse(None).get(f"/sso/{cast.mercy}").status_code == 404


def test_no_administrator_lets_a_provider_speak_for_the_others_unseen(
    provider: Provider, browse: Browse, cast: Cast, scopes: Scopes, app: Flask
) -> None:
    """Whoever sets the provider may have it say that they are anybody: who decides with them is told, and that person."""

    def told(person: Person) -> list[str]:
        with scopes.open(person.actor) as scope:
            return [each.text for each in scope.session.scalars(select(Notification).order_by(Notification.created_at))]

    admin, form = browse(cast.mercy_admin), {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    assert admin.post("/admin/security/sso", data={**form, "trusted_proofs": "mfa"}).status_code == 302
    assert ["Ada Mercy set" in each and "127.0.0.1" in each for each in told(cast.mercy_manager)] == [True]
    assert told(cast.mercy_admin) == told(cast.own_radiologist) == told(cast.luke_admin) == []
    provider.person = {"sub": "forged", "email": cast.own_radiologist.email, "email_verified": True, "amr": ["mfa"]}
    with letter_box(app) as box:
        for _time in range(2):
            assert come_back(browse(None), cast.mercy, provider).location == "/worklist"
        assert len(box.to(cast.own_radiologist.email)) == 1
    assert ["single sign-on" in each for each in told(cast.own_radiologist)] == [True]
    assert browse(cast.platform_admin).post(f"/admin/security/sso/{cast.mercy}/remove").status_code == 302
    assert told(cast.mercy_manager)[1:] == told(cast.mercy_admin)
    assert "The platform" in told(cast.mercy_admin)[0]


def test_others_provider_signs_in_too(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal, app: Flask) -> None:
    """oidc-provider-mock, an implementation that is not ours, with a client registered there as administrators do."""
    port = first_free(range(28400, 28500))
    person = {"sub": "staff-9", "email": cast.owner.email, "email_verified": True}
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "-r", "true"]
    process = subprocess.Popen(
        [*command, "--user-claims", json.dumps(person)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: port_answers(port), seconds=20, what="the provider")
        issuer, home = f"http://127.0.0.1:{port}", app.extensions["readingroom.settings"].public_url
        wanted = {"redirect_uris": [sso.callback_url(home, cast.mercy)]}
        known = httpx.post(f"{issuer}/oauth2/clients", json=wanted).json()
        with scopes.open(cast.mercy_admin.actor) as scope:
            sso.set_provider(
                scope, seal, issuer=issuer, client_id=known["client_id"], client_secret=known["client_secret"], required=False,
                trusted_proofs=[],
            )  # fmt: skip
        browser = browse(None)
        url = browser.get(f"/sso/{cast.mercy}").location
        answer = httpx.post(url, data={"sub": "staff-9"})
        found = re.search(r"/sso/[^?]+/callback\?.*", answer.headers["location"])
        assert found is not None
        assert browser.get(found[0]).location == "/login/code"
    finally:
        process.terminate()
        process.wait()


def test_a_provider_from_tomorrow_is_not_fresh_for_ever(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> None:
    """``auth_time`` is the provider's word: one that lies ahead would open every step-up until then; a monstrous one is none."""
    provider = Provider().start()
    try:
        connect(scopes, seal, cast.mercy_admin, provider.issuer, proofs=("mfa",))
        for ahead in (10**8, 10**17):
            provider.person = {"sub": "s", "email": cast.owner.email, "email_verified": True, "amr": ["mfa"]}
            provider.person["auth_time"] = int(time.time()) + ahead
            person = browse(None)
            assert come_back(person, cast.mercy, provider).location == "/worklist"
            proved = datetime.fromisoformat(person.get("/api/auth/me").json["proved_at"])
            assert proved <= datetime.now(UTC)
    finally:
        provider.stop()


def test_no_link_puts_a_providers_door_on_the_sign_in_page_before_it_led_to_an_account(
    hospital: Provider, browse: Browse, cast: Cast
) -> None:
    """``/sso/<any organisation>`` can be sent to anybody: the button stays away until that provider let this browser in."""
    person, button = browse(None), f"/sso/{cast.mercy}"
    out = person.get(button)
    assert out.status_code == 302
    assert button not in person.get("/login").text
    hospital.person["email"] = cast.stranger.email
    assert come_back(person, cast.mercy, hospital).status_code == 403
    assert button not in person.get("/login").text
    hospital.person["email"] = cast.owner.email
    assert come_back(person, cast.mercy, hospital).status_code == 302
    assert button in person.get("/login").text
