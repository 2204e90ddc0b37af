"""Video files with known pictures and times: what comes back, and the sentence for every file that is not one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.detection import Detection
from prelabel.labelling.video import label_video, track_video
from prelabel.media.video_files import VideoBroken, VideoEmpty, VideoFile, VideoFrame, VideoMissing, VideoUnreadable
from tests import needs
from tests.support.recordings import Streamed, wav, write_video
from wire.errors import GleanerError
from wire.labels import Source, Track

US = Fraction(1, 1_000_000)
WIDTH, HEIGHT = 160, 96
SOURCE = Source(kind="model", name="planted", version="1", sha256="0" * 64)


def make(
    path: Path,
    times: Sequence[int],
    rotation: int = 0,
    every_key: int = 10,
    noise: bool = False,
    faststart: bool = False,
) -> Path:
    """A video whose red square of 32 pixels lies at x = 2 n on frame n; `noise` makes its packets large."""
    rng = np.random.default_rng(0)

    def picture(number: int) -> np.ndarray:
        made = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
        if noise:
            made[48:] = rng.integers(0, 255, (HEIGHT - 48, WIDTH, 3))
        made[8:40, 2 * number : 2 * number + 32] = (0, 0, 255)
        return made

    settings = {"movflags": "faststart"} if faststart else {}
    pictures = map(picture, range(len(times)))
    write_video(path, pictures, times, settings=settings, turn=rotation or None, g=str(every_key))
    return path


EVEN = [40_000 * number for number in range(50)]


class RedSquare:
    """Finds the red square by its colour."""

    floor, source = 0.1, SOURCE

    def __init__(self) -> None:
        self.looks = 0

    def threshold(self, name: str) -> float:
        return 0.5

    def detect(
        self, image: np.ndarray, least: float | None = None, only: Collection[str] | None = None
    ) -> list[Detection]:
        self.looks += 1
        assert least == self.floor
        red = (image[..., 2] > 150) & (image[..., 0] < 90) & (image[..., 1] < 90)
        rows, columns = np.flatnonzero(red.sum(axis=1) > 12), np.flatnonzero(red.sum(axis=0) > 12)
        if not len(rows) or (only is not None and "square" not in only):
            return []
        x, y = float(columns[0]), float(rows[0])
        return [Detection(x, y, columns[-1] + 1.0 - x, rows[-1] + 1.0 - y, "square", 0.9)]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 400_000), min_size=0, max_size=20), st.sampled_from(("mp4", "mov")), st.integers(1, 2))
def test_the_times_of_the_file_come_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], kind: str, threads: int
) -> None:
    """These containers keep a clock of microseconds, so every time is exact, whatever the rate."""
    times = [0, *np.cumsum(steps).tolist()]
    path = make(tmp_path_factory.mktemp("times") / f"clip.{kind}", times)
    with VideoFile(path, threads) as video:
        frames = [(frame.index, frame.time_us) for frame in video.frames()]
        assert frames == list(enumerate(times))
        assert video.times_us == times


def test_matroska_keeps_whole_milliseconds(tmp_path: Path) -> None:
    times = [0, 33_333, 100_001, 250_499, 900_000]
    with VideoFile(make(tmp_path / "clip.mkv", times)) as video:
        assert [frame.time_us for frame in video.frames()] == [0, 33_000, 100_000, 250_000, 900_000]


def test_the_first_frame_is_at_0_wherever_the_file_starts(tmp_path: Path) -> None:
    with VideoFile(make(tmp_path / "clip.mp4", [7_000_000 + time for time in EVEN])) as video:
        assert [frame.time_us for frame in video.frames()] == EVEN


@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_pictures_stand_upright_as_opencv_shows_them(tmp_path: Path, rotation: int) -> None:
    path = make(tmp_path / "clip.mp4", EVEN[:5], rotation)
    capture = cv2.VideoCapture(str(path))
    with VideoFile(path) as video:
        assert (video.width, video.height) == ((WIDTH, HEIGHT) if rotation in (0, 180) else (HEIGHT, WIDTH))
        for frame in video.frames():
            _, wanted = capture.read()
            assert frame.picture.shape == (video.height, video.width, 3)
            assert np.abs(frame.picture.astype(int) - wanted).max() <= 2
    capture.release()


def sentence(path: Path) -> GleanerError:
    with pytest.raises(GleanerError) as caught:
        track_video(path, RedSquare())
    assert str(path) in caught.value.message and caught.value.message.endswith(".") and "\n" not in str(caught.value)
    return caught.value


def test_what_is_no_video_is_said_in_one_sentence(tmp_path: Path) -> None:
    assert isinstance(sentence(tmp_path / "none.mp4"), VideoMissing)
    assert isinstance(sentence(tmp_path), VideoUnreadable)
    (tmp_path / "empty.mp4").touch()
    assert isinstance(sentence(tmp_path / "empty.mp4"), VideoEmpty)
    for name in ("text.mp4", "text.txt", "text.mkv"):
        (tmp_path / name).write_text("not a video\n" * 200, encoding="utf-8")
        assert isinstance(sentence(tmp_path / name), VideoUnreadable)
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((40, 60, 3), np.uint8))
    assert isinstance(sentence(tmp_path / "still.png"), VideoUnreadable)
    (tmp_path / "sound.wav").write_bytes(wav(np.zeros(8000, np.int16), 8000))
    assert isinstance(sentence(tmp_path / "sound.wav"), VideoUnreadable)


def test_a_video_of_no_length(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.start_encoding()
    error = sentence(path)
    assert error.code in ("video-empty", "video-unreadable") and error.exit_code == 1


def test_a_playlist_leads_nowhere(tmp_path: Path) -> None:
    make(tmp_path / "clip.mp4", EVEN[:5])
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n", encoding="utf-8"
    )
    assert isinstance(sentence(tmp_path / "list.m3u8"), VideoUnreadable)


def packets(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("into", [0, 7], ids=["between two packets", "inside a packet"])
def test_a_cut_file_is_told_with_its_time(tmp_path: Path, into: int) -> None:
    whole = make(tmp_path / "whole.mp4", EVEN, noise=True, faststart=True)
    data, place = whole.read_bytes(), sorted(packets(whole))[40][0]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: place + into])
    error = sentence(cut)
    assert isinstance(error, VideoBroken) and f"{error.facts['time_us'] / 1e6:.3f} s" in error.message
    frames = error.facts["frames"]
    assert 35 <= frames <= 40 and error.facts["time_us"] == EVEN[frames - 1]


def test_a_matroska_file_that_is_shorter_than_it_says(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mkv", EVEN, noise=True)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    assert isinstance(sentence(cut), VideoBroken)


def test_a_recording_without_a_length_ends_where_it_ends(tmp_path: Path) -> None:
    """A live recording, as the device makes it, says nothing of its length: a torn one is whole as far as it goes."""

    pictures = (np.full((HEIGHT, WIDTH, 3), number * 5, np.uint8) for number in range(50))
    tape = Streamed()
    live = {"live": "1", "cluster_time_limit": "200"}
    write_video(tape, pictures, codec="mjpeg", pixels="yuvj420p", container="matroska", settings=live)
    path = tmp_path / "torn.mkv"
    path.write_bytes(bytes(tape.data[: len(tape.data) // 2]))
    found = track_video(path, RedSquare())
    assert 15 <= len(found.times_us) <= 35 and found.times_us == EVEN[: len(found.times_us)]


def test_one_damaged_packet_costs_its_frames_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "clip.mp4", EVEN, every_key=1, noise=True)
    data = bytearray(path.read_bytes())
    place, size = packets(path)[20]
    data[place : place + size] = bytes(size)
    path.write_bytes(data)
    with VideoFile(path) as video:
        assert [frame.time_us for frame in video.frames()] == EVEN[:20] + EVEN[21:]


# ---------------------------------------------------------------- labelling
def test_a_video_becomes_a_document(tmp_path: Path) -> None:
    done: list[tuple[int, int | None]] = []
    document = label_video(
        make(tmp_path / "clip.mp4", EVEN), RedSquare(), "cap-1", progress=lambda at, whole: done.append((at, whole))
    )
    (track,) = document.labels
    assert document.capture == "cap-1" and document.source == SOURCE and isinstance(track, Track)
    assert track.label == "square" and [row.frame for row in track.keyframes if row.visible] == [0, 49]
    assert track.keyframes[0].x == pytest.approx(0, abs=2) and track.keyframes[1].x == pytest.approx(98, abs=2)
    assert [at for at, _ in done] == EVEN and {whole for _, whole in done} == {2_000_000}


@pytest.mark.parametrize(("rate", "looks"), [(None, 50), (5.0, 11), (1.0, 3), (0.1, 2), (1000.0, 50)])
def test_looks_come_as_often_as_asked_and_at_both_ends(tmp_path: Path, rate: float | None, looks: int) -> None:
    detector = RedSquare()
    found = track_video(make(tmp_path / "clip.mp4", EVEN), detector, rate)
    assert detector.looks == found.looks == looks
    assert found.times_us == EVEN
    if looks >= 3:
        (path,) = found.paths
        assert (path.points[0].frame, path.points[-1].frame) == (0, 49)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 3_000_000), min_size=1, max_size=60), st.floats(0.2, 40))
def test_no_look_is_late_and_none_is_needless(steps: list[int], rate: float) -> None:
    times = np.cumsum([0, *steps]).tolist()
    looked: list[int] = []

    class Notes(RedSquare):
        def detect(self, image: np.ndarray, *_: object) -> list[Detection]:
            looked.append(int(image[0, 0, 0]))
            return []

    frames = [
        VideoFrame(number, time_us, lambda number=number: np.full((2, 2, 3), number, np.uint8))
        for number, time_us in enumerate(times)
    ]
    track_video(frames, Notes(), rate)
    assert looked[0] == 0 and looked[-1] == len(times) - 1
    for one, two in pairwise(looked):
        skipped = [times[number] for number in range(one + 1, two)]
        assert all(int(at * rate / 1e6) == int(times[one] * rate / 1e6) for at in skipped)


def test_the_captures_frame_table_rules(tmp_path: Path) -> None:
    table = [41_000 * number for number in range(30)]
    found = track_video(make(tmp_path / "clip.mp4", EVEN), RedSquare(), times_us=table)
    assert found.times_us == table
    assert [(point.frame, point.time_us) for point in found.paths[0].points] == list(enumerate(table))


def test_only_the_words_that_count(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", EVEN)
    assert track_video(clip, RedSquare(), only={"circle"}).paths == []


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_looks_are_above_0(tmp_path: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        track_video(tmp_path / "none.mp4", RedSquare(), rate)


def test_the_real_video_cut_in_the_middle(tmp_path: Path) -> None:
    data = needs.testdata("media/one-by-one-person-detection.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    error = sentence(cut)
    assert isinstance(error, VideoBroken) and 600 < error.facts["frames"] < 800
