"""Who is let in no more is cut off, and so is everybody when there is nobody to ask."""

from uuid import uuid4

import pytest

from sidecar.adapters.carriages import Bearer
from sidecar.carrier.watch import SILENT, End, Running, Watch, reason

NOW, CLOCK = 1_800_000_000.0, 5_000.0


def bearer() -> Bearer:
    return Bearer(uuid4(), uuid4(), "technician", uuid4().hex)


def running(who: Bearer, cut: list[Bearer], *, until: float = 0, known: float = CLOCK) -> Running:
    return Running(who, until, known, lambda: cut.append(who))


@pytest.mark.parametrize(
    ("open_", "until", "silent_for", "expected"),
    [
        (True, 0, 0, None),
        (True, NOW + 1, 0, None),
        (True, NOW, 0, End.TIME_OVER),
        (False, 0, 0, End.SHUT_OUT),
        (False, NOW, 0, End.SHUT_OUT),
        (None, 0, SILENT, None),
        (None, 0, SILENT + 1, End.UNKNOWN),
        (None, NOW, 0, End.TIME_OVER),
        (True, 0, SILENT + 1, None),
    ],
)
def test_a_download_ends_for_a_reason(open_: bool | None, until: float, silent_for: float, expected: End | None) -> None:
    each = running(bearer(), [], until=until, known=CLOCK - silent_for)
    assert reason(each, open_=open_, now=NOW, clock=CLOCK) is expected


def test_one_person_is_cut_off_and_the_others_go_on() -> None:
    cut: list[Bearer] = []
    out, stays, new = bearer(), bearer(), bearer()
    watch = Watch(lambda _: True, now=lambda: NOW, clock=lambda: CLOCK + 20)
    watch.running = {running(out, cut), running(out, cut), running(stays, cut), running(new, cut)}
    watch.settle({out: False, stays: True})  # the new one began while this was asked
    assert cut == [out, out]
    assert {(each.bearer, each.known) for each in watch.running} == {(stays, CLOCK + 20), (new, CLOCK)}
    watch.clock = lambda: CLOCK + 20 + SILENT
    watch.settle(None)
    assert cut == [out, out, new]
