"""The cast on every route: a stranger's answer for another's thing is the answer for a thing that does not exist.

The routes come from the running URL map, so a new one is in the matrix the day it is written; a rule with an argument this
file cannot fill fails the test.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, NamedTuple, get_args
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from sidecar.accounts import addresses, keys
from sidecar.accounts.member_tables import Registration, RoleChange
from sidecar.adapters.seals import Seal
from sidecar.alerts import reviews
from sidecar.alerts.service import raise_alert
from sidecar.alerts.tables import Alert
from sidecar.archive import service as archive
from sidecar.archive.model import Form, Reason
from sidecar.archive.queries import jobs
from sidecar.deidentification import service as deidentification
from sidecar.gate.actor import system_actor
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scopes
from sidecar.notifications.queries import latest
from sidecar.notifications.service import notify
from sidecar.orders import service as orders
from sidecar.orders.model import OrderFacts
from sidecar.organisations import service as organisations
from sidecar.organisations.tables import Contract
from sidecar.sharing import glass, links
from sidecar.sharing.model import What
from sidecar.studies import queries as studies
from sidecar.studies.tables import Instance
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person
from tests.factories.studies import Made, make_study
from tests.matrix_report import Case, write_table

Browse = Callable[[Person | None], Browser]
UNKNOWN_UID = "1.2.826.0.1.3680043.9.7133.404"
VALUES = {
    "sections": {"findings": "x"}, "revision": 0, "priority": "stat", "code": "000000", "password": "x", "meaning": "author",
    "user_id": str(uuid4()), "wanted": "running", "ends_on": "2030-01-01", "study_id": str(uuid4()), "node_id": str(uuid4()),
    "study_ids": [str(uuid4())], "reason": "test-images", "images": 2, "years": 10, "read": True, "status": "scheduled",
    "email": "somebody@example.org", "name": "Somebody", "role": "viewer", "disabled": False, "kind": "reading_group",
    "zone": "UTC", "letterhead": "", "patient_id": "P", "patient_name": "N^N", "modality": "CT",
    "scheduled_station_ae_title": "CT1", "scheduled_procedure_step_start_date": "2026-11-22",
    "scheduled_procedure_step_start_time": "12:00", "requested_procedure_description": "CT", "refresh_token": "x", "token": "x",
    "challenge": "x", "secret": "x", "purpose": "addendum", "text": "x", "scopes": ["studies:study:list"],
}  # fmt: skip
"""One good value for each name that a body may hold."""


def body(app: Flask, rule: Rule, method: str) -> dict[str, Any]:
    """Return what is sent along: to a declared route a body that is read to its end, else everything at once."""
    if method == "GET":
        return {}
    declared = getattr(app.view_functions[rule.endpoint], "api", None)
    if not (declared and declared.body):
        return {"json": VALUES}
    fields = declared.body.model_fields
    return {"json": {name: fitting(VALUES[name], fields[name].annotation) for name in fields if name in VALUES}}


def fitting(value: Any, kind: Any) -> Any:
    """Return the value, or where it is none of those that may be chosen the first of them."""
    choices = list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else get_args(kind)
    chosen = [each for each in choices if isinstance(each, StrEnum)]
    return value if not chosen or value in chosen else chosen[0].value


ORDER = OrderFacts(
    patient_id="SECRETID",
    patient_name="SECRETNAME^CANARY",
    modality="CT",
    scheduled_station_ae_title="SECRETAET",
    scheduled_procedure_step_start_date=date(2026, 11, 21),
    scheduled_procedure_step_start_time=time(12),
    requested_procedure_description="SECRETPROCEDURE",
)


PLACES = {
    "passkey_id": str(uuid4()),
    "name": "a-session-nobody-has",
    "quarter": "2026-Q3",
    "target": "syslog",
}
"""Arguments that name nothing of the owner's: a kind, a time; or what only a device can make, in the e2e tests."""
KINDS = frozenset({"quarter", "target"})
"""Arguments that everybody has: what is meant is the asking person's own."""


class World(NamedTuple):
    """What exists, as values for the arguments of routes, and the arguments of a world that does not."""

    real: dict[str, str]
    unknown: dict[str, str]


def report_of(browse: Browse, cast: Cast, study: Made) -> str:
    """Write and sign a report, as the reader does."""
    reader = browse(cast.reader)
    report = str(reader.post("/api/reports", json={"study_id": str(study.id)}).json["id"])
    draft = {"sections": {"findings": "SECRETFINDING", "impression": "SECRETIMPRESSION"}, "revision": 0}
    assert reader.put(f"/api/reports/{report}/draft", json=draft).status_code == 200
    proof = {"password": PASSWORD, "code": cast.reader.code(), "meaning": "author", "revision": 1}
    assert reader.post(f"/api/reports/{report}/sign", json=proof).status_code == 200
    return report


def addendum_to(browse: Browse, cast: Cast, report: str) -> str:
    """Begin to write an addendum, as the reader does."""
    reader = browse(cast.reader)
    addendum = str(reader.post(f"/api/reports/{report}/addenda").json["id"])
    words = {"purpose": "correction", "text": "SECRETADDENDUM", "revision": 0}
    assert reader.put(f"/api/addenda/{addendum}", json=words).status_code == 200
    return addendum


def archived(scopes: Scopes, cast: Cast, study: Made) -> dict[str, str]:
    """Take the study along and delete another one, as the owner does."""
    other = make_study(scopes, cast.mercy, patient_name="SECRETNAME^DELETED")
    with scopes.open(cast.owner.actor) as scope:
        archive.download(scope, study.id, form=Form.ZIP)
        gone = archive.delete(scope, other.id, reason=Reason.TEST_IMAGES, explanation="SECRETREASON", images=2)
        found = studies.get(scope, study.id)
        return {
            "job_id": str(jobs(scope)[0].job.id),
            "deletion_id": str(gone.id),
            "series_id": str(studies.series_of(scope, found)[0].id),
            "orthanc_id": found.orthanc_id,
            "verb": "download",
        }


def exported(scopes: Scopes, cast: Cast, study: Made, seal: Seal) -> str:
    """Ask for an anonymised export, as the manager does."""
    with scopes.open(cast.mercy_manager.actor) as scope:
        asked = deidentification.ask(
            scope, [study.id], project="SECRETPROJECT", options=[], hold_heads=False, reason="SECRETREASON", seal=seal
        )
        return str(asked.id)


def told(scopes: Scopes, cast: Cast) -> str:
    """Tell the owner something; return its id."""
    with scopes.open(cast.owner.actor) as scope:
        notify(scope, organisation_id=cast.mercy, user_id=cast.owner.user_id, kind="test", text="SECRETNOTE")
        return str(latest(scope, limit=1)[0].id)


def key_of(scopes: Scopes, cast: Cast) -> str:
    """Make the owner an API key; return its id."""
    with scopes.open(replace(cast.owner.actor, fresh_at=datetime.now(UTC))) as scope:
        return str(keys.make_key(scope, name="SECRETKEY", scopes=["studies:study:list"], days=1)[0].id)


def coming_in(scopes: Scopes, seal: Seal, cast: Cast) -> dict[str, str]:
    """Somebody asks for an account, and somebody for another role, in the owner's organisation."""
    registration, change = uuid4(), uuid4()
    with scopes.open(cast.mercy_admin.actor) as scope:
        newcomer = Registration(
            organisation_id=cast.mercy, id=registration, name="SECRETNEWCOMER", password_hash="$argon2id$", password_pepper=1,
            verified_at=scope.now, created_at=scope.now,
        )  # fmt: skip
        addresses.keep(scope, seal, newcomer, "secret@mercy.example")
        scope.session.add(newcomer)
        scope.session.add(
            RoleChange(
                organisation_id=cast.mercy, id=change, user_id=cast.owner.user_id, role_before="technician",
                role_after="viewer", asked_by=cast.mercy_admin.user_id, asked_at=scope.now,
            )
        )  # fmt: skip
    return {"registration_id": str(registration), "change_id": str(change)}


def shared(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> dict[str, str]:
    """Make a link to the study, and break the glass for its patient."""
    with scopes.open(cast.mercy_manager.actor) as scope:
        link, *_ = links.make(
            scope, seal, study.id, what=What.STUDY, recipient="SECRETRECIPIENT", days=1, most_views=1, with_code=False
        )
    with scopes.open(cast.colleague.actor) as scope:
        broken = glass.break_for_patient(scope, written=str(study.id), reason="SECRETREASON of the viewer", minutes=5)
    return {"link_id": str(link.id), "glass_id": str(broken.id)}


def watched(scopes: Scopes, cast: Cast, seal: Seal) -> dict[str, str]:
    """Raise an alert, and confirm who may do what."""
    with scopes.open(cast.mercy_admin.actor) as scope:
        raise_alert(scope, organisation_id=cast.mercy, kind="mass-download", facts={"user_id": cast.owner.user_id, "studies": 70})
        quarter = reviews.Quarter.of(scope.now)
        seen = reviews.fingerprint(reviews.lines(scope, seal, quarter))
        review = reviews.confirm(scope, seal, quarter, seen_hash=seen, note="SECRETNOTE")
        alert = scope.session.scalars(select(Alert.id)).first()
    return {"review_id": str(review.id), "alert_id": str(alert)}


@pytest.fixture
def world(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> World:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="SECRETNAME^CANARY")
    desk = browse(cast.reader).get(f"/reading/{study.id}")
    context = re.search(r"ctx=([0-9a-f-]{36})", desk.text)
    assert context is not None
    with scopes.open(cast.owner.actor) as scope:
        entity = organisations.add_sender(scope, aet="SECRETAET", network="10.1.2.3/32")
        issued = organisations.issue_certificate(scope, entity.id, seal, host="127.0.0.1", years=1)
        order = orders.add(scope, ORDER)
    with scopes.open(system_actor(cast.mercy)) as scope:
        contract = scope.session.query(Contract).filter_by(organisation_id=cast.mercy).one().id
        instance = scope.session.scalars(select(Instance.sop_instance_uid).where(Instance.study_id == study.id)).first()
    report = report_of(browse, cast, study)
    real = {
        **PLACES,
        **archived(scopes, cast, study),
        **coming_in(scopes, seal, cast),
        "study_id": str(study.id),
        "report_id": report,
        "addendum_id": addendum_to(browse, cast, report),
        "order_id": str(order.id),
        "export_id": exported(scopes, cast, study, seal),
        "entity_id": str(entity.id),
        "certificate_id": str(issued.row.id),
        "user_id": str(cast.colleague.user_id),
        "notification_id": told(scopes, cast),
        "key_id": key_of(scopes, cast),
        "contract_id": str(contract),
        "organisation_id": str(cast.mercy),
        "context": context[1],
        "root": context[1],
        "study": study.uid,
        "series": study.series[0],
        "instance": instance,
        "numbers": "1",
        "where": "7fe00010",
        "rest": f"studies/{study.uid}",
        **shared(scopes, seal, cast, study),
        **watched(scopes, cast, seal),
        "number": "70001",
        "token": "a-token-nobody-was-given",
        "filename": "css/tokens.css",
    }
    uids = {"study": UNKNOWN_UID, "series": f"{UNKNOWN_UID}.1", "instance": f"{UNKNOWN_UID}.2", "rest": f"studies/{UNKNOWN_UID}"}
    unknown = {
        name: str(uuid4()) if name.endswith("_id") or name in {"context", "root"} else value for name, value in real.items()
    }
    return World(real, unknown | uids)


def rules(app: Flask) -> list[tuple[Rule, str]]:
    """Every rule that names a thing, with each of its methods."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.arguments and rule.endpoint != "static"
    ]


def every_rule(app: Flask) -> list[tuple[Rule, str]]:
    """Every rule there is, with each of its methods, in an order in which nobody is shut out before asking."""
    found = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint != "static"
    ]
    return sorted(found, key=lambda each: (each[1] != "GET", "user_id" in each[0].arguments))


def url(rule: Rule, values: dict[str, str]) -> str:
    built = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)
    assert "<" not in built
    return built


def strangers(cast: Cast) -> dict[str, Person | None]:
    return {
        "anonymous": None,
        "stranger": cast.stranger,
        "strange manager": cast.strange_manager,
        "strange admin": cast.strange_admin,
        "strange technician": cast.strange_technician,
        "luke's technician": cast.luke_technician,
        "luke's admin": cast.luke_admin,
        "luke's manager": cast.luke_manager,
        "luke's radiologist": cast.luke_radiologist,
        "luke's viewer": cast.luke_viewer,
        "platform admin": cast.platform_admin,
    }


ALLOWED = {
    ("platform admin", "organisation_id"),
    ("platform admin", "contract_id"),
    ("platform admin", "user_id"),
    ("platform admin", "registration_id"),
    ("platform admin", "change_id"),
}
"""Who is no stranger to what: the platform runs organisations, their contracts and their accounts."""


def plain(text: str, values: dict[str, str]) -> str:
    """Take out what differs between any two answers: the ids asked for, the page's own tokens."""
    for name, value in sorted(values.items(), key=lambda each: -len(each[1])):  # a short one may be part of a long one
        text = text.replace(value, f"<{name}>")
    text = re.sub(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"', r'\1=""', text)
    return re.sub(r'datetime="[^"]*"|content="20[^"]*"', "", text)


VARYING_HEADERS = {"X-Request-Id", "Set-Cookie", "Content-Length", "Location", "RateLimit-Remaining", "RateLimit-Reset"}


def test_every_rule_can_be_filled(app: Flask, world: World) -> None:
    assert len(rules(app)) >= 30
    for rule, _method in rules(app):
        url(rule, world.real)


def test_b02_a_stranger_cannot_tell_anothers_thing_from_nothing(
    app: Flask, browse: Browse, cast: Cast, world: World, record_property: Callable[[str, object], None]
) -> None:
    table = []
    for who, person in strangers(cast).items():
        visitor = browse(person)
        for rule, method in rules(app):
            if rule.arguments <= KINDS or any((who, argument) in ALLOWED for argument in rule.arguments):
                continue
            answers = []
            for target, values in (("foreign", world.real), ("unknown", world.unknown)):
                answer = visitor.ask(method, url(rule, values), **body(app, rule, method))
                table.append(Case(method, rule.rule, who, target, answer.status_code, ""))
                headers = {key: value for key, value in answer.headers if key not in VARYING_HEADERS}
                answers.append((answer.status_code, headers, plain(answer.get_data(as_text=True), values)))
                assert answer.status_code in {302, 400, 401, 403, 404, 415}, (who, method, rule.rule, answer.status_code)
                assert "SECRET" not in answer.get_data(as_text=True)
                if answer.status_code == 302:
                    assert answer.location.startswith("/login")
            assert answers[0] == answers[1], (who, method, rule.rule)
    write_table("isolation-sidecar", table)
    assert len(table) >= 1500
    record_property("cases", len(table))


def test_b02_a_role_passes_the_doors_of_its_permissions_and_no_other(
    app: Flask, browse: Browse, cast: Cast, world: World, record_property: Callable[[str, object], None]
) -> None:
    """The owner's own people on their own things: 403 exactly where the role lacks the permission, and the same for unknown ids.

    The viewer goes first: one of the doors shuts the viewer's account.
    """
    own = (cast.colleague, cast.owner, cast.own_radiologist, cast.mercy_manager, cast.mercy_admin, cast.platform_admin)
    table = []
    for person in own:
        visitor, held = browse(person), permissions_of(person.actor)
        for rule, method in every_rule(app):
            needs = app.view_functions[rule.endpoint].needs  # type: ignore[attr-defined]
            may = needs in held | {Permission.PUBLIC, Permission.SIGNED_IN}
            if rule.rule in {"/logout", "/api/auth/logout"}:
                continue
            for target, values in (("unknown", world.unknown), ("own", world.real)):
                answer = visitor.ask(method, url(rule, values), **body(app, rule, method))
                if answer.mimetype == "text/event-stream":  # let in, and it never ends
                    answer.close()
                    assert may
                    continue
                barred = b"Your role may not do this" in answer.data or (answer.status_code == 403 and not answer.data)
                assert barred is not may, (person.actor.role, method, rule.rule, answer.status_code, answer.text[:300])
                table.append(Case(method, rule.rule, f"own {person.actor.role}", target, answer.status_code, ""))
    write_table("isolation-sidecar-roles", table)
    record_property("cases", len(table))


def test_the_rightful_are_let_in(app: Flask, browse: Browse, cast: Cast, world: World) -> None:
    """The other matrix could not fail if everybody were refused: here each GET rule opens for somebody of the cast.

    Let in is also who is led on inside (302), hears that the report is signed already (409) or that this made-up cell does
    not answer (503).
    """
    insiders = (cast.reader, cast.owner, cast.mercy_admin, cast.mercy_manager, cast.platform_admin, cast.lead)
    browsers = [browse(person) for person in insiders]
    context = re.search(r"ctx=([0-9a-f-]{36})", browsers[0].get(f"/reading/{world.real['study_id']}/images").text)
    values = world.real | ({"context": context[1], "root": context[1]} if context else {})
    closed = [
        rule.rule
        for rule, method in rules(app)
        if method == "GET" and not any(person.get(url(rule, values)).status_code in {200, 302, 409, 503} for person in browsers)
    ]
    closed = [rule for rule in closed if not rule.startswith("/sso/")]  # opens where a provider is set, and leads to it
    assert set(closed) <= {
        "/invitation/<token>",
        "/shared/series/<uuid:series_id>/<int:number>.jpg",
        "/reset/<token>",
        "/verify/<token>",
        "/dicom-web/<root>/<path:rest>",
        # What these open, the carrier brings: here are the words for what it does not bring.
        "/dicom-web/<root>/studies/<study>",
        "/dicom-web/<root>/studies/<study>/series/<series>",
        "/dicom-web/<root>/studies/<study>/series/<series>/instances/<instance>",
        "/explorer/<context>/<path:rest>",
    }, closed
