from __future__ import annotations

from orthanc_plugin.pace import ACTIVE, IDLE, PAUSES, Pace


def test_a_stream_is_told_in_larger_and_larger_pieces_and_silence_rarely() -> None:
    pace = Pace()
    assert pace.after(found=False, more=False, now=100.0) == IDLE
    pace.news(100.0)
    assert pace.after(found=False, more=False, now=100.0) == PAUSES[0]
    pauses = [pace.after(found=True, more=False, now=100.0) for _ in range(5)]
    assert pauses == [0.4, 0.8, 0.8, 0.8, 0.8]
    assert pace.after(found=True, more=True, now=100.0) == 0.0
    assert pace.after(found=False, more=False, now=101.0) == PAUSES[0]
    assert pace.after(found=True, more=False, now=100.0 + ACTIVE) == IDLE
