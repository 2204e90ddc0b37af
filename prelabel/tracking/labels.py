"""Tracks as a labels document: one per capture and model; an empty one means that nothing was found."""

from __future__ import annotations

from collections.abc import Sequence

from prelabel.geometry.detection import SCORE_DECIMALS
from prelabel.geometry.tracks import TRACKER
from prelabel.tracking.keyframes import reduce
from prelabel.tracking.tracker import TrackPath
from wire.labels import LabelsDocument, Source, Track


def track_document(capture: str, source: Source, paths: Sequence[TrackPath], times_us: Sequence[int]) -> LabelsDocument:
    """Tracks `t1`, `t2`, … of a video, each reduced to its keyframes.

    Args:
        paths: in pixels of the stored video, not of a smaller stream the model saw (`Detection.scaled`).
        times_us: the frame table of the capture.
    """
    reduced = [(path, keyframes) for path in paths if (keyframes := reduce(path, times_us))]
    labels = [
        Track(
            id=f"t{number}",
            label=path.label,
            score=round(path.score, SCORE_DECIMALS),
            keyframes=keyframes,
            attributes={TRACKER: path.measured} if path.measured else {},
        )
        for number, (path, keyframes) in enumerate(reduced, start=1)
    ]
    return LabelsDocument(capture=capture, source=source, labels=list(labels))
