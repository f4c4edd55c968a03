"""A collector that asks for a client certificate (RFC 5425 section 4.2.2) gets the journal from who has one, and nothing else."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sidecar.adapters import collectors
from sidecar.adapters.certificates import Pair, issue_client
from sidecar.adapters.collectors import Collector, Unheard, send_syslog
from sidecar.adapters.seals import Seal
from sidecar.alerts import forwarding, shipping
from sidecar.alerts.forwarding import Destination, Target
from sidecar.alerts.tables import Forwarding
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.fakes.collectors import HOST, SyslogCollector, asking_context, authority, server_context, syslog_collector
from tests.service.test_forwarding import FORM, GROUND, again, happen, last, numbers, row

Ship = Callable[[Pair | None], int]
LIFE = timedelta(days=30)


@pytest.fixture(scope="module")
def signer() -> Pair:
    return authority()


@pytest.fixture(scope="module")
def of_clients() -> Pair:
    return authority("Mercy's clients")


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def collector(request: pytest.FixtureRequest, signer: Pair, of_clients: Pair, tmp_path: Path) -> Iterator[SyslogCollector]:
    context = asking_context(signer, of_clients, tmp_path, version=request.param)
    with syslog_collector(signer, tmp_path, context) as found:
        yield found


@pytest.fixture
def ship(cast: Cast, scopes: Scopes, seal: Seal, signer: Pair, collector: SyslogCollector) -> Ship:
    """Prove ourselves with this certificate from now on, and send what waits."""

    def sent(mine: Pair | None) -> int:
        more = {"client_certificate": mine.certificate, "client_key": mine.key.decode()} if mine else {}
        to = Destination(HOST, collector.port, signer.certificate, **more)
        with scopes.open(cast.mercy_admin.actor) as scope:
            new = scope.session.scalar(select(Forwarding.target).where(Forwarding.target == "syslog")) is None
            forwarding.set_target(scope, seal, Target.SYSLOG, to, everything=new)
        return shipping.ship(scopes, seal, cast.mercy, Target.SYSLOG, ground=GROUND, host="reading.example")

    return sent


def mine(signer: Pair, *, born: timedelta = timedelta(0)) -> Pair:
    return issue_client(signer, "READINGROOM", now=datetime.now(UTC) - born, life=LIFE)


def test_c06_a_collector_that_asks_for_our_certificate_gets_all_of_it_in_order(
    cast: Cast, scopes: Scopes, of_clients: Pair, collector: SyslogCollector, ship: Ship
) -> None:
    happen(cast, scopes, times=10)
    waiting = last(cast, scopes)
    assert ship(mine(of_clients)) > waiting
    assert numbers(collector.messages) == list(range(1, last(cast, scopes) + 1))
    assert (("commonName", "READINGROOM"),) in collector.seen["subject"]


@pytest.mark.parametrize("wrong", ["none", "another authority's", "expired"])
def test_c06_without_the_right_certificate_nothing_goes_and_all_of_it_waits(
    wrong: str, cast: Cast, scopes: Scopes, of_clients: Pair, collector: SyslogCollector, ship: Ship
) -> None:
    happen(cast, scopes, times=5)
    shown = {
        "none": None,
        "another authority's": mine(authority("Somebody else")),
        "expired": mine(of_clients, born=LIFE + timedelta(days=1)),
    }[wrong]
    assert ship(shown) == 0
    said = row(cast, scopes).last_error
    assert (collector.messages, row(cast, scopes).sequence) == ([], 0)
    expected = {
        "none": "It asks for a client certificate, and got none it could use.",
        "another authority's": "It does not accept our client certificate.",
        "expired": "It does not accept our client certificate: it has run out.",
    }[wrong]
    assert said in {expected, "It hung up."}, "in a hundred times the reset that follows overtakes once what was said"
    again(cast, scopes)
    assert ship(mine(of_clients)) == last(cast, scopes), "whoever mends it loses nothing"
    assert numbers(collector.messages) == list(range(1, last(cast, scopes) + 1))


def test_the_key_is_sealed_and_comes_back_to_nobody(
    cast: Cast, scopes: Scopes, seal: Seal, of_clients: Pair, browse: Callable[[Person | None], Browser]
) -> None:
    pair = mine(of_clients)
    secret = pair.key.decode().splitlines()[1]
    admin = browse(cast.mercy_admin)
    given = FORM | {"client_certificate": pair.certificate, "client_key": pair.key.decode()}
    assert admin.post("/admin/forwarding", data=given).status_code == 302
    page = admin.get("/admin/forwarding").text
    assert "CN=READINGROOM" in page
    assert secret not in page
    kept = row(cast, scopes)
    assert kept.client_key_sealed is not None
    assert secret.encode() not in kept.client_key_sealed
    assert admin.post("/admin/forwarding", data=given | {"client_key": "", "port": "6515"}).status_code == 302, "it keeps its key"
    with scopes.open(system_actor(cast.mercy)) as scope:
        opened = forwarding.identity(scope, seal, row(cast, scopes))
        assert opened is not None
        assert opened.key == pair.key.strip()
    assert admin.post("/admin/forwarding", data=FORM).status_code == 302
    assert (row(cast, scopes).client_certificate, row(cast, scopes).client_key_sealed) == ("", None)
    for other in (cast.luke_admin, cast.strange_admin):
        assert "READINGROOM" not in browse(other).get("/admin/forwarding").text


def test_what_is_no_identity_is_explained_at_its_field(
    cast: Cast, of_clients: Pair, browse: Callable[[Person | None], Browser]
) -> None:
    one, other = mine(of_clients), mine(of_clients)
    admin = browse(cast.mercy_admin)
    for wrong, said in (
        ({"client_certificate": one.certificate}, "Paste the private key"),
        ({"client_certificate": one.certificate, "client_key": other.key.decode()}, "do not belong together"),
        ({"client_certificate": one.certificate, "client_key": "x"}, "do not belong together"),
        ({"client_certificate": "x", "client_key": one.key.decode()}, "This is no certificate"),
        ({"client_certificate": one.certificate + one.key.decode()}, "There is a private key in this"),
    ):
        answer = admin.post("/admin/forwarding", data=FORM | wrong)
        assert answer.status_code in {400, 422}, said
        assert said in answer.text
        if "client_key" in wrong and len(wrong["client_key"]) > 1:
            assert wrong["client_key"].splitlines()[1] not in answer.text


@pytest.mark.parametrize("says", [b"x", b""], ids=["trickles", "is silent"])
def test_a_collector_that_never_comes_to_an_end_is_left_after_its_time(
    says: bytes, signer: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors, "VISIT", 0.3)
    over, listening = threading.Event(), socket.create_server((HOST, 0))

    def talk() -> None:
        plain, _ = listening.accept()
        with server_context(signer, tmp_path).wrap_socket(plain, server_side=True) as line:
            while not over.wait(0.02):
                try:
                    line.sendall(says)
                except OSError:
                    return

    thread = threading.Thread(target=talk)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Unheard, match="does not answer"):
        send_syslog(Collector(HOST, listening.getsockname()[1], signer.certificate, GROUND), [b"5 hello"])
    assert time.monotonic() - began < 20
    over.set()
    thread.join()
    listening.close()
