"""Real files, cut by hand too: exact times, turned pictures, refusals; and tracks of a planted walk."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from prelabel.geometry.detection import Detection
from prelabel.geometry.tracks import box_at
from prelabel.labelling.video import label_video, track_video
from prelabel.media.video_files import VideoBroken, VideoEmpty, VideoFile, VideoFrame, VideoMissing, VideoUnreadable
from tests.support.recordings import write_sound, write_video
from wire.errors import GleanerError
from wire.labels import LabelsDocument, Source, Track

WIDTH, HEIGHT = 128, 96
BLOCK = 24
MODEL = Source(kind="model", name="planted", version="1", sha256="0" * 64)


def block_at(number: int) -> tuple[int, int]:
    return 2 * number % (WIDTH - BLOCK), 30


def picture(number: int) -> np.ndarray:
    """A white block on grey; the upper left corner is black, so that a turn shows."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    image[:16, :16] = 0
    x, y = block_at(number)
    image[y : y + BLOCK, x : x + BLOCK] = 255
    return image


def write(
    path: Path, times_ms: Sequence[int], *, codec: str = "mpeg4", turn: int | None = None, flags: str = ""
) -> Path:
    settings = {"movflags": flags} if flags else {}
    pictures = map(picture, range(len(times_ms)))
    write_video(
        path, pictures, times_ms, unit=Fraction(1, 1000), codec=codec, rate=1000, settings=settings, turn=turn,
        bits_per_second=2_000_000, g="5",
    )  # fmt: skip
    return path


def even(count: int, step_ms: int = 40) -> list[int]:
    return [number * step_ms for number in range(count)]


def read(path: Path) -> tuple[list[int], list[np.ndarray]]:
    with VideoFile(path) as video:
        pictures = [frame.picture for frame in video.frames()]
        return video.times_us, pictures


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("times_ms", [even(20), [0, 33, 67, 100, 350, 351, 900, 1500]])
def test_frames_have_the_times_of_the_file(tmp_path: Path, name: str, times_ms: list[int]) -> None:
    times_us, pictures = read(write(tmp_path / name, times_ms))
    assert times_us == [1000 * at for at in times_ms]
    for number, got in enumerate(pictures):
        assert got.shape == (HEIGHT, WIDTH, 3) and got.dtype == np.uint8
        x, y = block_at(number)
        assert got[y + 4 : y + BLOCK - 4, x + 4 : x + BLOCK - 4].min() > 220 and got[80, 120].max() < 130


def test_time_begins_at_the_first_frame(tmp_path: Path) -> None:
    with VideoFile(write(tmp_path / "late.mkv", [5000, 5040, 5100])) as video:
        assert video.duration_us == pytest.approx(100_000, abs=5_000)
        assert [frame.time_us for frame in video.frames()] == video.times_us == [0, 40_000, 100_000]


@pytest.mark.parametrize("turn", [90, 180, 270, -90])
def test_a_turned_file_is_turned(tmp_path: Path, turn: int) -> None:
    """The same as the program ffmpeg would show: PyAV's angle is counter-clockwise."""
    path = write(tmp_path / "turned.mp4", even(3), turn=turn)
    with VideoFile(path) as video:
        size = (video.width, video.height)
        (got, *_) = [frame.picture for frame in video.frames()]
    assert size == ((HEIGHT, WIDTH) if turn % 180 else (WIDTH, HEIGHT)) == got.shape[1::-1]
    wanted = np.rot90(picture(0), turn // 90)
    assert np.abs(got.astype(int) - wanted).mean() < 6


def test_the_end_is_told_before_and_frames_are_read_once(tmp_path: Path) -> None:
    with VideoFile(write(tmp_path / "a.mp4", even(25))) as video:
        assert video.duration_us == pytest.approx(1_000_000, abs=40_000)
        assert (video.width, video.height, video.times_us) == (WIDTH, HEIGHT, [])
        frames = video.frames()
        assert [next(frames).index, next(frames).index] == [0, 1] and video.times_us == [0, 40_000]


# ---------------------------------------------------------------- refusals
def sound(path: Path) -> Path:
    write_sound(path, np.zeros(8000, np.int16), 8000, codec="pcm_s16le")
    return path


def made(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def no_frames(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    return path


def without_index(path: Path) -> Path:
    whole = write(path.with_name("whole.mp4"), even(50)).read_bytes()
    return made(path, whole[: len(whole) // 2])


def looped(path: Path) -> Path:
    path.symlink_to(path)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], type[GleanerError], str]] = {
    "missing": (lambda folder: folder / "none.mp4", VideoMissing, "There is no file"),
    "a folder": (lambda folder: folder, VideoUnreadable, "is a folder"),
    "a link to itself": (lambda folder: looped(folder / "loop.mp4"), VideoMissing, "cannot be read"),
    "0 bytes": (lambda folder: made(folder / "a.mp4", b""), VideoEmpty, "is empty"),
    "text": (lambda folder: made(folder / "a.mp4", b"no video, only words\n" * 50), VideoUnreadable, "not a video"),
    "text of a subtitle": (
        lambda folder: made(folder / "a.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"), VideoUnreadable, "not a",
    ),
    "noise": (
        lambda folder: made(folder / "a.mkv", np.random.default_rng(0).bytes(9000)), VideoUnreadable, "not a video",
    ),
    "a picture": (
        lambda folder: made(folder / "a.png", cv2.imencode(".png", picture(0))[1].tobytes()),
        VideoUnreadable, "is not a video file",
    ),
    "sound": (lambda folder: sound(folder / "a.wav"), VideoUnreadable, "is not a video file"),
    "no frame": (lambda folder: no_frames(folder / "a.avi"), VideoEmpty, "no frame"),
    "a head alone": (lambda folder: no_frames(folder / "a.mp4"), VideoEmpty, "nothing in"),
    "no index": (lambda folder: without_index(folder / "a.mp4"), VideoUnreadable, "not a video file that can"),
    "a list of other files": (
        lambda folder: made(folder / "a.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        VideoUnreadable, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_video_is_refused_in_one_sentence(tmp_path: Path, what: str) -> None:
    make, kind, words = BAD[what]
    path = make(tmp_path)
    with pytest.raises(GleanerError) as caught:
        VideoFile(path)
    assert type(caught.value) is kind and caught.value.hint
    assert words in caught.value.message and caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("name", "flags"), [("a.mp4", "faststart"), ("a.mkv", "")])
def test_a_file_that_breaks_off_says_when(tmp_path: Path, name: str, flags: str) -> None:
    whole = write(tmp_path / name, even(150), flags=flags).read_bytes()
    path = made(tmp_path / f"cut-{name}", whole[: len(whole) * 6 // 10])
    with VideoFile(path) as video:
        got: list[int] = []
        with pytest.raises(VideoBroken, match="breaks off at") as caught:
            got += [frame.index for frame in video.frames()]
        assert caught.value.facts == {"frames": len(video.times_us), "time_us": video.times_us[-1]}
    # All that is there has been read: six tenths of the bytes, frames of much the same size.
    assert 70 <= len(video.times_us) <= 110 and video.times_us == [40_000 * n for n in range(len(video.times_us))]
    assert f"{video.times_us[-1] / 1e6:.3f} s" in caught.value.message


def test_sound_that_goes_on_after_the_pictures_is_no_break(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        heard = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")))
        container.mux(stream.encode())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * 9), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(heard.encode(frame))
        container.mux(heard.encode())
    assert read(path)[0] == [40_000 * number for number in range(10)]


# ---------------------------------------------------------------- labels
class Blocks:
    """Sees the white block, exactly; a detector as far as a video knows one."""

    floor = 0.1
    source: Source = MODEL

    def __init__(self, blind: Collection[int] = ()) -> None:
        self.asked: list[tuple[float | None, Collection[str] | None]] = []
        self._blind = blind

    def threshold(self, name: str) -> float:
        return 0.5

    def detect(
        self, image: np.ndarray, least: float | None = None, only: Collection[str] | None = None
    ) -> list[Detection]:
        self.asked.append((least, only))
        if len(self.asked) - 1 in self._blind:
            return []
        rows, columns = np.nonzero(image.min(axis=2) > 200)
        if len(rows) == 0:
            return []
        left, top = int(columns.min()), int(rows.min())
        return [Detection(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top, "block", 0.9)]


def only_track(document: LabelsDocument) -> Track:
    (track,) = document.labels
    assert isinstance(track, Track)
    return track


def test_a_file_becomes_a_document(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", even(45))
    told: list[tuple[int, int | None]] = []
    detector = Blocks()
    document = label_video(path, detector, "cap-1", progress=lambda done, whole: told.append((done, whole)))
    assert LabelsDocument.read(document.to_json()) == document
    assert (document.capture, document.source) == ("cap-1", MODEL)
    track = only_track(document)
    times = [1000 * at for at in even(45)]
    for number in range(45):
        place = box_at(track, number, times[number])
        assert place is not None and place.x == pytest.approx(block_at(number)[0], abs=1.5)
        assert place.width == pytest.approx(BLOCK, abs=2)
    assert len(track.keyframes) <= 4 and track.label == "block"
    assert [done for done, _ in told] == times
    assert all(whole == pytest.approx(45 * 40_000, abs=40_000) for _, whole in told)
    assert set(detector.asked) == {(0.1, None)}


def test_looks_are_as_often_as_asked_and_the_last_frame_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(50))
    found = track_video(path, Blocks(), 5.0, only=("block",))
    assert [point.frame for point in found.paths[0].points] == [*range(0, 50, 5), 49]
    assert found.looks == 11 and found.times_us == [1000 * at for at in even(50)]
    everything = track_video(path, Blocks(), 1000.0)
    assert everything.looks == 50
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            track_video(path, Blocks(), wrong)


def test_the_frame_table_of_a_capture_rules(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(30))
    table = [number * 50_000 for number in range(20)]
    told: list[tuple[int, int | None]] = []
    document = label_video(path, Blocks(), "cap", times_us=table, progress=lambda *row: told.append(row))
    rows = only_track(document).keyframes
    assert all(row.start_us == table[row.frame] for row in rows) and rows[-1].frame == 19
    assert told[-1] == (950_000, 950_000)


def test_a_gap_is_marked_in_the_document(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(40))
    rows = only_track(label_video(path, Blocks(blind=range(15, 25)), "cap")).keyframes
    marked = [(row.frame, row.attributes) for row in rows if row.attributes]
    assert marked == [(15, {"interpolated": True})] and 25 in [row.frame for row in rows]


def test_nothing_seen_is_an_empty_document(tmp_path: Path) -> None:
    assert label_video(write(tmp_path / "a.mp4", even(12)), Blocks(blind=range(12)), "cap").labels == []
    (path,) = track_video(write(tmp_path / "b.mp4", even(3)), Blocks()).paths
    assert path.hits == 3
    assert track_video(write(tmp_path / "c.mp4", [0]), Blocks(blind=range(1))).paths == []


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_fewer_than_three_frames_has_its_tracks(tmp_path: Path, frames: int) -> None:
    (path,) = track_video(write(tmp_path / "a.mp4", even(frames)), Blocks()).paths
    assert path.hits == frames


def test_a_broken_file_gives_nothing(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mp4", even(150), flags="faststart").read_bytes()
    path = made(tmp_path / "cut.mp4", whole[: len(whole) * 6 // 10])
    with pytest.raises(VideoBroken):
        label_video(path, Blocks(), "cap")


def test_pictures_are_let_go_as_they_are_done() -> None:
    """Frames from anywhere; of three hundred at most three are held at a time."""
    alive: weakref.WeakSet[VideoFrame] = weakref.WeakSet()
    most = 0

    def frames() -> Iterator[VideoFrame]:
        nonlocal most
        for number in range(300):
            frame = VideoFrame(number, number * 40_000, lambda number=number: picture(number))  # type: ignore[misc]
            alive.add(frame)
            most = max(most, len(alive))
            yield frame
            del frame

    gc.collect()
    found = track_video(frames(), Blocks(), 10.0)
    assert found.looks > 100 and most <= 3


def test_a_failing_model_is_heard_of(tmp_path: Path) -> None:
    class Failing(Blocks):
        def detect(self, *_: object, **__: object) -> list[Detection]:
            raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        label_video(write(tmp_path / "a.mp4", even(3)), Failing(), "cap")
