"""A download goes on as long as its person is let in: signed out, shut out, of another role, key revoked, and it may not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select, update

from sidecar.accounts import carrying, ending, keys, members, tokens, visits
from sidecar.accounts.office import Office
from sidecar.accounts.tables import User
from sidecar.adapters import carriages
from sidecar.adapters.carriages import Bearer
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.sharing import people
from sidecar.studies import deletion
from sidecar.studies import queries as studies
from sidecar.studies.tables import Instance
from tests.browser import Browser, alike
from tests.cast import Cast, Person, share_with
from tests.factories.studies import make_study
from tests.service.test_api_keys import make as make_key
from tests.service.test_tokens import Program, sign_in

Browse = Callable[[Person | None], Browser]
TAKE = "archive:study:download"


class Begun:
    """Downloads of mercy's technician, begun by a browser, a program, and a machine with a key; one of a colleague."""

    def __init__(self, app: Flask, browse: Browse, scopes: Scopes, cast: Cast, seal: Seal) -> None:
        self.scopes, self.cast = scopes, cast
        self.redis: Redis = app.extensions["readingroom.redis"]
        self.office = Office(seal, self.redis, mails=False)
        self.path = f"/api/studies/{make_study(scopes, cast.mercy).id}/download?form=zip"
        self.browser, self.program = browse(cast.owner), sign_in(app, scopes, cast.owner)
        self.key, text = make_key(scopes, cast.owner, TAKE)
        machine, colleague = Program(app, access=text), browse(cast.own_radiologist)
        answers = {
            "browser": self.browser.get(self.path), "program": self.program.ask("GET", self.path),
            "machine": machine.ask("GET", self.path), "colleague": colleague.get(self.path),
        }  # fmt: skip
        self.bearers = {who: self._bearer(answer.headers["X-Accel-Redirect"]) for who, answer in answers.items()}

    def _bearer(self, address: str) -> Bearer:
        carriage = carriages.take(self.redis, address.removeprefix(carriages.INTERNAL))
        assert carriage is not None
        return carriage.bearer

    def going_on(self) -> set[str]:
        return {who for who, bearer in self.bearers.items() if carrying.still_open(self.scopes, self.redis, bearer)}


@pytest.fixture
def begun(app: Flask, browse: Browse, scopes: Scopes, cast: Cast, seal: Seal) -> Begun:
    made = Begun(app, browse, scopes, cast, seal)
    assert made.going_on() == {"browser", "program", "machine", "colleague"}
    return made


def disable(begun: Begun) -> None:
    with begun.scopes.open(begun.cast.mercy_admin.actor) as scope:
        members.disable(scope, begun.office, begun.cast.owner.user_id)


def delete(begun: Begun) -> None:
    with begun.scopes.open(begun.cast.mercy_admin.actor) as scope:
        members.delete_user(scope, begun.office, begun.cast.owner.user_id)


def change_role(begun: Begun) -> None:
    """As the second person's word does, keys included: they act as their owner is now."""
    with begun.scopes.open(begun.cast.mercy_admin.actor) as scope:
        scope.session.execute(update(User).where(User.id == begun.cast.owner.user_id).values(role="viewer"))


def end_everywhere(begun: Begun) -> None:
    with begun.scopes.open(begun.cast.owner.actor) as scope:
        ending.end_everywhere(scope, begun.redis, begun.cast.owner.user_id)


def sign_out(begun: Begun) -> None:
    assert begun.browser.post("/logout").status_code == 302


def sign_the_program_out(begun: Begun) -> None:
    assert begun.program.ask("POST", "/api/auth/logout").status_code == 200


def revoke(begun: Begun) -> None:
    with begun.scopes.open(begun.cast.owner.actor) as scope:
        keys.revoke_own(scope, begun.key.id)


@pytest.mark.parametrize(
    ("act", "still"),
    [
        (disable, set()), (delete, set()), (change_role, set()), (end_everywhere, {"machine"}),
        (sign_out, {"program", "machine"}), (sign_the_program_out, {"browser", "machine"}), (revoke, {"browser", "program"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a18_what_ends_a_session_ends_its_downloads_and_no_others(
    begun: Begun, act: Callable[[Begun], None], still: set[str]
) -> None:
    act(begun)
    assert begun.going_on() == still | {"colleague"}


def test_sitting_still_ends_no_download_but_a_reset_password_does(begun: Begun, cast: Cast) -> None:
    later = datetime.now(UTC) + visits.IDLE + timedelta(seconds=1)
    visit = begun.bearers["browser"].session
    assert visits.look(begun.redis, visit, now=later) is None
    assert "browser" in begun.going_on()
    with begun.scopes.open(cast.owner.actor) as scope:
        ending.end_everywhere(scope, begun.redis, cast.owner.user_id, keep="another")
    assert "browser" not in begun.going_on()


def test_a_session_that_ended_a_moment_ago_begins_no_download(begun: Begun, cast: Cast) -> None:
    visit = begun.bearers["browser"].session
    visits.shut(begun.redis, cast.owner.user_id, visit)
    visits.carry(begun.redis, cast.owner.user_id, visit)
    assert "browser" not in begun.going_on()


def test_nobody_carries_on_in_anothers_name(begun: Begun, cast: Cast) -> None:
    """The stranger has a session and a role, and so has the owner: only the right ones together open anything."""
    own, redis = begun.bearers["browser"], begun.redis
    with begun.scopes.open(cast.stranger.actor) as scope:
        family = tokens.begin(scope, scope.one(select(User).where(User.id == cast.stranger.user_id)), client="", address="")[
            0
        ].id.hex
    for wrong in (
        replace(own, session=family), replace(own, session="nonsense"), replace(own, session=""),
        replace(own, user_id=cast.stranger.user_id), replace(own, organisation_id=cast.strangers),
        replace(own, user_id=UUID(int=0)),
    ):  # fmt: skip
        assert not carrying.still_open(begun.scopes, redis, wrong), wrong


def carried(app: Flask, browser: Browser, address: str) -> Bearer:
    """What the carrier is told of a download that a browser begins."""
    answer = browser.get(address)
    name = answer.headers.get("X-Carried") or answer.headers["X-Accel-Redirect"].removeprefix(carriages.INTERNAL)
    found = carriages.take(app.extensions["readingroom.redis"], name.removeprefix("/"))
    assert found is not None
    return found.bearer


def test_a_download_ends_with_the_sight_of_its_study(app: Flask, browse: Browse, scopes: Scopes, cast: Cast) -> None:
    """The reader's hours are over, or the study is deleted: what is under way does not go on to its end."""
    redis: Redis = app.extensions["readingroom.redis"]
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    path = f"/studies/{study.id}/archive.zip"
    reader, owner = (carried(app, browse(each), path) for each in (cast.reader, cast.owner))
    assert reader.studies == owner.studies == (study.id,)

    def going_on() -> list[bool]:
        return [carrying.still_open(scopes, redis, each) for each in (reader, owner)]

    assert going_on() == [True, True]
    with scopes.open(system_actor(cast.mercy)) as scope:
        studies.get(scope, study.id).reading_ends_at = scope.now - timedelta(seconds=1)
    assert going_on() == [False, True]
    with scopes.open(cast.owner.actor) as scope:
        deletion.hide(scope, studies.get(scope, study.id))
    assert going_on() == [False, False]
    assert not carrying.still_open(scopes, redis, replace(owner, studies=(UUID(int=7),)))


def test_what_was_shared_or_opened_by_breaking_glass_ends_with_that(
    app: Flask, browse: Browse, scopes: Scopes, cast: Cast
) -> None:
    """A viewer's object under way, of a study shared with them, and of one they broke the glass for."""
    redis: Redis = app.extensions["readingroom.redis"]
    study = make_study(scopes, cast.mercy, patient_id="EMERGENCY9")
    with scopes.open(system_actor(cast.mercy)) as scope:
        uid = scope.one(select(Instance.sop_instance_uid).where(Instance.study_id == study.id).limit(1))
    address = f"/edge/objects?root=own&study={study.uid}&series={study.series[0]}&instance={uid}"
    viewer = browse(cast.colleague)
    assert viewer.get(address).status_code == 403
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    shared = carried(app, viewer, address)
    assert carrying.still_open(scopes, redis, shared)
    with scopes.open(cast.mercy_manager.actor) as scope:
        people.unshare(scope, study.id, user_id=cast.colleague.user_id)
    assert not carrying.still_open(scopes, redis, shared)
    form = {"patient": "EMERGENCY9", "reason": "Unconscious in the emergency room", "minutes": "60"}
    assert viewer.post("/glass", data=form).status_code == 302
    broken = carried(app, viewer, address)
    assert carrying.still_open(scopes, redis, broken)
    assert not carrying.still_open(scopes, redis, replace(broken, user_id=cast.luke_viewer.user_id, organisation_id=cast.luke))
    assert viewer.post("/glass/close").status_code == 302
    assert not carrying.still_open(scopes, redis, broken)


def test_nothing_goes_on_for_ever_and_single_answers_end_sooner(app: Flask, begun: Begun, browse: Browse, cast: Cast) -> None:
    """A machine's key may be good for a year: its download is over after a day, and what is only looked at after an hour."""
    redis: Redis = app.extensions["readingroom.redis"]
    now, study = datetime.now(UTC), make_study(begun.scopes, cast.mercy)
    with begun.scopes.open(system_actor(cast.mercy)) as scope:
        uid = scope.one(select(Instance.sop_instance_uid).where(Instance.study_id == study.id).limit(1))
    looked = f"/dicom-web/own/studies/{study.uid}/series/{study.series[0]}/instances/{uid}/bulk/7fe00010"
    machine = Program(app, access=make_key(begun.scopes, cast.owner, TAKE)[1])
    for answer, single, hours in (
        (machine.ask("GET", begun.path), False, 24),
        (begun.browser.get(begun.path), False, 12),
        (begun.browser.get(looked), True, 1),
    ):
        address = answer.headers["X-Accel-Redirect"]
        found = carriages.take(redis, address.rpartition("/")[2])
        assert found is not None
        assert (found.single, address.startswith(carriages.SINGLE)) == (single, single)
        ends = datetime.fromtimestamp(found.until, UTC) - now
        assert timedelta(hours=hours, minutes=-5) < ends <= timedelta(hours=hours, minutes=1)
    for person in (cast.stranger, cast.strange_technician):
        theirs, unknown = (browse(person).get(looked.replace(study.uid, each)) for each in (study.uid, "1.2.3"))
        assert alike(theirs, study.uid) == alike(unknown, "1.2.3")
        assert theirs.status_code == 404


def test_a_strangers_download_is_that_of_an_unknown_study(begun: Begun, browse: Browse, cast: Cast) -> None:
    unknown, own = str(UUID(int=7)), begun.path.split("/")[3]
    for person in (cast.stranger, cast.strange_technician, cast.luke_technician):
        answers = [browse(person).get(begun.path.replace(own, each)) for each in (own, unknown)]
        assert alike(answers[0], own) == alike(answers[1], unknown)
        assert (answers[0].status_code, "X-Accel-Redirect" in answers[0].headers) == (404, False)
