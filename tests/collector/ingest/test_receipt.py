"""From bytes to a receipt: the whole way through a real service and its worker process."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import av
import httpx
import pytest
from nacl.signing import VerifyKey

from collector.ingest.manifests import MAX_PARTS, PartsMissing, receipt_state, save_manifest
from tests.collector.review.filled import Filled
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, SampleTake, audio_bytes, sample, session_record, video_bytes
from tests.support.waiting import until
from wire.canonical import sha256_hex
from wire.capture import Medium, Part


@pytest.mark.parametrize("medium", ["video", "audio", "image", "text"])
def test_a_capture_gets_its_receipt_and_what_browsers_play(
    device: DeviceClient, lead: httpx.Client, medium: Medium
) -> None:
    one = sample(medium, device.id)
    device.send(one)
    receipt = device.received(one.id)
    assert receipt.sha256 == one.manifest.sha256
    assert receipt.manifest_sha256 == sha256_hex(one.raw_manifest)
    assert receipt.parts == one.manifest.parts
    VerifyKey(bytes.fromhex(device.verify_key)).verify(receipt.signed_bytes(), bytes.fromhex(receipt.signature))
    media = until(lambda: reply if (reply := lead.get(f"/api/captures/{one.id}/media")).status_code == 200 else None)
    assert lead.get(f"/api/captures/{one.id}/original").content == one.parts["media"]
    documents = lead.get(f"/api/captures/{one.id}/labels").json()["documents"]
    assert documents == [json.loads(data) for name, data in one.parts.items() if name.startswith("labels:")]
    if medium == "video":
        times = json.loads(one.parts["frames"])["times_us"]
        assert lead.get(f"/api/captures/{one.id}/frames").json()["times_us"] == times
        with av.open(io.BytesIO(media.content)) as container:
            stream = container.streams.video[0]
            assert [round(frame.pts * stream.time_base * 1_000_000) for frame in container.decode(stream)] == times
        assert media.content.index(b"moov") < media.content.index(b"mdat")
    if medium == "audio":
        with av.open(io.BytesIO(media.content)) as container:
            assert container.streams.audio[0].duration == 16_000
        peaks = lead.get(f"/api/captures/{one.id}/peaks").json()
        assert peaks["samples_per_peak"] == 160 and len(peaks["maximum"]) == 100
        assert 0.3 < max(peaks["maximum"]) < 0.4 and -0.4 < min(peaks["minimum"]) < -0.3
    if medium == "text":
        assert media.text == "Grüße 👋"


def test_the_same_manifest_again_is_welcome_and_another_one_is_a_conflict(device: DeviceClient) -> None:
    one = sample("text", device.id)
    device.send(one)
    assert device.put_manifest(one).status_code == 202
    other = one.raw_manifest.replace(b'"step-1"', b'"step-2"')
    for _ in range(2):
        reply = device.put_manifest(one, other)
        assert (reply.status_code, reply.json()["code"]) == (409, "capture-conflict")
    assert device.received(one.id).manifest_sha256 == sha256_hex(one.raw_manifest)


def test_a_lead_reads_both_manifests_of_a_conflict_page_by_page(device: DeviceClient, lead: httpx.Client) -> None:
    one = sample("text", device.id)
    device.send(one)
    others = [one.raw_manifest.replace(b'"step-1"', f'"step-{n}"'.encode()) for n in (7, 8, 9)]
    for raw in (*others, others[0]):
        assert device.put_manifest(one, raw).json()["code"] == "capture-conflict"
    before: dict[str, int] = {}
    for raw, is_last in zip(reversed(others), (False, False, True), strict=True):
        page = lead.get("/api/manifest-conflicts", params={"limit": 1, **before}).json()
        (row,) = page["conflicts"]
        assert (row["capture"], row["device"], row["kept_device"]) == (one.id, device.id, device.id)
        assert (row["manifest"], row["manifest_sha256"]) == (raw.decode(), sha256_hex(raw))
        assert row["kept_manifest"] == one.raw_manifest.decode()
        assert row["kept_manifest_sha256"] == sha256_hex(one.raw_manifest)
        assert is_last or page["next"] == row["id"]
        before = {"before": row["id"]}
    rest = lead.get("/api/manifest-conflicts", params=before).json()
    assert rest["next"] is None and one.id not in [row["capture"] for row in rest["conflicts"]]


def test_no_annotator_and_no_device_reads_conflicts(collector: Collector, device: DeviceClient) -> None:
    assert collector.person("arno", "annotator").get("/api/manifest-conflicts").status_code == 403
    assert device.call("GET", "/api/manifest-conflicts").status_code == 401


def test_missing_parts_are_named_until_they_are_there(device: DeviceClient) -> None:
    one = sample("audio", device.id)
    device.send_part(one.id, "media", one.parts["media"])
    assert device.put_manifest(one).status_code == 202
    reply = device.receipt(one.id)
    assert (reply.status_code, reply.json()["code"]) == (409, "parts-missing")
    assert reply.json()["parts"] == ["labels:test-model"]
    device.send_part(one.id, "labels:test-model", one.parts["labels:test-model"])
    device.received(one.id)


@pytest.mark.parametrize("amount", [MAX_PARTS, MAX_PARTS + 1, 30_000])
def test_a_manifest_names_so_many_parts_and_no_more(device: DeviceClient, amount: int) -> None:
    def name_many(manifest: dict[str, Any]) -> None:
        more = amount - len(manifest["parts"])
        manifest["parts"] += [
            {"name": f"labels:m{number}", "sealed_sha256": "ab" * 32, "sealed_bytes": 1} for number in range(more)
        ]

    one = sample("text", device.id, change=name_many)
    reply = device.put_manifest(one)
    receipt = device.receipt(one.id)
    if amount <= MAX_PARTS:
        assert reply.status_code == 202
        assert receipt.json()["parts"] == [part.name for part in one.manifest.parts]
    else:
        assert (reply.status_code, reply.json()["code"]) == (422, "document-invalid"), reply.text
        assert receipt.status_code == 404 and len(reply.content) < 2_000


def test_of_many_missing_parts_so_many_are_named_at_once(filled: Filled) -> None:
    parts = [Part(name=f"labels:m{number}", sealed_sha256="ab" * 32, sealed_bytes=1) for number in range(500)]
    one = sample("text", "dev-1")
    manifest = one.manifest.model_copy(update={"parts": [*one.manifest.parts, *parts]})  # of an earlier version
    device = str(filled.rows("SELECT id FROM device")[0].id)
    filled.db.write_sync(lambda conn: save_manifest(conn, device, manifest, json.dumps(manifest.to_json()).encode()))
    with pytest.raises(PartsMissing) as caught:
        filled.db.read_sync(lambda conn: receipt_state(conn, device, one.id))
    assert caught.value.facts["parts"] == [part.name for part in manifest.parts[:MAX_PARTS]]


def test_a_capture_of_a_consent_that_nobody_has_gets_a_receipt_and_is_not_shown(
    device: DeviceClient, lead: httpx.Client
) -> None:
    def of_nobody(manifest: dict[str, Any]) -> None:
        manifest |= {"consent": "con-nobody", "study": "study-nobody"}

    one = sample("image", device.id, "take-nobody", "ses-nobody", change=of_nobody)
    for name, data in one.parts.items():
        device.send_part(one.id, name, data)
    assert device.put_manifest(one).status_code == 202
    assert device.received(one.id).sha256 == one.manifest.sha256
    for what in ("media", "original", "peaks", "labels"):
        reply = lead.get(f"/api/captures/{one.id}/{what}")
        assert (reply.status_code, reply.json()["code"]) == (403, "consent-ended"), what
    assert not [row for row in lead.get("/api/tasks").json()["tasks"] if row["take"] == "take-nobody"]
    record = session_record(device.id, [SampleTake("take-nobody", "step-1", [one], ["boxes"])], "ses-nobody")
    device.call("PUT", "/api/sessions/ses-nobody", content=json.dumps(record.to_json()))
    until(lambda: [row for row in lead.get("/api/tasks").json()["tasks"] if row["take"] == "take-nobody"])
    assert lead.get(f"/api/captures/{one.id}/original").content == one.parts["media"]


@pytest.mark.parametrize("spoil", [lambda data: data[:-1] + b"?", lambda data: data + b"?"], ids=["bytes", "size"])
def test_a_part_that_is_not_the_one_named_is_asked_for_again(
    device: DeviceClient, spoil: Callable[[bytes], bytes]
) -> None:
    one = sample("image", device.id)
    device.send_part(one.id, "media", spoil(one.parts["media"]))
    device.send_part(one.id, "labels:test-model", one.parts["labels:test-model"])
    device.put_manifest(one)
    reply = device.settled(one.id)
    assert (reply.status_code, reply.json()["parts"]) == (409, ["media"])
    device.send_part(one.id, "media", one.parts["media"])
    assert device.received(one.id).sha256 == one.manifest.sha256


def test_a_bit_that_flipped_on_the_disk_after_the_upload_is_asked_for_again(
    collector: Collector, device: DeviceClient
) -> None:
    one = sample("text", device.id, media=b"as it was sent " * 200_000)
    location = device.send_part(one.id, "media", one.parts["media"])
    with (collector.data / "staging" / f"{location.rsplit('/', 1)[1]}.part").open("r+b") as file:
        file.seek(1_234_567)
        byte = file.read(1)[0]
        file.seek(1_234_567)
        file.write(bytes([byte ^ 4]))
    device.put_manifest(one)
    reply = device.settled(one.id)
    assert (reply.status_code, reply.json()["parts"]) == (409, ["media"])
    device.send_part(one.id, "media", one.parts["media"])
    assert device.received(one.id).sha256 == one.manifest.sha256


def test_parts_that_were_sent_wrong_leave_no_file(collector: Collector, device: DeviceClient) -> None:
    one = sample("image", device.id)
    device.send_part(one.id, "labels:test-model", one.parts["labels:test-model"])
    device.put_manifest(one)
    good = one.parts["media"]
    files = []
    for spoiled in (good[:-1] + b"?", b"?" + good[1:], good + b"?", good[:-1]):
        location = device.send_part(one.id, "media", spoiled)
        files.append(collector.data / "staging" / f"{location.rsplit('/', 1)[1]}.part")
        assert device.settled(one.id).json()["code"] == "parts-missing"
    until(lambda: not any(path.exists() for path in files))
    device.send_part(one.id, "media", good)
    assert device.received(one.id).sha256 == one.manifest.sha256


def not_a_video(one: str) -> Sample:
    return sample("video", one, media=b"this is no film" * 100, times=[0, 40_000])


def too_few_times(one: str) -> Sample:
    return sample("video", one, media=video_bytes(20)[0], times=[0, 40_000])


def not_utf8(one: str) -> Sample:
    return sample("text", one, media=b"\xff\xfe\xfa")


def no_sound(one: str) -> Sample:
    return sample("audio", one, media=b"fLaC but nothing after")


@pytest.mark.parametrize("make", [not_a_video, too_few_times, not_utf8, no_sound])
def test_what_cannot_be_read_gets_no_receipt_and_one_sentence(
    device: DeviceClient, make: Callable[[str], Sample]
) -> None:
    one = make(device.id)
    device.send(one)
    reply = device.settled(one.id)
    assert (reply.status_code, reply.json()["code"]) == (409, "capture-unreadable")
    assert one.id in reply.json()["title"]


def test_a_torn_video_keeps_the_frames_that_decode(device: DeviceClient, lead: httpx.Client) -> None:
    data, times = video_bytes(40)
    one = sample("video", device.id, media=data[: len(data) * 2 // 3], times=times, complete=False)
    device.send(one)
    receipt = device.received(one.id)
    assert not receipt.complete and receipt.sha256 == hashlib.sha256(one.parts["media"]).hexdigest()
    kept = lead.get(f"/api/captures/{one.id}/frames").json()["times_us"]
    assert 0 < len(kept) < 40 and kept == times[: len(kept)]
    media = until(lambda: reply if (reply := lead.get(f"/api/captures/{one.id}/media")).status_code == 200 else None)
    with av.open(io.BytesIO(media.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(kept)


@pytest.mark.parametrize("keep", [0, 3, 60])
def test_a_torn_capture_with_nothing_in_it_is_taken_all_the_same(device: DeviceClient, keep: int) -> None:
    one = sample("video", device.id, media=video_bytes(5)[0][:keep], times=[], complete=False)
    device.send(one)
    assert device.received(one.id).sha256 == hashlib.sha256(one.parts["media"]).hexdigest()


def test_a_torn_sound_is_as_long_as_it_decodes(device: DeviceClient, lead: httpx.Client) -> None:
    data = audio_bytes(2.0)
    one = sample("audio", device.id, media=data[: len(data) * 3 // 4], complete=False)
    device.send(one)
    device.received(one.id)
    view = lead.get(f"/api/captures/{one.id}").json()
    assert 500_000 < view["duration_us"] < 1_500_000


def test_a_take_is_handed_on_when_its_last_capture_can_be_played(device: DeviceClient, lead: httpx.Client) -> None:
    pair = [sample("audio", device.id, "take-2", "ses-2"), sample("video", device.id, "take-2", "ses-2")]
    record = session_record(device.id, [SampleTake("take-2", "step-1", pair, ["speech"])], "ses-2")
    body = json.dumps(record.to_json())
    assert device.call("PUT", "/api/sessions/ses-2", content=body).json() == {"session": "ses-2", "revision": 1}
    for one in pair:
        device.send(one)
    tasks = until(lambda: [row for row in lead.get("/api/tasks").json()["tasks"] if row["take"] == "take-2"])
    assert [row["type"] for row in tasks] == ["speech"]


def test_a_take_whose_record_comes_last_is_handed_on_too(device: DeviceClient, lead: httpx.Client) -> None:
    one = sample("image", device.id, "take-3", "ses-3")
    device.send(one)
    device.received(one.id)
    until(lambda: lead.get(f"/api/captures/{one.id}/media").status_code == 200)
    record = session_record(device.id, [SampleTake("take-3", "step-1", [one], ["boxes"], kind="show")], "ses-3")
    device.call("PUT", "/api/sessions/ses-3", content=json.dumps(record.to_json()))
    until(lambda: [row for row in lead.get("/api/tasks").json()["tasks"] if row["take"] == "take-3"])
