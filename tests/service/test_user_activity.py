"""What one person did, counted and listed for their own administrator; to everybody else such a person does not exist."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scopes
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import make_study
from tests.service import test_addenda as addenda
from tests.service.test_reports import sign, write

Browse = Callable[[Person | None], Browser]


def test_a_readers_work_is_counted_and_listed_for_their_own_administrator(
    scopes: Scopes, seal: Seal, cast: Cast, browse: Browse
) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    signed = sign(scopes, seal, cast.reader, write(scopes, cast.reader, study))
    addenda.sign(addenda.later(scopes, seconds=31), seal, cast.reader, addenda.write(scopes, cast.reader, signed.report_id))
    asking, path = browse(cast.nightowls_admin), f"/api/users/{cast.reader.user_id}"
    counted: dict[str, Any] = asking.get(f"{path}/statistics?days=1").json["statistics"]
    assert (counted["reports_signed"], counted["addenda_signed"], counted["days"]) == (1, 1, 1)
    assert (counted["open_studies"], counted["reports_read"]) == (0, 0)
    first = asking.get(f"{path}/activity?limit=1").json
    assert first["activity"][0]["kind"] == "reports.addendum.signed"
    assert first["activity"][0]["organization_id"] == str(cast.mercy), "in whose house it was done"
    following = asking.get(f"{path}/activity?limit=50&cursor={first['next']}").json
    assert "reports.report.signed" in {each["kind"] for each in following["activity"]}
    assert browse(cast.reader).get(f"{path}/statistics").status_code == 403, "nobody's own numbers without the right"


def test_nobody_elses_people_can_be_counted(cast: Cast, browse: Browse) -> None:
    for stranger in (cast.mercy_admin, cast.luke_admin, cast.strange_admin):
        asking = browse(stranger)
        for what in ("statistics", "activity"):
            answers = [alike(asking.get(f"/api/users/{each}/{what}"), each) for each in (cast.reader.user_id, uuid4())]
            assert answers[0] == answers[1]
            assert asking.get(f"/api/users/{cast.reader.user_id}/{what}").status_code == 404
