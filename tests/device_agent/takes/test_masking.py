"""Takes that are masked before they are written: faces, speech, stills and labels; where it fails, nothing is kept."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from device_agent.labelling.models import Models
from device_agent.record.times import read_stamps
from device_agent.sensors.base import AudioBlock, Frame
from device_agent.sensors.clock import monotonic_us
from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from device_agent.takes.masking import Masking
from prelabel.geometry.detection import Detection
from prelabel.image.labels import detection_labels
from prelabel.redaction.people_finder import RedactionFailed, RedactionUnavailable
from tests.device_agent import planted
from tests.support.take_bench import Bench, HandCamera
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest, Medium, Redacted
from wire.labels import LabelsDocument, Rle
from wire.redaction import MaskRecord
from wire.script import Redaction
from wire.session import TakeRecord

SIZE = (320, 240)
SMALL = (160, 120)
FACE = (40.0, 32.0, 32.0, 32.0)  # in the small picture
BODY = (24.0, 20.0, 64.0, 96.0)
FACE_PIXELS = (slice(64, 128), slice(80, 144))  # of the large one: rows, columns
FREE_PIXELS = (slice(160, 240), slice(200, 320))
MARGIN_SECONDS = 0.5
LOUD, QUIET = 20_000, 1000


class Room(HandCamera):
    """A camera in front of a chequered wall; `bright` frames are those the people network gives NaN for."""

    def __init__(self) -> None:
        super().__init__(*SIZE)
        self.bright = False
        coarse = np.random.default_rng(1).integers(20, 235, (SIZE[1] // 16, SIZE[0] // 16), dtype=np.uint8)
        self._wall = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, dtype=np.uint8)
        self._wall[: SIZE[1]] = np.kron(coarse, np.ones((16, 16), dtype=np.uint8))

    def frame(self, *, now: bool = True) -> Frame:
        frame = super().frame(now=now)
        noise = np.random.default_rng(self.index)
        level = 250 if self.bright else 100
        lores = np.full((self.lores_height * 3 // 2, self.lores_width), 128, dtype=np.uint8)
        lores[: self.lores_height] = noise.integers(level - 5, level + 5, (self.lores_height, self.lores_width))
        return Frame(frame.index, frame.stamp_us, self._wall.copy(), lores)


class MaskedBench(Bench):
    def __init__(
        self, root: Path, policy: Redaction, models: Models | None = None, person: list[planted.Box] | None = None
    ) -> None:
        finder = planted.finder(root, SMALL, [FACE], person or [])
        masking = Masking(policy, finder, planted.voice(root))
        super().__init__(root, camera=Room(), models=models, masking=masking)

    def film(self, frames: int) -> list[int]:
        """Deliver so many frames, 40 ms apart by their stamps, as fast as the encoder takes them; their stamps."""
        stamps = []
        for number in range(frames):
            while self.video._queue.qsize() > 4:
                time.sleep(0.002)
            frame = self.camera.frame(now=number == 0)
            stamps.append(frame.stamp_us)
            self.video.deliver(frame)
        return stamps

    def speak(self, levels: list[int], start: int = 0) -> None:
        """Deliver a block of 100 ms for each level."""
        for number, level in enumerate(levels, start):
            samples = np.full((1600, 1), level, dtype=np.int16)
            self.audio.deliver(AudioBlock(number * 1600, 1_000_000 + number * 100_000, samples, False))

    def part(self, record: TakeRecord, medium: Medium, part: str = "media") -> bytes:
        capture = next(one.capture for one in record.captures if one.medium == medium)
        return self.spool.read(capture, part, 0, 1 << 30)

    def labels(self, record: TakeRecord, medium: Medium) -> list[LabelsDocument]:
        manifest = self.manifests()[medium]
        names = [part.name for part in manifest.parts if part.name.startswith("labels:")]
        return [LabelsDocument.read(self.part(record, medium, name)) for name in names]


def pictures(media: bytes) -> list[np.ndarray]:
    """The brightness of every frame that can be decoded."""
    found: list[np.ndarray] = []
    try:
        with av.open(io.BytesIO(media)) as container:
            for frame in container.decode(video=0):
                found.append(frame.to_ndarray(format="yuv420p")[: SIZE[1]])
    except av.error.FFmpegError:
        pass  # a file that was cut
    return found


def sound(media: bytes) -> np.ndarray:
    with av.open(io.BytesIO(media)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def assert_masked(luma: np.ndarray) -> None:
    """The face is one flat shade (the encoder may ripple it a little), the rest is the wall."""
    face = luma[FACE_PIXELS].astype(int)
    assert face.std() < 4 and abs(face.mean() - 48) < 6
    assert luma[FREE_PIXELS].std() > 25


@pytest.fixture
def everyone(tmp_path: Path) -> Iterator[MaskedBench]:
    policy = Redaction(faces="everyone", speech="outside-prompts", margin_seconds=MARGIN_SECONDS)
    made = MaskedBench(tmp_path, policy)
    yield made
    made.close()


# ------------------------------------------------------------------ pictures
def test_every_frame_is_masked_and_none_is_lost(everyone: MaskedBench) -> None:
    record = everyone.open("do", "video")
    stamps = everyone.film(40)
    everyone.maker.close(None)
    manifest = everyone.manifests()["video"]
    assert manifest.complete and manifest.frames == 40 and manifest.redaction is not None
    assert manifest.redaction == Redacted(faces=1, speech_us=0)
    assert [part.name for part in manifest.parts] == ["media", "frames", "redaction"]
    shown = pictures(everyone.part(record, "video"))
    assert len(shown) == 40
    for luma in shown:
        assert_masked(luma)
    table = json.loads(everyone.part(record, "video", "frames"))
    assert table["times_us"] == [stamp - stamps[0] for stamp in stamps]
    masked = MaskRecord.read(everyone.part(record, "video", "redaction"))
    assert masked.capture == manifest.capture
    assert (masked.frames, masked.frames_masked, masked.margin_us) == (40, 40, 500_000)
    (region,) = masked.regions
    assert region.start_us == 0 and region.end_us > table["times_us"][-1]


def test_nothing_is_written_before_it_can_be_masked(everyone: MaskedBench) -> None:
    record = everyone.open("do", "video")
    everyone.film(10)  # 0.4 s: less than the margin
    everyone.settle()
    capture = record.captures[0].capture
    folder = everyone.spool.layout.capture(capture)
    assert read_stamps((folder / "times").read_bytes()) == []
    assert pictures((folder / "media").read_bytes()) == []
    everyone.film(15)
    everyone.settle()
    waiting = read_stamps((folder / "times").read_bytes())
    assert 0 < len(waiting) < 25 - 10
    everyone.maker.close(None)
    assert everyone.manifests()["video"].frames == 25


def test_a_paused_take_is_flushed_masked(everyone: MaskedBench) -> None:
    record = everyone.open("do", "video")
    everyone.film(20)
    everyone.maker.tear("paused")
    manifest = everyone.manifests()["video"]
    assert not manifest.complete and manifest.frames == 20
    assert manifest.redaction == Redacted(faces=1, speech_us=0) and manifest.part("redaction") is not None
    shown = pictures(everyone.part(record, "video"))
    assert len(shown) == 20
    for luma in shown:
        assert_masked(luma)


def test_a_detector_that_fails_ends_the_take_and_what_waited_is_gone(everyone: MaskedBench) -> None:
    record = everyone.open("do", "video", "audio")
    stamps = everyone.film(30)
    everyone.camera.bright = True  # type: ignore[attr-defined]
    everyone.film(4)
    everyone.settle()
    assert [error.code for error in everyone.troubles] == ["redaction-failed"]
    with pytest.raises(RedactionFailed):
        everyone.maker.close(None)
    everyone.maker.tear("failed")
    manifest = everyone.manifests()["video"]
    assert not manifest.complete and manifest.redaction == Redacted(faces=1, speech_us=0)
    kept = everyone.spool.layout.capture(record.captures[0].capture)
    written = read_stamps((kept / "times").read_bytes())
    assert written and written[-1] <= stamps[-1] - 400_000, "nothing of the ring was written"
    shown = pictures(everyone.part(record, "video"))
    assert shown
    for luma in shown:
        assert_masked(luma)
    # The next attempt begins anew.
    everyone.camera.bright = False  # type: ignore[attr-defined]
    everyone.open("do", "video", attempt=2)
    everyone.film(10)
    everyone.maker.close(None)
    assert [row.header.attempt for row in everyone.spool.pending() if row.header.medium == "video"] == [1, 2]


def test_a_detector_that_fails_at_the_last_look_tears_the_take(everyone: MaskedBench) -> None:
    record = everyone.open("do", "video")
    everyone.film(2)
    everyone.camera.bright = True  # type: ignore[attr-defined]
    everyone.film(1)
    with pytest.raises(RedactionFailed):
        everyone.maker.close(None)
    everyone.maker.tear("failed")
    assert everyone.spool.state_of(record.captures[0].capture) in ("closed", "dropped")
    if everyone.spool.pending():
        assert pictures(everyone.part(record, "video")) == []


def test_a_kill_leaves_masked_bytes_and_a_manifest_that_says_so(tmp_path: Path) -> None:
    policy = Redaction(faces="everyone", margin_seconds=MARGIN_SECONDS)
    bench = MaskedBench(tmp_path, policy)
    record = bench.open("do", "video")
    bench.film(30)
    bench.settle()
    # As a kill leaves it: a copy of the folder while it records, taken up by another spool.
    source = bench.spool.layout.capture(record.captures[0].capture)
    other = tmp_path / "after" / "captures" / source.name
    other.mkdir(parents=True)
    for path in source.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    bench.maker.close(None)
    bench.close()
    spool = Spool(tmp_path / "after", reserve_bytes=0)
    recover(spool)
    (row,) = spool.pending()
    assert row.manifest is not None
    manifest = CaptureManifest.read(row.manifest)
    assert not manifest.complete and manifest.redaction == Redacted() and manifest.part("redaction") is None
    shown = pictures(spool.read(row.capture, "media", 0, 1 << 30))
    assert shown
    for luma in shown:
        assert_masked(luma)
    spool.close()


# ------------------------------------------------------------------ stills
def test_a_still_is_masked(everyone: MaskedBench) -> None:
    record = everyone.open("show", "image")
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.04):
            everyone.video.deliver(everyone.camera.frame())

    camera = threading.Thread(target=run)
    camera.start()
    try:
        everyone.maker.close(None)
    finally:
        stop.set()
        camera.join()
    manifest = everyone.manifests()["image"]
    assert manifest.redaction == Redacted(faces=1, speech_us=0)
    jpeg = np.frombuffer(everyone.part(record, "image"), np.uint8)
    assert sha256_hex(jpeg.tobytes()) == manifest.sha256
    picture = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
    face = picture[FACE_PIXELS].reshape(-1, 3).astype(int)
    assert np.abs(face - np.median(face, axis=0)).mean() < 6
    assert picture[FREE_PIXELS].std() > 20
    masked = MaskRecord.read(everyone.part(record, "image", "redaction"))
    assert (masked.frames, masked.frames_masked) == (1, 1)
    assert masked.regions[0].start_us == 0 and len(masked.regions[0].keyframes) == 1


def test_a_still_that_cannot_be_masked_is_not_taken(everyone: MaskedBench) -> None:
    everyone.camera.bright = True  # type: ignore[attr-defined]
    record = everyone.open("show", "image")
    frame = everyone.camera.frame()
    everyone.video.deliver(Frame(frame.index, monotonic_us(), frame.main, frame.lores))
    with pytest.raises(RedactionFailed):
        everyone.maker.close(None)
    everyone.maker.tear("failed")
    assert everyone.spool.state_of(record.captures[0].capture) == "dropped"


# ------------------------------------------------------------------ sound
def test_speech_that_nobody_asked_for_is_exact_zeros(everyone: MaskedBench) -> None:
    record = everyone.open("do", "audio")
    everyone.speak([QUIET] * 20 + [LOUD] * 10 + [QUIET] * 20)
    everyone.maker.close(None)
    heard = sound(everyone.part(record, "audio"))
    assert len(heard) == 50 * 1600
    assert (heard[20 * 1600 : 30 * 1600] == 0).all(), "not quieter: nothing"
    assert (heard[: 15 * 1600] == QUIET).all() and (heard[36 * 1600 :] == QUIET).all()
    manifest = everyone.manifests()["audio"]
    assert manifest.redaction is not None and manifest.redaction.faces == 0
    assert 1_000_000 <= (manifest.redaction.speech_us or 0) <= 1_800_000
    masked = MaskRecord.read(everyone.part(record, "audio", "redaction"))
    assert {region.why for region in masked.regions} == {"speech"}
    # The quietest ends of the fades beside it round to zero too.
    assert 0 <= int((heard == 0).sum()) - masked.samples_muted < 64


@pytest.mark.parametrize("kind", ["say", "answer"])
def test_what_was_asked_for_stays(everyone: MaskedBench, kind: str) -> None:
    record = everyone.open(kind, "audio")
    everyone.speak([QUIET] * 10 + [LOUD] * 10 + [QUIET] * 10)
    everyone.maker.close(None)
    heard = sound(everyone.part(record, "audio"))
    assert (heard[10 * 1600 : 20 * 1600] == LOUD).all()
    assert everyone.manifests()["audio"].redaction == Redacted(faces=0, speech_us=0)


def test_only_what_the_study_names_is_masked(tmp_path: Path) -> None:
    bench = MaskedBench(tmp_path, Redaction(speech="outside-prompts", margin_seconds=MARGIN_SECONDS))
    try:
        record = bench.open("do", "video", "audio")
        bench.film(10)
        bench.speak([LOUD] * 20)
        bench.maker.close(None)
        manifests = bench.manifests()
        assert manifests["video"].redaction is None
        assert manifests["audio"].redaction is not None
        assert pictures(bench.part(record, "video"))[0][FACE_PIXELS].std() > 25
    finally:
        bench.close()


# ------------------------------------------------------------------ labels
def labelled(tmp_path: Path, policy: Redaction) -> list[str]:
    """Kinds and words of the labels of a take with a person, and speech nobody asked for."""
    models = Models(video=planted.people(tmp_path / "labels", SMALL, BODY), speech=planted.voice(tmp_path / "labels"))
    bench = MaskedBench(tmp_path, policy, models, [BODY])
    try:
        record = bench.open("do", "video", "audio")
        bench.film_to_be_seen(8)
        bench.speak([QUIET] * 10 + [LOUD] * 10 + [QUIET] * 10)
        bench.maker.close(None)
        media: tuple[Medium, ...] = ("video", "audio")
        documents = [document for medium in media for document in bench.labels(record, medium)]
        assert len(documents) == 2, bench.mentions
        return [f"{label.kind} {label.label}" for document in documents for label in document.labels]
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Redaction(faces="bystanders", margin_seconds=2), ["interval speech"]),
        (Redaction(faces="bystanders", zone=(0.0, 0.0, 1.0, 1.0)), ["track person", "interval speech"]),
        (Redaction(faces="bystanders", zone=(0.8, 0.0, 0.2, 0.2)), ["interval speech"]),
        (Redaction(faces="everyone"), ["track person", "interval speech"]),
        (Redaction(speech="outside-prompts"), ["track person"]),
        (Redaction(faces="bystanders", speech="outside-prompts"), []),
    ],
    ids=["nobody told apart", "in the zone", "outside the zone", "everyone", "speech", "both"],
)
def test_what_is_masked_has_no_label(tmp_path: Path, policy: Redaction, expected: list[str]) -> None:
    assert labelled(tmp_path, policy) == expected


@pytest.mark.parametrize(("faces", "kept"), [("everyone", ["b1", "b2"]), ("bystanders", [])])
def test_of_a_masked_person_neither_joints_nor_outline_stay(tmp_path: Path, faces: str, kept: list[str]) -> None:
    """A model of one's own may tell more of somebody than where they are."""
    finder = planted.finder(tmp_path, SMALL, [FACE], [BODY])
    masking = Masking(Redaction.model_validate({"faces": faces}), finder, None)
    seen = [
        Detection(80, 64, 64, 64, "person", 0.9, keypoints=((90.0, 80.0, 2),)),
        Detection(80, 64, 64, 64, "person", 0.8, mask=Rle(size=(2, 2), counts="04")),
    ]
    document = LabelsDocument(capture="cap-1", source=finder.sources[0], labels=detection_labels(seen))
    room = Room()
    _, record = masking.still([room.frame() for _ in range(3)])
    assert record.regions
    outside = masking.without_masked(document, record)
    assert outside is not None and [label.id for label in outside.labels] == kept


# ------------------------------------------------------------------ before anything begins
@pytest.mark.parametrize("policy", [Redaction(faces="everyone"), Redaction(speech="outside-prompts")])
def test_a_masking_without_its_model_is_not_made(policy: Redaction) -> None:
    with pytest.raises(RedactionUnavailable):
        Masking(policy, None, None)
