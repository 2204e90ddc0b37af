"""What models found, as labels documents: one a capture and model, an empty one says looked at, nothing there."""

from __future__ import annotations

from collections.abc import Sequence

from prelabel.audio.segments import Region
from prelabel.boxes import Detection
from prelabel.keyframes import DECIMALS, reduce
from prelabel.tracks import TrackPath
from wire.labels import Box, Interval, LabelsDocument, Source, Track

SCORE_DECIMALS = 4


def track_document(
    capture: str, source: Source, paths: Sequence[TrackPath], times_us: Sequence[int], iou: float = 0.9
) -> LabelsDocument:
    """Tracks `t1`, `t2`, … of a video, each reduced to its keyframes.

    Args:
        paths: in pixels of the stored video, not of a smaller stream the model saw (`Detection.scaled`).
        times_us: the frame table of the capture.
    """
    reduced = [(path, keyframes) for path in paths if (keyframes := reduce(path, times_us, iou))]
    labels = [
        Track(id=f"t{number}", label=path.label, score=round(path.score, SCORE_DECIMALS), keyframes=keyframes)
        for number, (path, keyframes) in enumerate(reduced, start=1)
    ]
    return LabelsDocument(capture=capture, source=source, labels=list(labels))


def speech_document(
    capture: str, source: Source, regions: Sequence[Region], expected: str | None = None
) -> LabelsDocument:
    """Speech intervals `s1`, `s2`, … of a recording.

    Args:
        expected: what the script asked the person to say. It goes into `expected` of every interval and never into
            `text`: nothing was heard, only that somebody spoke.
    """
    labels = [
        Interval(
            id=f"s{number}",
            label="speech",
            score=round(region.score, SCORE_DECIMALS),
            start_us=region.start_us,
            end_us=region.end_us,
            expected=expected,
        )
        for number, region in enumerate(regions, start=1)
    ]
    return LabelsDocument(capture=capture, source=source, labels=list(labels))


def box_document(capture: str, source: Source, detections: Sequence[Detection]) -> LabelsDocument:
    """Boxes `b1`, `b2`, … of a still, best first as the detector gave them, in pixels of the stored picture."""
    labels = [
        Box(
            id=f"b{number}",
            label=row.label,
            score=round(row.score, SCORE_DECIMALS),
            x=round(row.x, DECIMALS),
            y=round(row.y, DECIMALS),
            width=round(row.width, DECIMALS),
            height=round(row.height, DECIMALS),
        )
        for number, row in enumerate(detections, start=1)
    ]
    return LabelsDocument(capture=capture, source=source, labels=list(labels))
