from __future__ import annotations

from orthanc_plugin.pace import ACTIVE, FLOOD, FLOOD_PAUSE, IDLE, PAUSES, Pace


def test_a_stream_is_told_in_larger_and_larger_pieces_and_silence_rarely() -> None:
    pace = Pace()
    assert pace.after(found=0, more=False, now=100.0) == IDLE
    pace.news(100.0)
    assert pace.after(found=0, more=False, now=100.0) == PAUSES[0]
    pauses = [pace.after(found=FLOOD - 1, more=False, now=100.0) for _ in range(5)]
    assert pauses == [0.4, 0.8, 0.8, 0.8, 0.8]
    assert pace.after(found=500, more=True, now=100.0) == 0.0
    assert pace.after(found=0, more=False, now=101.0) == PAUSES[0]
    assert pace.after(found=1, more=False, now=100.0 + ACTIVE) == IDLE


def test_bookkeeping_waits_while_images_flood_in() -> None:
    pace = Pace()
    pace.news(100.0)
    assert pace.after(found=FLOOD, more=False, now=100.0) == FLOOD_PAUSE
    assert pace.after(found=3, more=False, now=100.5) == PAUSES[2]
