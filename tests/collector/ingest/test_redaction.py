"""The part `redaction`: taken in, opened, kept as a blob that names its capture, and said where a capture is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from collector.ingest.open_work import open_capture
from collector.store.open_blobs import BlobsLocation
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, sample, session_record
from wire.canonical import canonical_json, sha256_hex
from wire.capture import CaptureManifest
from wire.redaction import MaskedRegion, MaskModel, MaskRecord

MODEL = MaskModel(name="centerface", version="1", sha256="ab" * 32)


def mask_record(capture: str) -> MaskRecord:
    return MaskRecord(
        capture=capture,
        method="solid",
        sound="zeros",
        models=[MODEL],
        margin_us=2_000_000,
        regions=[MaskedRegion(start_us=0, end_us=400_000, why="face", keyframes=[(0, 4, 4, 20, 20)])],
        frames=30,
        frames_masked=10,
    )


def masked(
    device: str, record: bytes | Callable[[str], bytes] | None = None, *, counted: bool = True, complete: bool = True
) -> Sample:
    """A video whose device masked it. `record` replaces the part; not `counted`: the device was killed meanwhile."""
    made: dict[str, bytes] = {}

    def change(values: dict[str, Any]) -> None:
        del values["schema"]
        values["redaction"] = {"faces": 1, "speech_us": 0} if counted else {}
        if counted:
            made_for = record if callable(record) else lambda capture: canonical_json(mask_record(capture))
            data = record if isinstance(record, bytes) else made_for(values["capture"])
            made["redaction"] = data
            part = {"name": "redaction", "sealed_sha256": sha256_hex(data), "sealed_bytes": len(data)}
            values["parts"].append(part)

    one = sample("video", device, complete=complete, change=change)
    return Sample(one.manifest, one.parts | made)


def test_what_was_masked_is_kept_and_told(collector: Collector, device: DeviceClient, lead: httpx.Client) -> None:
    one = masked(device.id)
    assert one.manifest.schema_number == 2
    device.send(one)
    assert {part.name for part in device.received(one.id).parts} == {"media", "frames", "redaction"}
    view = lead.get(f"/api/captures/{one.id}").json()
    assert view["redaction"] == {"faces": 1, "speech_us": 0}
    reply = lead.get(view["redaction_url"])
    assert reply.content == one.parts["redaction"] and reply.headers["content-type"] == "application/json"
    kinds = collector.rows("SELECT kind FROM derived WHERE capture_id = :capture", capture=one.id)
    assert ("redaction",) in kinds, "erasing by capture must find it"


def test_an_annotator_may_know_what_was_masked(collector: Collector, device: DeviceClient) -> None:
    one = masked(device.id)
    device.send(one)
    device.received(one.id)
    takes = [SampleTake(one.manifest.take, "step-1", [one], ["tracks"])]
    record = session_record(device.id, takes, one.manifest.session)
    device.call("PUT", f"/api/sessions/{record.session}", content=json.dumps(record.to_json()))
    person, _ = collector.holder("anna", one.id)
    assert person.get(f"/api/captures/{one.id}/redaction").json()["frames_masked"] == 10


def test_a_torn_capture_says_masked_without_a_count(device: DeviceClient, lead: httpx.Client) -> None:
    one = masked(device.id, counted=False, complete=False)
    device.send(one)
    device.received(one.id)
    view = lead.get(f"/api/captures/{one.id}").json()
    assert view["redaction"] == {"faces": None, "speech_us": None} and view["redaction_url"] is None
    reply = lead.get(f"/api/captures/{one.id}/redaction")
    assert (reply.status_code, reply.json()["code"]) == (404, "not-made")


def test_a_capture_with_nothing_to_mask_says_nothing(device: DeviceClient, lead: httpx.Client) -> None:
    one = sample("video", device.id)
    device.send(one)
    device.received(one.id)
    view = lead.get(f"/api/captures/{one.id}").json()
    assert view["redaction"] is None and view["redaction_url"] is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (canonical_json(mask_record("cap-other")), "about the capture cap-other"),
        (b"not json", "not JSON"),
        (json.dumps({"schema": 1, "method": "blur"}).encode(), "not valid"),
        (json.dumps(mask_record("cap-1").to_json() | {"schema": 99}).encode(), "schema 99"),
    ],
)
def test_a_record_that_cannot_be_read_gets_no_receipt(device: DeviceClient, record: bytes, said: str) -> None:
    one = masked(device.id, record)
    device.send(one)
    reply = device.settled(one.id)
    assert (reply.status_code, reply.json()["code"]) == (409, "capture-unreadable")
    assert said in reply.json()["title"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regions": []}, "count of masks differs"),
        ({"frames": 29}, "accounts for 29 of 30 frames"),
    ],
)
def test_a_record_that_leaves_something_out_gets_no_receipt(
    device: DeviceClient, change: dict[str, Any], said: str
) -> None:
    """A frame that no mask accounts for may show anyone: the device keeps it, nobody gets to see it."""

    def record(capture: str) -> bytes:
        return canonical_json(mask_record(capture).model_copy(update=change))

    one = masked(device.id, record)
    device.send(one)
    reply = device.settled(one.id)
    assert (reply.status_code, reply.json()["code"]) == (409, "capture-unreadable")
    assert said in reply.json()["title"]


def test_a_refused_record_leaves_no_blob(tmp_path: Any) -> None:
    one = masked("dev-1", b"not json")
    for name, data in one.parts.items():
        (tmp_path / name).write_bytes(data)
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    result = open_capture(
        {
            "manifest": canonical_json(CaptureManifest.read(one.raw_manifest)).decode(),
            "parts": {name: str(tmp_path / name) for name in one.parts},
            "blobs": BlobsLocation(blobs).to_json(),
        }
    )
    assert list(result) == ["unreadable"]
    assert list(blobs.iterdir()) == [], "nothing is kept of a capture that gets no receipt"
