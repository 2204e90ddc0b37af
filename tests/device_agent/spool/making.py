"""Captures for tests of spool and uplink: real headers, bytes made from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from device_agent.record.audio import audio_format
from device_agent.record.recorded import Recorded
from device_agent.record.text import text_format
from device_agent.record.times import pack_point
from device_agent.record.video import video_format
from device_agent.spool.header import CaptureHeader
from device_agent.spool.spool import Spool
from wire.base import new_id
from wire.canonical import sha256_hex
from wire.capture import CaptureFormat, CaptureManifest, Medium, Wall
from wire.consent import ConsentRecord, Grant
from wire.script import LabelSchema, ScriptRef
from wire.session import SessionRecord, TakeDocument, TakeRecord

MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FORMATS: dict[str, CaptureFormat] = {
    "video": video_format(640, 480, 25),
    "audio": audio_format(16000, 1),
    "text": text_format(),
}


def noise(seed: int, size: int) -> bytes:
    """A longer noise of the same seed begins with every shorter one."""
    return random.Random(seed).randbytes((size + 3) // 4 * 4)[:size]


def header(medium: Medium = "audio", capture: str | None = None, take: str = "take-1") -> CaptureHeader:
    return CaptureHeader(
        capture=capture or new_id("cap"),
        take=take,
        session="ses-1",
        study="kitchen",
        step="greet-1",
        attempt=1,
        device="dev-1",
        sensor="simulated",
        medium=medium,
        format=FORMATS[medium],
        consent="con-1",
        opened_us=1_000_000,
        wall=Wall(at=MOMENT),
    )


def recorded(data: bytes) -> Recorded:
    return Recorded(sha256=sha256_hex(data), bytes=len(data), duration_us=1_000_000, clock_map=[(0, 1_000_000)])


def spooled(spool: Spool, data: bytes, *, labels: bytes | None = None, capture: str | None = None) -> CaptureManifest:
    """A closed audio capture that holds `data`."""
    row = spool.open_capture(header(capture=capture))
    media, times = row.sink("media"), row.sink("times")
    times.write(pack_point(0, 1_000_000))
    for start in range(0, len(data), 64 << 10):
        media.write(data[start : start + (64 << 10)])
    times.close()
    media.close()
    if labels is not None:
        row.put("labels:vad", labels)
    return row.finish(recorded(data))


def take_document(take: str = "take-1", revision: int = 2, state: str = "closed", number: int = 1) -> TakeDocument:
    return TakeDocument(
        session="ses-1",
        device="dev-1",
        revision=revision,
        number=number,
        step_number=number,
        take=TakeRecord.model_validate(
            {
                "take": take, "step": f"step-{number}", "attempt": 1, "kind": "say", "state": state,
                "prompt": "Say hello", "opened_us": number, "opened_at": MOMENT, "captures": [],
            }
        ),
    )  # fmt: skip


def session_record(session: str = "ses-1", revision: int = 1, state: str = "running") -> SessionRecord:
    consent = ConsentRecord(
        consent="con-1",
        session=session,
        study="kitchen",
        participant="p-1",
        text_sha256="0" * 64,
        locale="en",
        grants=[Grant(use=use) for use in ("video", "audio", "image", "text")],
        given_by="participant",
        given_at=MOMENT,
    )
    return SessionRecord.model_validate(
        {
            "session": session,
            "revision": revision,
            "study": "kitchen",
            "script": ScriptRef(id="kitchen-greeting", version="1", sha256="1" * 64),
            "language": "en",
            "label_schema": LabelSchema(),
            "device": "dev-1",
            "participant": "p-1",
            "home": "home-1",
            "consent": consent,
            "state": state,
            "started_at": MOMENT,
        }
    )
