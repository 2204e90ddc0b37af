"""The least that a manifest may say, and the documents of every schema number as they were written first."""

from __future__ import annotations

from tests.needs import ROOT

SHA = "0" * 64
GOLDEN = ROOT / "tests" / "wire" / "golden"


def manifest(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "schema": 1, "capture": "cap-1", "take": "take-1", "session": "ses-1", "study": "kitchen", "step": "greet-1",
        "attempt": 1, "device": "dev-1", "sensor": "microphone0", "medium": "audio",
        "format": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "sample_rate": 16000,
                   "channels": 1},
        "consent": "con-1", "complete": True, "sha256": SHA, "bytes": 10, "duration_us": 1_000_000, "opened_us": 5,
        "wall": {"at": "2026-11-23T10:00:00.000000Z"}, "clock_map": [[0, 5]],
        "parts": [{"name": "media", "sealed_sha256": SHA, "sealed_bytes": 10}],
    }  # fmt: skip
    return body | changes


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()
