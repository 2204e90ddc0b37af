"""A real video of people, every frame looked at: what the tracks keep of what the model sees, in how many keyframes.

Beside it the same network is run by onnxruntime and OpenCV alone, with its head read anew: what that finds, the
detector must find, and the tracks' document must show.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.figure import Figure
from prelabel.geometry.detection import Detection
from prelabel.geometry.tracks import box_at
from prelabel.image.detector import open_detector
from prelabel.labelling.video import VideoDetector, track_video
from prelabel.media.pictures import Image
from prelabel.models.package import open_model
from prelabel.tracking.labels import track_document
from prelabel.tracking.tracker import TrackPath
from tests import needs
from wire.labels import LabelsDocument, Track

VIDEO, MODEL = "media/one-by-one-person-detection.mp4", "models/yolox_nano.onnx"
SIDE = 416
SAME = 0.5  # least IoU of two boxes of one person
Box = tuple[float, ...]  # x, y, width, height


def measure() -> list[Figure]:
    """Frames whose people are missed, keyframes a frame, and how far the keyframes stray from the tracks."""
    try:
        video, model = needs.testdata(VIDEO), needs.testdata(MODEL)
    except pytest.skip.Exception as error:
        sys.stderr.write(f"keyframes: {error}\n")
        return []
    got = compare(video, model)
    print(
        f"{got.people_frames} of {got.frames} frames show {got.people} people; {got.visible_frames} of them lie in "
        f"{got.tracks} tracks with {got.keyframes} keyframes; largest resident size {got.peak_mib:.0f} MiB"
    )
    return [
        Figure("frames on which the detector misses a person", len(got.missed_by_detector), "", 0),
        Figure("frames on which the tracks miss a person", len(got.missed_by_tracks), "", 0),
        Figure("keyframes for a frame on which a person is visible", round(got.share, 4), "", 0.2),
        Figure("1 - least IoU of keyframes and smoothed track", round(1 - got.least_iou, 4), "", 0.1),
        Figure("1 - least IoU of smoothed track and sighting", round(1 - got.least_true, 4), "", 0.2),
    ]


@dataclass(frozen=True)
class Comparison:
    """`missed_*`: frames with a person of the plain run that has no box of IoU `SAME` or more.

    `people_frames`, `people`: frames on which the plain run finds somebody, and how many boxes on all of them.
    `visible_frames`: on which the document shows somebody. `keyframes`: all of the document, hidden ones too.
    `least_iou`: of the document and the smoothed tracks on every frame. `least_true`: of these and their sightings.
    """

    frames: int
    people_frames: int
    people: int
    missed_by_detector: list[int]
    missed_by_tracks: list[int]
    tracks: int
    visible_frames: int
    keyframes: int
    least_iou: float
    least_true: float
    peak_mib: float

    @property
    def share(self) -> float:
        return self.keyframes / max(1, self.visible_frames)


def compare(video: Path, model: Path) -> Comparison:
    """Label the video at every frame, run the network beside it, and compare the two."""
    detector = Listening(open_detector(open_model(model), threads=2))
    found = track_video(video, detector, only={"person"})
    document = track_document("one-by-one", detector.source, found.paths, found.times_us)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain = PlainYolox(model, detector.threshold("person"))
    people = [plain.people(picture) for picture in pictures(video)]
    if len(people) != len(found.times_us):
        raise ValueError(f"OpenCV reads {len(people)} frames, VideoFile {len(found.times_us)}")
    shown = [boxes_on(document, frame, found.times_us) for frame in range(len(people))]
    tracks = [label for label in document.labels if isinstance(label, Track)]
    return Comparison(
        frames=len(people),
        people_frames=sum(bool(rows) for rows in people),
        people=sum(len(rows) for rows in people),
        missed_by_detector=missed(people, detector.seen),
        missed_by_tracks=missed(people, shown),
        tracks=len(tracks),
        visible_frames=sum(bool(rows) for rows in shown),
        keyframes=sum(len(track.keyframes) for track in tracks),
        least_iou=min(least_overlap(*pair, found.times_us) for pair in zip(found.paths, tracks, strict=True)),
        least_true=min(
            iou((point.x, point.y, point.width, point.height), point.sighting)
            for path in found.paths
            for point in path.points
            if point.sighting is not None
        ),
        peak_mib=peak_mib,
    )


class Listening:
    """A detector that notes the people it saw at their threshold, look by look."""

    def __init__(self, detector: VideoDetector) -> None:
        self.threshold, self.floor, self.source = detector.threshold, detector.floor, detector.source
        self.seen: list[list[Box]] = []
        self._detector = detector

    def detect(self, image: Image, least: float | None = None, only: Collection[str] | None = None) -> list[Detection]:
        rows = self._detector.detect(image, least, only)
        strong = [row for row in rows if row.score >= self.threshold(row.label)]
        self.seen.append([(row.x, row.y, row.width, row.height) for row in strong])
        return rows


class PlainYolox:
    """YOLOX as its authors' demo runs it: letterbox at the top left, BGR 0..255, cells of 8, 16 and 32 pixels."""

    def __init__(self, model: Path, score: float) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        self._score = score
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # its threads would burn the other cores while they wait
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        grids, strides = [], []
        for stride in (8, 16, 32):
            count = SIDE // stride
            grids += [(column, row) for row in range(count) for column in range(count)]
            strides += [stride] * count * count
        self._grid, self._stride = np.array(grids), np.array(strides)[:, np.newaxis]

    def people(self, picture: np.ndarray) -> list[Box]:
        height, width = picture.shape[:2]
        ratio = min(SIDE / height, SIDE / width)
        small = cv2.resize(picture, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
        canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        tensor = canvas.transpose(2, 0, 1)[np.newaxis].astype(np.float32)
        head = self._session.run(None, {self._session.get_inputs()[0].name: tensor})[0][0]
        centre, size = (head[:, :2] + self._grid) * self._stride, np.exp(head[:, 2:4]) * self._stride
        scores = head[:, 4] * head[:, 5]
        boxes = np.concatenate([centre - size / 2, size], axis=1) / ratio
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), self._score, 0.45)
        rows: list[Box] = [tuple(row) for row in boxes[np.asarray(kept, dtype=int).ravel()].tolist()]
        return rows


def pictures(video: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(video))
    try:
        while True:
            good, picture = capture.read()
            if not good:
                return
            yield picture
    finally:
        capture.release()


def boxes_on(document: LabelsDocument, frame: int, times_us: Sequence[int]) -> list[Box]:
    places = [box_at(label, frame, times_us[frame]) for label in document.labels if isinstance(label, Track)]
    return [tuple(place) for place in places if place is not None]


def missed(wanted: Sequence[Sequence[Box]], shown: Sequence[Sequence[Box]]) -> list[int]:
    """The frames on which a wanted box has no shown one that overlaps it."""
    return [
        frame
        for frame, (wants, boxes) in enumerate(zip(wanted, shown, strict=True))
        if any(max((iou(want, box) for box in boxes), default=0.0) < SAME for want in wants)
    ]


def least_overlap(path: TrackPath, track: Track, times_us: Sequence[int]) -> float:
    """The worst IoU of what a document's track shows with the path it stands for, over every frame of the path."""
    places = [(box_at(track, point.frame, times_us[point.frame]), point) for point in path.points]
    return min(
        0.0 if place is None else iou(tuple(place), (point.x, point.y, point.width, point.height))
        for place, point in places
    )


def iou(one: Box, two: Box) -> float:
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    inner = max(0.0, across) * max(0.0, down)
    return inner / (one[2] * one[3] + two[2] * two[3] - inner)
