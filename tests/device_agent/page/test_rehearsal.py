"""The rehearsal runs the real machine from consent to the end, and says that it records nothing."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.events import ENDED, Answered, ConsentAnswered, Done, Event, Pause, Resume, Start, Stop
from tests.device_agent.page.playing import HandClock, plan
from tests.device_agent.page.rehearsal import NOTE, Rehearsal

AGREED = ConsentAnswered(("video", "audio", "image", "text"), (), "P-1")


def test_from_consent_to_the_end() -> None:
    clock = HandClock()
    rehearsal = Rehearsal(plan(), clock=clock)
    assert rehearsal.preview() is None
    rehearsal.post(AGREED)
    assert rehearsal.read().message == NOTE
    seen = []
    while (snapshot := rehearsal.read()).state not in ENDED:
        if not seen or seen[-1] != (snapshot.state, snapshot.step_number):
            seen.append((snapshot.state, snapshot.step_number))
        if snapshot.state == "ready":
            rehearsal.post(Start())
        elif snapshot.state == "answering":
            rehearsal.post(Answered("tea"))
        else:
            clock.pass_(0.1)
    assert [row for row in seen if row[0] != "saving"] == [
        ("ready", 1), ("countdown", 1), ("recording", 1),
        ("ready", 2), ("countdown", 2), ("recording", 2),
        ("ready", 3), ("countdown", 3), ("recording", 3),
        ("ready", 4), ("answering", 4),
    ]  # fmt: skip
    assert (snapshot.state, snapshot.takes_closed) == ("finished", 4)
    assert snapshot.uploads_pending > 0
    clock.pass_(10)
    assert rehearsal.read().uploads_pending == 0


def test_the_drawn_room_is_a_picture() -> None:
    rehearsal = Rehearsal(plan(), clock=HandClock())
    rehearsal.post(AGREED)
    data = rehearsal.preview()
    assert data is not None
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (360, 640, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([AGREED, Start(), Done(), Answered("tea"), Pause(), Resume(), Stop()]) | st.floats(0.05, 8),
        max_size=40,
    )
)
def test_whatever_is_pressed_the_snapshot_holds_together(presses: list[Event | float]) -> None:
    clock = HandClock()
    rehearsal = Rehearsal(plan(), clock=clock)
    for press in presses:
        if isinstance(press, float):
            clock.pass_(press)
        else:
            rehearsal.post(press)
        snapshot = rehearsal.read()
        assert 0 <= snapshot.step_number <= snapshot.step_count
        assert snapshot.remaining_seconds >= 0
        assert snapshot.elapsed_seconds >= 0
        assert snapshot.attempt >= 0
        assert (snapshot.step is None) == (snapshot.state in ("consent", *ENDED))
        assert not snapshot.preview or "video" in snapshot.granted
