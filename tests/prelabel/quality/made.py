"""Documents and reviewed items for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from prelabel.quality.estimates import exact_intervals
from prelabel.quality.measurement import ItemFacts, Measured, Vocabulary, measured
from prelabel.quality.report import added_up, prelabel_report
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.shapes import PrelabelReport
from wire.labels import Box, Interval, Keyframe, Label, LabelsDocument, Source, Text, Track

MODEL = Source(kind="model", name="yolox-nano", version="1", sha256="a" * 64)
OTHER = Source(kind="model", name="yunet", version="1", sha256="b" * 64)
PERSON = Source(kind="person", name="ann")
FRAME_US = 40_000


def box(id: str, x: float = 0, y: float = 0, w: float = 10, h: float = 10, label: str = "cup", **more: Any) -> Box:
    return Box(id=id, label=label, x=x, y=y, width=w, height=h, **more)


def track(id: str, rows: Sequence[tuple[Any, ...]], label: str = "person", **more: Any) -> Track:
    """Rows of (frame, x, y, width, height[, visible[, attributes]])."""
    keyframes = [
        Keyframe(
            frame=row[0], start_us=row[0] * FRAME_US, x=row[1], y=row[2], width=row[3], height=row[4],
            visible=row[5] if len(row) > 5 else True, attributes=row[6] if len(row) > 6 else {},
        )
        for row in rows
    ]  # fmt: skip
    return Track(id=id, label=label, keyframes=keyframes, **more)


def interval(id: str, start: float, end: float, label: str = "speech", **more: Any) -> Interval:
    """Seconds."""
    return Interval(id=id, label=label, start_us=round(start * 1e6), end_us=round(end * 1e6), **more)


def text(id: str, said: str, label: str = "answer", **more: Any) -> Text:
    return Text(id=id, label=label, text=said, **more)


def document(labels: Sequence[Label], source: Source = MODEL, capture: str = "cap-1") -> LabelsDocument:
    return LabelsDocument(capture=capture, source=source, labels=list(labels))


def kept(label: Label, source: Source = MODEL) -> Label:
    """A label as the revision keeps it: its source is the model's."""
    return label.model_copy(update={"source": source})


def reviewed(before: Sequence[Label], after: Sequence[Label], source: Source = MODEL, **more: Any) -> Reviewed:
    facts: dict[str, Any] = {
        "revision": "rev-1", "capture": "cap-1", "task_type": "boxes", "device": "cam-1", "script_sha256": "c" * 64,
        "step": "show-cup",
    }  # fmt: skip
    facts.update(more)
    capture = facts["capture"]
    return Reviewed(before=document(before, source, capture), after=document(after, PERSON, capture), **facts)


def report_on(items: Iterable[Reviewed]) -> PrelabelReport:
    """The report on items whose facts were saved as JSON in between."""
    rows = list(items)

    def read(words: Vocabulary) -> Iterator[Measured]:
        for one in measured(rows, words):
            yield one._replace(facts=ItemFacts._make(json.loads(json.dumps(one.facts))))

    return prelabel_report(lambda words: added_up(read(words), words), datetime(2026, 11, 23, tzinfo=UTC))


def exact_interval(good: float, of: float) -> tuple[float, float]:
    low, high = exact_intervals(np.array([float(good)]), np.array([float(of)]))
    return float(low[0]), float(high[0])
