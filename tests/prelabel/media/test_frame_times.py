"""Files that do not say when a frame is shown: the time comes from the order or the rate, or the file is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from prelabel.media.video_files import VideoFile, VideoUnreadable
from prelabel.redaction.videofile import redact_video
from tests.support.recordings import write_video
from wire.script import Redaction

WIDTH, HEIGHT, COUNT = 128, 64, 30
STEP = 4


def picture(number: int) -> np.ndarray:
    """A white bar whose place is the frame's number."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    image[:, STEP * number : STEP * number + 8] = 255
    return image


def number_of(image: np.ndarray) -> int:
    return round((float(np.flatnonzero(image.mean(axis=(0, 2)) > 150).mean()) - 3.5) / STEP)


def write(path: Path, codec: str, rate: int, options: dict[str, str], numbers: range = range(COUNT)) -> Path:
    write_video(path, map(picture, numbers), numbers, unit=Fraction(1, rate), codec=codec, rate=rate, **options)
    return path


def read(path: Path) -> tuple[list[int], list[int]]:
    """The times of the frames, and what the pictures say that they are."""
    with VideoFile(path) as video:
        numbers = [number_of(frame.picture) for frame in video.frames()]
        return video.times_us, numbers


def evenly(rate: int, count: int = COUNT) -> list[int]:
    return [round(Fraction(number * 1_000_000, rate)) for number in range(count)]


QUIET = {"x265-params": "log-level=none"}


@pytest.mark.parametrize("rate", [12, 30, 50])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.h264", "libx264", {}),
        ("b.h264", "libx264", {"bf": "0"}),
        ("c.hevc", "libx265", QUIET),
        ("d.avi", "libx264", {"bf": "3"}),
        ("e.avi", "libx264", {"bf": "2", "b-pyramid": "none"}),
        ("f.avi", "mpeg4", {"bf": "2"}),
        ("g.avi", "libx264", {"bf": "0"}),
    ],
)
def test_frames_come_at_the_rate_of_the_stream(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], rate: int
) -> None:
    times_us, numbers = read(write(tmp_path / name, codec, rate, options))
    assert times_us == evenly(rate)
    assert numbers == list(range(COUNT))


def test_a_gap_in_avi_stays_where_it_is(tmp_path: Path) -> None:
    path, whole = tmp_path / "gap.avi", write(tmp_path / "whole.avi", "libx264", 20, {"bf": "0", "g": "1"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream: Any = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size and not 10 <= number < 16:
                packet.stream = stream
                target.mux(packet)
    times_us, numbers = read(path)
    assert numbers == [*range(10), *range(16, COUNT)]
    assert times_us == [50_000 * number for number in numbers]


def test_a_raw_stream_that_says_no_rate_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.obu", "libsvtav1", 30, {"preset": "12", "svtav1-params": "lp=1"})
    with pytest.raises(VideoUnreadable, match="does not say its frame rate") as refused:
        VideoFile(path)
    assert "ffmpeg -framerate" in str(refused.value)


@pytest.mark.parametrize(("name", "options"), [("a.avi", {"bf": "3"}), ("b.h264", {})])
def test_redaction_keeps_the_frames_in_their_places(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path, out = write(tmp_path / name, "libx264", 25, options), tmp_path / "out.mp4"
    redact_video(path, out, Redaction(speech="outside-prompts"), None, None, lambda done, total: None)
    assert read(out) == (evenly(25), list(range(COUNT)))
