"""Uploads over a real service: creation, offsets, checksums, interruptions, half-open senders."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import threading
from pathlib import Path

import httpx
import pytest

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import sample
from tests.support import local_http
from tests.support.half_sent import raw_patch
from tests.support.waiting import until
from wire.base import new_id

BODY = {"Content-Type": "application/offset+octet-stream"}


def staged_bytes(collector: Collector, location: str) -> bytes:
    return (collector.data / "staging" / f"{location.rsplit('/', 1)[1]}.part").read_bytes()


def go_on(device: DeviceClient, location: str, data: bytes) -> None:
    """What a device does after a cut: from where the upload stands, and again if the cut request comes in only now."""

    def sent() -> bool:
        at = device.offset(location)
        reply = device.patch(location, at, data[at:])
        assert reply.status_code in (204, 409, 423), reply.text
        return reply.status_code == 204

    until(sent)
    assert device.offset(location) == len(data)


def test_options_say_what_is_spoken(collector: Collector) -> None:
    reply = httpx.options(f"{collector.url}/api/uploads")
    assert reply.status_code == 204
    assert reply.headers["Tus-Version"] == "1.0.0"
    assert "creation-defer-length" in reply.headers["Tus-Extension"]
    assert reply.headers["Tus-Checksum-Algorithm"] == "sha256,sha1,crc32c"


def test_the_same_creation_again_finds_the_same_upload_and_its_offset(device: DeviceClient) -> None:
    capture = new_id("cap")
    first = device.create(capture, "media", None)
    assert first.headers["Upload-Defer-Length"] == "1"
    assert device.patch(first.headers["Location"], 0, b"x" * 1000).headers["Upload-Offset"] == "1000"
    again = device.create(capture, "media", None)
    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])
    assert again.headers["Upload-Offset"] == "1000"
    assert device.create(capture, "frames", 5).headers["Location"] != first.headers["Location"]


def test_creation_with_upload_takes_the_first_bytes_along(collector: Collector, device: DeviceClient) -> None:
    digest = base64.b64encode(hashlib.sha1(b"hello").digest()).decode()
    reply = device.create(
        new_id("cap"), "media", 10, headers={**BODY, "Upload-Checksum": f"sha1 {digest}"}, content=b"hello"
    )
    assert (reply.status_code, reply.headers["Upload-Offset"]) == (201, "5")
    assert staged_bytes(collector, reply.headers["Location"]) == b"hello"


def test_an_empty_patch_brings_the_length(device: DeviceClient) -> None:
    location = device.create(new_id("cap"), "media", None).headers["Location"]
    device.patch(location, 0, b"abc")
    reply = device.call("PATCH", location, headers={**BODY, "Upload-Offset": "3", "Upload-Length": "3"})
    assert (reply.status_code, reply.headers["Upload-Length"]) == (204, "3")
    assert "Upload-Expires" not in reply.headers
    again = device.call("PATCH", location, headers={**BODY, "Upload-Offset": "3"})
    assert again.status_code == 204


@pytest.mark.parametrize("checksum", [True, False])
def test_ten_offsets_that_do_not_fit_change_nothing(device: DeviceClient, checksum: bool) -> None:
    location = device.create(new_id("cap"), "media", 5000).headers["Location"]
    device.patch(location, 0, b"a" * 1234)
    for wrong in (0, 1, 1000, 1233, 1235, 2468, 4999, 5000, 5001, 10**12):
        reply = device.patch(location, wrong, b"b" * 10, checksum=checksum)
        assert (reply.status_code, reply.json()["code"]) == (409, "offset-mismatch")
        assert reply.json()["offset"] == 1234
    assert device.offset(location) == 1234


def test_a_wrong_checksum_discards_the_chunk_and_only_the_chunk(collector: Collector, device: DeviceClient) -> None:
    location = device.create(new_id("cap"), "media", 300).headers["Location"]
    device.patch(location, 0, b"a" * 100)
    wrong = "sha256 " + base64.b64encode(hashlib.sha256(b"else").digest()).decode()
    reply = device.patch(location, 100, b"b" * 200, checksum=False, **{"Upload-Checksum": wrong})
    assert (reply.status_code, reply.json()["code"]) == (460, "checksum-mismatch")
    assert device.offset(location) == 100
    assert staged_bytes(collector, location) == b"a" * 100
    assert device.patch(location, 100, b"c" * 200).status_code == 204
    assert device.offset(location) == 300


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "tus-version"),
        ({"Content-Type": "text/plain"}, 415, "upload-body-type"),
        ({"Upload-Offset": "minus one"}, 400, "tus-header-invalid"),
        ({"Upload-Checksum": "md5 AAAA"}, 400, "checksum-unknown"),
        ({"Upload-Checksum": "sha256 AAAA"}, 400, "checksum-unknown"),
        ({"Upload-Length": "99"}, 409, "upload-length-conflict"),
    ],
)
def test_bad_chunks_get_one_sentence(device: DeviceClient, headers: dict[str, str], status: int, code: str) -> None:
    location = device.create(new_id("cap"), "media", 100).headers["Location"]
    reply = device.call("PATCH", location, headers={**BODY, "Upload-Offset": "0", **headers}, content=b"abc")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert device.offset(location) == 0


def test_more_bytes_than_the_length_are_refused(device: DeviceClient) -> None:
    location = device.create(new_id("cap"), "media", 10).headers["Location"]
    assert device.patch(location, 0, b"x" * 11).status_code == 413

    def endless() -> object:
        for _ in range(3):
            yield b"y" * 8

    reply = device.call("PATCH", location, headers={**BODY, "Upload-Offset": "0"}, content=endless())
    assert reply.status_code == 413
    assert device.offset(location) == 0


@pytest.mark.parametrize(
    ("capture", "part", "length", "code"),
    [
        ("no/slash", "media", 1, "upload-metadata-invalid"),
        ("cap-1", "film", 1, "upload-metadata-invalid"),
        ("cap-1", "labels:../x", 1, "upload-metadata-invalid"),
        ("cap-1", "labels:..", 1, "upload-metadata-invalid"),
        ("cap-1\n", "media", 1, "upload-metadata-invalid"),
        ("cap-1", "media\n", 1, "upload-metadata-invalid"),
        ("cap-1", "media", 2**60, "tus-header-invalid"),
        ("cap-1", "media", 2**40, "upload-too-long"),
    ],
)
def test_bad_creations_get_one_sentence(device: DeviceClient, capture: str, part: str, length: int, code: str) -> None:
    assert device.create(capture, part, length).json()["code"] == code


def test_termination_forgets_the_upload(collector: Collector, device: DeviceClient) -> None:
    location = device.create(new_id("cap"), "media", 10).headers["Location"]
    device.patch(location, 0, b"12345")
    assert device.call("DELETE", location).status_code == 204
    assert device.head(location).status_code == 404
    assert not (collector.data / "staging" / f"{location.rsplit('/', 1)[1]}.part").exists()


def test_what_is_closed_is_not_terminated(device: DeviceClient) -> None:
    one = sample("text", device.id)
    location = device.send_part(one.id, "media", one.parts["media"])
    device.put_manifest(one)
    assert device.call("DELETE", location).json()["code"] == "upload-final"
    device.received(one.id)
    # After the receipt a lost reply is answered as before.
    assert device.offset(location) == len(one.parts["media"])
    assert device.send_part(one.id, "media", one.parts["media"]) == location


def test_a_device_sees_its_own_uploads_and_captures_only(collector: Collector, device: DeviceClient) -> None:
    other = collector.device()
    one = sample("text", device.id)
    location = device.send_part(one.id, "media", one.parts["media"])
    device.put_manifest(one)
    device.received(one.id)
    assert other.head(location).status_code == 404
    assert other.patch(location, 0, b"x").status_code == 404
    assert other.call("DELETE", location).status_code == 404
    assert other.receipt(one.id).status_code == 404
    assert other.create(one.id, "media", 3).json()["code"] == "capture-taken"
    assert other.put_manifest(one).json()["code"] == "capture-mismatch"


def test_a_cut_connection_keeps_what_arrived(collector: Collector, device: DeviceClient) -> None:
    data = random.Random(1).randbytes(3_000_000)
    location = device.create(new_id("cap"), "media", len(data)).headers["Location"]
    at = 0
    for cut in (1, 65_536, 400_000, 1_048_576, 1_200_000):
        connection = raw_patch(collector, device, location, at, len(data) - at)
        connection.sendall(data[at : at + cut])
        connection.close()
        reached = device.offset(location)
        assert at <= reached <= at + cut
        assert staged_bytes(collector, location)[:reached] == data[:reached]
        at = reached
    go_on(device, location, data)
    assert staged_bytes(collector, location) == data


def test_a_half_open_sender_delays_nobody(collector: Collector, device: DeviceClient) -> None:
    """Five senders stop in the middle and say nothing; the same uploads and others go on at once."""
    silent = []
    for _ in range(5):
        location = device.create(new_id("cap"), "media", 1000).headers["Location"]
        connection = raw_patch(collector, device, location, 0, 1000, b"a" * 300)
        silent.append((location, connection))
    assert local_http.get(f"{collector.url}/api/health").status_code == 200
    device.send_part(new_id("cap"), "media", b"b" * 500_000)
    for location, connection in silent:
        assert device.offset(location) in (0, 300)
        go_on(device, location, b"a" * 1000)
        connection.close()


def test_the_newest_of_many_requests_wins(collector: Collector, device: DeviceClient) -> None:
    data = os.urandom(200_000)
    location = device.create(new_id("cap"), "media", len(data)).headers["Location"]
    holding = raw_patch(collector, device, location, 0, len(data), data[:1000])
    answers: list[int] = []

    def ask() -> None:
        answers.append(device.head(location).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert set(answers) <= {200, 423} and 200 in answers
    go_on(device, location, data)
    assert staged_bytes(collector, location) == data
    holding.close()


def test_no_token_no_upload(collector: Collector) -> None:
    for method, path in (("POST", "/api/uploads"), ("HEAD", "/api/uploads/up-1"), ("PATCH", "/api/uploads/up-1")):
        reply = local_http.request(method, f"{collector.url}{path}", headers={"Tus-Resumable": "1.0.0"})
        assert reply.status_code == 401


def test_staging_holds_nothing_of_opened_captures(collector: Collector, device: DeviceClient) -> None:
    one = sample("audio", device.id)
    locations = [device.send_part(one.id, name, data) for name, data in one.parts.items()]
    device.put_manifest(one)
    device.received(one.id)
    files = [Path(collector.data / "staging" / f"{place.rsplit('/', 1)[1]}.part") for place in locations]
    until(lambda: not any(path.exists() for path in files))
