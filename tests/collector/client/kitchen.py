"""Stills of the study "kitchen", as programs send them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.collector.samples import Sample, SampleTake, sample, session_record
from wire.capture import Part
from wire.labels import Box, LabelsDocument, Source
from wire.session import SessionRecord


def in_kitchen(device: str, step: str, session: str) -> tuple[SessionRecord, Sample]:
    """A still of a step in the study of the page, with the record of its session."""

    def change(values: dict[str, Any]) -> None:
        values["study"] = "kitchen"

    made = sample("image", device, f"take-{step}", session, step=step, change=change)
    record = session_record(device, [SampleTake(f"take-{step}", step, [made], ["boxes"], objects=["cup"])], session)
    consent = record.consent.model_copy(update={"study": "kitchen"})
    return record.model_copy(update={"study": "kitchen", "consent": consent}), made


def with_prelabel(made: Sample, model: str, score: float) -> Sample:
    """The same still with one pre-label of this model, in place of its own."""
    label = Box(id="b1", label="cup", score=score, x=60, y=40, width=40, height=40)
    source = Source(kind="model", name=model, version="1", sha256=hashlib.sha256(model.encode()).hexdigest())
    body = json.dumps(LabelsDocument(capture=made.id, source=source, labels=[label]).to_json()).encode()
    parts = {"media": made.parts["media"], f"labels:{model}": body}
    named = [
        Part(name=name, sealed_sha256=hashlib.sha256(data).hexdigest(), sealed_bytes=len(data))
        for name, data in parts.items()
    ]
    return Sample(made.manifest.model_copy(update={"parts": named}), parts)
