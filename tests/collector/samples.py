"""Real captures for tests: Matroska and FLAC streamed by PyAV without seeking, a JPEG, a text, with their documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np

from tests.support.recordings import STREAMED, Streamed, flac, write_video
from wire.base import new_id
from wire.capture import CaptureFormat, CaptureManifest, FrameTable, Medium, Part, Wall
from wire.consent import ConsentRecord, Grant
from wire.labels import Box, Interval, LabelsDocument, Source
from wire.script import LabelSchema, ScriptRef
from wire.session import SessionRecord, TakeCapture, TakeRecord

MODEL = Source(kind="model", name="test-model", version="1", sha256="ab" * 32)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def video_bytes(
    frames: int = 30, width: int = 160, height: int = 120, step_us: int = 40_123
) -> tuple[bytes, list[int]]:
    """H.264 in streamed Matroska and its frame times; frame n has the grey level 16 + 6 n mod 200."""
    times = [n * step_us for n in range(frames)]
    pictures = []
    for n in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = 16 + (6 * n) % 200
        pictures.append(picture)
    target = Streamed()
    write_video(
        target, pictures, times, container="matroska", settings=STREAMED,
        preset="ultrafast", tune="zerolatency", g="10",
    )  # fmt: skip
    return bytes(target.data), times


def audio_bytes(seconds: float = 1.0, rate: int = 16_000) -> bytes:
    """A 440 Hz tone as streamed FLAC, mono, 16 bits."""
    samples = (np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 12_000).astype(np.int16)
    return flac(samples, rate)


def image_bytes() -> bytes:
    picture = np.full((120, 160, 3), 90, np.uint8)
    picture[40:80, 60:100] = 220
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())


FORMATS: dict[Medium, CaptureFormat] = {
    "video": CaptureFormat(container="matroska", codec="h264", media_type="video/x-matroska", width=160, height=120),
    "audio": CaptureFormat(container="flac", codec="flac", media_type="audio/flac", sample_rate=16_000, channels=1),
    "image": CaptureFormat(container="jpeg", codec="mjpeg", media_type="image/jpeg", width=160, height=120),
    "text": CaptureFormat(container="plain", codec="utf-8", media_type="text/plain"),
}


@dataclass
class Sample:
    """A capture as a device would send it: its parts' bytes and its manifest."""

    manifest: CaptureManifest
    parts: dict[str, bytes]

    @property
    def id(self) -> str:
        return self.manifest.capture

    @property
    def raw_manifest(self) -> bytes:
        return json.dumps(self.manifest.to_json()).encode()


def sample(
    medium: Medium,
    device: str,
    take: str = "take-1",
    session: str = "ses-1",
    *,
    step: str = "step-1",
    complete: bool = True,
    media: bytes | None = None,
    times: list[int] | None = None,
    labels: bool = True,
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Sample:
    """One capture of a medium. `media` and `times` replace the bytes it would have; `change` edits the manifest."""
    capture = new_id("cap")
    parts: dict[str, bytes] = {}
    if medium == "video":
        made, made_times = video_bytes() if media is None else (media, times or [])
        table = FrameTable(capture=capture, times_us=times if times is not None else made_times)
        parts = {"media": made, "frames": json.dumps(table.to_json()).encode()}
        frames, duration = len(table.times_us), (table.times_us[-1] + 40_123 if table.times_us else 0)
    else:
        made = (
            media
            if media is not None
            else {"audio": audio_bytes, "image": image_bytes, "text": "Grüße 👋".encode}[medium]()
        )
        parts, frames, duration = {"media": made}, None, 1_000_000 if medium == "audio" else 0
    if labels and medium in ("audio", "image"):
        label = (
            Interval(id="s1", label="speech", score=0.9, start_us=100_000, end_us=700_000, expected="hello")
            if medium == "audio"
            else Box(id="b1", label="cup", score=0.7, x=60, y=40, width=40, height=40)
        )
        document = LabelsDocument(capture=capture, source=MODEL, labels=[label])
        parts["labels:test-model"] = json.dumps(document.to_json()).encode()
    values = CaptureManifest(
        capture=capture,
        take=take,
        session=session,
        study="study-1",
        step=step,
        attempt=1,
        device=device,
        sensor="camera-0" if medium != "audio" else "microphone-0",
        medium=medium,
        format=FORMATS[medium],
        consent="consent-1",
        complete=complete,
        sha256=hashlib.sha256(made).hexdigest() if complete else None,
        bytes=len(made),
        duration_us=duration,
        frames=frames,
        opened_us=5_000_000,
        wall=Wall(at=NOW),
        clock_map=[(0, 5_000_000)],
        parts=[
            Part(name=name, sealed_sha256=hashlib.sha256(data).hexdigest(), sealed_bytes=len(data))
            for name, data in parts.items()
        ],
    ).to_json()
    if change is not None:
        change(values)
    return Sample(CaptureManifest.read(values), parts)


@dataclass
class SampleTake:
    id: str
    step: str
    captures: list[Sample]
    reviews: list[str]
    kind: str = "say"
    state: str = "closed"
    expected: str | None = "hello"
    objects: list[str] = field(default_factory=list)


def session_record(device: str, takes: list[SampleTake], session: str = "ses-1", revision: int = 1) -> SessionRecord:
    return SessionRecord(
        session=session,
        revision=revision,
        study="study-1",
        script=ScriptRef(id="test-script", version="1", sha256="cd" * 32),
        language="en",
        label_schema=LabelSchema(boxes=["cup"], tracks=["person"]),
        device=device,
        participant="p-1",
        home="h-1",
        consent=ConsentRecord(
            consent="consent-1",
            session=session,
            study="study-1",
            participant="p-1",
            text_sha256="ef" * 32,
            locale="en",
            grants=[Grant(use=use) for use in ("video", "audio", "image", "text")],
            given_by="p-1",
            given_at=NOW,
        ),
        state="running",
        started_at=NOW,
        takes=[
            TakeRecord(
                take=take.id,
                step=take.step,
                attempt=1,
                kind=take.kind,
                state=take.state,
                prompt="Say hello",
                expected=take.expected,
                objects=take.objects,
                reviews=take.reviews,
                opened_us=5_000_000,
                closed_us=6_000_000,
                opened_at=NOW,
                closed_at=NOW,
                captures=[
                    TakeCapture(capture=one.id, medium=one.manifest.medium, sensor=one.manifest.sensor)
                    for one in take.captures
                ],
            )
            for take in takes
        ],
    )
