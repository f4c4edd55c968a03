"""What the document of the API says is what the API does: schemathesis asks every operation, rightly and wrongly.

Asked by somebody whose role may pass the door, of their own things and of things that are not there, so that answers of every
kind are compared with the document. No answer may be a 5xx, nor one that the document does not know.
"""

import time
from collections.abc import Callable
from datetime import date
from datetime import time as clock_time
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from sidecar.adapters.seals import Seal
from sidecar.gate.openapi import Operation, document, operations
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scopes
from sidecar.orders import service as orders
from sidecar.orders.model import OrderFacts
from sidecar.reports import addenda
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.factories.studies import make_study
from tests.service.test_reports import sign, write

ORDER = OrderFacts(
    patient_id="P1",
    patient_name="Doe^Jane",
    modality="CT",
    scheduled_station_ae_title="CT1",
    scheduled_procedure_step_start_date=date(2026, 11, 22),
    scheduled_procedure_step_start_time=clock_time(12),
    requested_procedure_description="CT chest",
)
Browse = Callable[[Person | None], Browser]
SECONDS = 20.0
"""After that each operation that is left is asked once in each way."""
MOST = 3
"""Questions per operation and way."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def asker(cast: Cast, needs: Permission) -> Person:
    """Return somebody who may pass this door."""
    people = (cast.mercy_manager, cast.own_radiologist, cast.mercy_admin, cast.platform_admin)
    return next(each for each in people if needs in permissions_of(each.actor) | {Permission.PUBLIC, Permission.SIGNED_IN})


@pytest.fixture
def real(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> dict[str, str]:
    """Ids of things that are there."""
    study = make_study(scopes, cast.mercy)
    with scopes.open(cast.owner.actor) as scope:
        order = orders.add(scope, ORDER)
    report = browse(cast.own_radiologist).post("/api/reports", json={"study_id": str(study.id)}).json["id"]
    signed = write(scopes, cast.own_radiologist, make_study(scopes, cast.mercy))
    sign(scopes, seal, cast.own_radiologist, signed)
    with scopes.open(cast.own_radiologist.actor) as scope:
        addendum = addenda.open_addendum(scope, signed).id
    return {
        "addendum_id": str(addendum),
        "study_id": str(study.id),
        "order_id": str(order.id),
        "report_id": report,
        "user_id": str(cast.colleague.user_id),
        "organisation_id": str(cast.mercy),
    }


def ways(each: Operation, operation: APIOperation, real: dict[str, str]) -> list[Any]:
    """Return how an operation is asked: as the document says, against it, and as it says about things that are there."""
    mine = {name: real[name] for name in each.rule.arguments if name in real}
    found = [operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if _can(each, mode)]
    if mine:
        condition = {"If-Match": "*"} if each.declared.conditional or each.declared.revised else None
        found.append(operation.as_strategy(path_parameters=mine, headers=condition))
    return found


def _can(each: Operation, mode: GenerationMode) -> bool:
    """Nothing can be asked wrongly of what takes nothing."""
    takes = (
        each.rule.arguments or each.declared.body or each.declared.query or each.declared.idempotent or each.declared.conditional
    )
    return mode is GenerationMode.POSITIVE or bool(takes)


def test_no_answer_contradicts_the_document(
    app: Flask, browse: Browse, cast: Cast, real: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    schema = schemathesis.openapi.from_dict(document(app, server="http://localhost"))
    schema.app = app
    until, asked, found = time.monotonic() + SECONDS, 0, list(operations(app))
    wrong: list[str] = []
    for each in found:
        visitor = browse(asker(cast, each.declared.needs))
        cookie = visitor.client.get_cookie("rr_session")
        sent: dict[str, Any] = {
            "headers": {"X-CSRFToken": visitor.csrf},
            "cookies": {"rr_session": cookie.value} if cookie else {},
        }
        for way in ways(each, schema[each.path][each.method], real):
            asked += ask(way, sent, wrong, most=MOST if time.monotonic() < until else 1)
    record_property("asked", asked)
    assert not wrong, "\n\n".join(wrong)
    assert asked >= 2 * len(found)


def ask(way: Any, sent: dict[str, Any], wrong: list[str], *, most: int) -> int:
    """Ask in one way; return how often. What contradicts the document is added to ``wrong``."""
    asked = 0

    @hypothesis.given(case=way)
    @hypothesis.settings(
        max_examples=most,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: Case) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(**sent)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            wrong.extend(f"{case.method} {case.path} {answer.status_code}: {each}" for each in failures.exceptions)

    one()
    return asked
