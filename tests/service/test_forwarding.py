"""The journal goes to the hospital's own collectors: all of it, in order, over TLS to who it must be, and to nobody else."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from sqlalchemy import func, select, update

from sidecar.accounts.events import SignInFailed
from sidecar.adapters.certificates import Pair
from sidecar.adapters.outbound import OffLimits, OwnGround, find
from sidecar.adapters.seals import Seal
from sidecar.alerts import forwarding, shipping
from sidecar.alerts.forwarding import Destination, Target
from sidecar.alerts.tables import Forwarding
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Settings
from sidecar.studies.events import StudyCameBack
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.fakes.collectors import HOST, FhirServer, SyslogCollector, authority, fhir_server, syslog_collector
from tests.service.test_wall import add_study

GROUND = OwnGround(frozenset(), frozenset({6379}), local=True)
TOKEN = "a bearer of the hospital's FHIR server"


@pytest.fixture(scope="module")
def signer() -> Pair:
    return authority()


@pytest.fixture
def collector(signer: Pair, tmp_path: Path) -> Iterator[SyslogCollector]:
    with syslog_collector(signer, tmp_path) as found:
        yield found


@pytest.fixture
def server(signer: Pair, tmp_path: Path) -> Iterator[FhirServer]:
    with fhir_server(signer, tmp_path) as found:
        yield found


@pytest.fixture
def point(cast: Cast, scopes: Scopes, seal: Seal) -> Callable[..., None]:
    def to(target: Target, port: int, pem: str, **more: str) -> None:
        with scopes.open(cast.mercy_admin.actor) as scope:
            forwarding.set_target(scope, seal, target, Destination(HOST, port, pem, **more), everything=True)

    return to


@pytest.fixture
def ship(cast: Cast, scopes: Scopes, seal: Seal) -> Callable[[Target], int]:
    return lambda target: shipping.ship(scopes, seal, cast.mercy, target, ground=GROUND, host="reading.example")


def happen(cast: Cast, scopes: Scopes, times: int = 1) -> None:
    """Write entries of two kinds: a refusal about a person, and something about a study."""
    study = add_study(scopes, cast.mercy)
    for _ in range(times):
        with scopes.open(cast.owner.actor, address="10.1.2.3", request_id="r" * 32) as scope:
            scope.emit(StudyCameBack(organisation_id=cast.mercy, study_id=study))
            scope.emit(SignInFailed(organisation_id=cast.mercy, user_id=cast.colleague.user_id, factor="password"))


def row(cast: Cast, scopes: Scopes, target: Target = Target.SYSLOG) -> Forwarding:
    with scopes.open(system_actor(cast.mercy)) as scope:
        return scope.session.scalars(select(Forwarding).where(Forwarding.target == target.value)).one()


def last(cast: Cast, scopes: Scopes) -> int:
    with scopes.open(system_actor(cast.mercy)) as scope:
        return scope.session.scalar(select(func.max(JournalRow.sequence)).where(JournalRow.organisation_id == cast.mercy)) or 0


def again(cast: Cast, scopes: Scopes) -> None:
    """Let the pause after a failure be over."""
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(Forwarding).values(next_try_at=scope.now - timedelta(seconds=1)))


def numbers(messages: list[str]) -> list[int]:
    """The journal's own numbers in audit messages."""
    found = [ET.fromstring(each.partition("\ufeff")[2]) for each in messages]  # noqa: S314 - our own
    names = [each.findall("ParticipantObjectIdentification")[-1].attrib["ParticipantObjectID"] for each in found]
    return [int(each.rpartition("/")[2]) for each in names]


def test_c06_a_tls_collector_receives_all_of_it_in_order_once(
    cast: Cast,
    scopes: Scopes,
    signer: Pair,
    collector: SyslogCollector,
    point: Callable[..., None],
    ship: Callable[[Target], int],
) -> None:
    happen(cast, scopes, times=30)
    point(Target.SYSLOG, collector.port, signer.certificate)
    end = last(cast, scopes)
    assert end >= 60
    assert ship(Target.SYSLOG) == end
    assert numbers(collector.messages) == list(range(1, end + 1))
    assert ship(Target.SYSLOG) == 0
    happen(cast, scopes)
    ship(Target.SYSLOG)
    assert numbers(collector.messages) == list(range(1, end + 3))
    assert (row(cast, scopes).sequence, row(cast, scopes).last_error) == (end + 2, "")


def test_c06_a_collector_with_a_certificate_of_another_authority_gets_nothing_and_all_waits(
    cast: Cast,
    scopes: Scopes,
    signer: Pair,
    collector: SyslogCollector,
    point: Callable[..., None],
    ship: Callable[[Target], int],
) -> None:
    happen(cast, scopes, times=5)
    point(Target.SYSLOG, collector.port, authority("Somebody else").certificate)
    assert ship(Target.SYSLOG) == 0
    assert (collector.messages, row(cast, scopes).sequence) == ([], 0)
    assert "not trusted" in row(cast, scopes).last_error
    with scopes.open(cast.mercy_admin.actor) as scope:
        waiting = forwarding.progress(scope)[Target.SYSLOG]
        assert (waiting.waiting, waiting.since is not None) == (last(cast, scopes), True)
    assert ship(Target.SYSLOG) == 0, "it waits before it tries again"
    point(Target.SYSLOG, collector.port, signer.certificate)
    assert ship(Target.SYSLOG) == last(cast, scopes)
    assert numbers(collector.messages) == list(range(1, last(cast, scopes) + 1))


def test_a_collector_that_breaks_off_or_is_away_is_told_everything_later(
    cast: Cast,
    scopes: Scopes,
    signer: Pair,
    collector: SyslogCollector,
    point: Callable[..., None],
    ship: Callable[[Target], int],
) -> None:
    happen(cast, scopes, times=40)
    point(Target.SYSLOG, collector.port, signer.certificate)
    collector.deaf = True
    assert ship(Target.SYSLOG) == 0
    first = row(cast, scopes)
    again(cast, scopes)
    assert ship(Target.SYSLOG) == 0
    second = row(cast, scopes)
    assert (first.attempts, second.attempts, second.sequence) == (1, 2, 0)
    assert second.next_try_at > first.next_try_at
    collector.deaf = False
    again(cast, scopes)
    assert ship(Target.SYSLOG) == last(cast, scopes)


def test_the_message_is_what_the_standards_say(
    cast: Cast,
    scopes: Scopes,
    signer: Pair,
    collector: SyslogCollector,
    point: Callable[..., None],
    ship: Callable[[Target], int],
) -> None:
    happen(cast, scopes)
    point(Target.SYSLOG, collector.port, signer.certificate)
    ship(Target.SYSLOG)
    about_study, refused = collector.messages[:2]
    assert about_study.startswith("<85>1 20")
    assert " reading.example ReadingRoom - DICOM+RFC3881 - \ufeff<AuditMessage>" in about_study
    event = ET.fromstring(about_study.partition("\ufeff")[2])  # noqa: S314 - our own
    identification, who = event.find("EventIdentification"), event.find("ActiveParticipant")
    assert identification is not None
    assert who is not None
    assert (identification.attrib["EventOutcomeIndicator"], identification.attrib["EventActionCode"]) == ("0", "C")
    assert (who.attrib["UserID"], who.attrib["UserName"], who.attrib["NetworkAccessPointID"]) == (
        str(cast.owner.user_id), "Tess Owner", "10.1.2.3",
    )  # fmt: skip
    assert event.find("ParticipantObjectIdentification").attrib["ParticipantObjectID"] == "1.2.3"  # type: ignore[union-attr]
    assert "CANARY" not in "".join(collector.messages), "ids and UIDs, no patients"
    assert str(cast.colleague.user_id) in refused


def test_c06_fhir_takes_each_as_a_valid_audit_event_with_the_bearer(
    cast: Cast, scopes: Scopes, signer: Pair, server: FhirServer, point: Callable[..., None], ship: Callable[[Target], int]
) -> None:
    happen(cast, scopes, times=3)
    point(Target.FHIR, server.port, signer.certificate, path="/fhir", bearer=TOKEN)
    assert ship(Target.FHIR) == last(cast, scopes)
    for resource in server.resources:
        AuditEvent.model_validate(resource)
    assert [int(each["entity"][-1]["what"]["identifier"]["value"].rpartition("/")[2]) for each in server.resources] == [
        *range(1, last(cast, scopes) + 1)
    ]
    assert {(each["path"], each["Authorization"], each["Content-Type"]) for each in server.headers} == {
        ("/fhir/AuditEvent", f"Bearer {TOKEN}", "application/fhir+json")
    }
    sealed = row(cast, scopes, Target.FHIR).bearer_sealed
    assert sealed is not None
    assert TOKEN.encode() not in sealed


@pytest.mark.parametrize("answer", [302, 401, 422, 503])
def test_what_a_fhir_server_does_not_take_waits_and_nothing_overtakes_it(
    cast: Cast, scopes: Scopes, signer: Pair, server: FhirServer, point: Callable[..., None], ship: Callable[[Target], int],
    answer: int,
) -> None:  # fmt: skip
    happen(cast, scopes, times=2)
    point(Target.FHIR, server.port, signer.certificate, path="/fhir")
    server.answers = [201, 201, answer]
    assert ship(Target.FHIR) == 2
    assert (row(cast, scopes, Target.FHIR).sequence, row(cast, scopes, Target.FHIR).last_error) == (2, f"It answered {answer}.")
    again(cast, scopes)
    ship(Target.FHIR)
    assert len(server.resources) == last(cast, scopes)


@pytest.mark.parametrize(
    ("host", "port", "ground"),
    [
        ("127.0.0.1", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("localhost", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("::1", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("::ffff:127.0.0.1", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("127.1", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("0x7f000001", 6514, OwnGround(frozenset(), frozenset(), local=False)),
        ("127.0.0.1", 6379, GROUND),
        ("169.254.169.254", 443, GROUND),
        ("0.0.0.0", 6514, GROUND),  # noqa: S104
        ("224.0.0.1", 6514, GROUND),
        ("fe80::1", 6514, GROUND),
        ("fd00:ec2::254", 443, GROUND),
        ("100.100.100.200", 443, GROUND),
        ("10.9.9.9", 6514, OwnGround(frozenset({"10.9.9.9"}), frozenset(), local=False)),
    ],
)
def test_the_platforms_own_ground_is_off_limits(host: str, port: int, ground: OwnGround) -> None:
    with pytest.raises(OffLimits):
        find(host, port, ground)


def test_a_private_network_is_where_a_collector_stands(settings: Settings) -> None:
    assert find("10.1.2.3", 6514, OwnGround(frozenset({"10.9.9.9"}), frozenset(), local=False)) == "10.1.2.3"
    own = OwnGround.of(settings)
    assert settings.cell_http_ports.first in own.ports


FORM = {"target": "syslog", "host": "siem.mercy.example", "port": "6514", "authority": "", "start": "now"}


def test_an_administrator_sets_shows_and_ends_a_forwarding(
    cast: Cast, scopes: Scopes, browse: Callable[[Person | None], Browser], signer: Pair
) -> None:
    admin = browse(cast.mercy_admin)
    assert admin.get("/admin/forwarding").status_code == 200
    assert admin.post("/admin/forwarding", data=FORM | {"authority": signer.certificate}).status_code == 302
    page = admin.get("/admin/forwarding").text
    assert "siem.mercy.example" in page
    fhir = {"target": "fhir", "url": "https://siem.mercy.example/fhir", "bearer": TOKEN, "authority": "", "start": "now"}
    assert admin.post("/admin/forwarding", data=fhir).status_code == 302
    page = admin.get("/admin/forwarding").text
    assert TOKEN not in page, "what was set is never shown again"
    assert admin.post("/admin/forwarding/syslog/end").status_code == 302
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert scope.session.scalars(select(Forwarding.target)).all() == ["fhir"]
        kinds = scope.session.scalars(select(JournalRow.kind).order_by(JournalRow.sequence)).all()
    assert [each for each in kinds if each.startswith("alerts.forwarding")] == [
        "alerts.forwarding.set", "alerts.forwarding.set", "alerts.forwarding.ended",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""}, {"host": "http://x"}, {"host": "127.0.0.1\r\nx"}, {"port": "0"}, {"port": "x"},
        {"authority": "not a certificate"},
        {"target": "fhir", "url": "http://siem.mercy.example/fhir"}, {"target": "fhir", "url": "https://u:p@siem.example/fhir"},
        {"target": "fhir", "url": "https://siem.example/fhir?x=1"}, {"target": "fhir", "url": "file:///etc/passwd"},
        {"target": "fhir", "url": "https://siem.example/fhir", "bearer": "a\r\nb"},
    ],
)  # fmt: skip
def test_a_mistyped_collector_is_explained_at_its_field(
    cast: Cast, browse: Callable[[Person | None], Browser], wrong: dict[str, str]
) -> None:
    answer = browse(cast.mercy_admin).post("/admin/forwarding", data=FORM | wrong)
    assert answer.status_code == 400
    assert 'class="error"' in answer.text


def test_nobody_else_sees_or_sets_a_forwarding(cast: Cast, browse: Callable[[Person | None], Browser]) -> None:
    browse(cast.mercy_admin).post("/admin/forwarding", data=FORM)
    for person in (cast.owner, cast.colleague, cast.reader, cast.stranger, cast.mercy_manager):
        assert browse(person).get("/admin/forwarding").status_code == 403
        assert browse(person).post("/admin/forwarding", data=FORM).status_code == 403
    for other in (cast.strange_admin, cast.luke_admin, cast.platform_admin):
        assert "siem.mercy.example" not in browse(other).get("/admin/forwarding").text
    strange = browse(cast.strange_admin)
    assert alike(strange.post("/admin/forwarding/syslog/end"), "") == alike(strange.post("/admin/forwarding/syslog/end"), "")
    assert "siem.mercy.example" in browse(cast.mercy_admin).get("/admin/forwarding").text
