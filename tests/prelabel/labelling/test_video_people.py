"""A real film of six people, every frame of it, beside the same network run without any of this project's code.

`make test` runs the part with the first of them.
"""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from benchmarks.keyframes import MODEL, VIDEO, Comparison, compare
from prelabel.tracking.smoothing import TRUE_TO
from tests import needs
from tests.support.trials import SOAK

FRAMES, PEOPLE = (1394, 6) if SOAK else (220, 1)
pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def got(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    film = needs.testdata(VIDEO)
    if not SOAK:
        film = beginning(film, tmp_path_factory.mktemp("film") / "one-person.mp4")
    return compare(film, needs.testdata(MODEL))


def beginning(film: Path, to: Path) -> Path:
    """The first frames of a film, as they are encoded; a key frame follows."""
    with av.open(str(film)) as source, av.open(str(to), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if number == FRAMES:
                assert packet.is_keyframe
                return to
            packet.stream = stream
            target.mux(packet)
    raise ValueError(f"{film} has no frame {FRAMES}")


def test_whom_the_plain_run_finds_is_found_on_every_frame(got: Comparison) -> None:
    assert got.frames == FRAMES and got.people_frames > 0.5 * FRAMES
    assert got.missed_by_detector == [] and got.missed_by_tracks == []
    assert got.tracks == PEOPLE


def test_few_keyframes_give_the_smoothed_tracks_back(got: Comparison) -> None:
    assert got.visible_frames >= got.people_frames
    assert 5 * got.keyframes <= got.visible_frames
    assert got.least_iou >= 0.9
    assert got.least_true >= TRUE_TO - 1e-6
