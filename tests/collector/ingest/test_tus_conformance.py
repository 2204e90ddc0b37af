"""tus 1.0.0 row by row, over a real service: one row per MUST and SHOULD of the core and of each extension."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from collector.store.crc32c import Crc32c
from tests.collector.running import Collector, DeviceClient
from tests.support import local_http
from tests.support.waiting import until
from wire.base import new_id

OCTETS = "application/offset+octet-stream"
DATA = b"tus-rows!!"  # ten bytes
PAGE = "https://pages.example"


def b64(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def claim(capture: str | None = None, part: str = "media") -> str:
    return f"capture {b64(capture if capture is not None else new_id('cap'))},part {b64(part)}".strip()


def checksum(algorithm: str, data: bytes) -> str:
    digest = Crc32c() if algorithm == "crc32c" else hashlib.new(algorithm)
    digest.update(data)
    return f"{algorithm} {b64(digest.digest())}"


@dataclass
class Lab:
    collector: Collector
    device: DeviceClient

    def ask(self, method: str, path: str, **headers: str) -> httpx.Response:
        return self.device.call(method, path, headers=headers)

    def create(self, content: bytes = b"", **headers: str) -> httpx.Response:
        """A creation; `_` in the names of headers stands for `-`; ten bytes long unless told otherwise."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if not {"Upload-Length", "Upload-Defer-Length", "No-Length"} & set(sent):
            sent["Upload-Length"] = "10"
        sent.pop("No-Length", None)
        if "Upload-Metadata" not in sent:
            sent["Upload-Metadata"] = claim()
        return self.device.call("POST", "/api/uploads", headers=sent, content=content)

    def made(self, content: bytes = b"", **headers: str) -> str:
        reply = self.create(content, **headers)
        assert reply.status_code == 201, reply.text
        return reply.headers["Location"]

    def patch(self, location: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
        sent = {"Upload-Offset": str(offset), "Content-Type": OCTETS}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.device.call("PATCH", location, headers=sent, content=data)

    def partial(self, data: bytes) -> str:
        return self.made(data, Upload_Concat="partial", Upload_Length=str(len(data)), Content_Type=OCTETS)

    def staged(self, location: str) -> bytes:
        (row,) = self.collector.rows("SELECT staged FROM upload WHERE id = :id", id=location.rsplit("/", 1)[1])
        return (self.collector.data / "staging" / row.staged).read_bytes()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Collector(
        tmp_path_factory.mktemp("tus"),
        GLEANER_COLLECTOR_UPLOAD_ORIGINS=PAGE,
        GLEANER_COLLECTOR_MAX_UPLOAD_BYTES=str(1 << 30),
    )
    running.start()
    yield Lab(running, running.device())
    running.stop()


CREATIONS: list[tuple[str, dict[str, str], bytes, int]] = [
    ("a length", {"Upload_Length": "10"}, b"", 201),
    ("no bytes at all", {"Upload_Length": "0"}, b"", 201),
    ("the length later", {"Upload_Defer_Length": "1"}, b"", 201),
    ("both lengths", {"Upload_Length": "5", "Upload_Defer_Length": "1"}, b"", 400),
    ("no length", {"No_Length": "1"}, b"", 400),
    ("Upload-Defer-Length other than 1", {"Upload_Defer_Length": "yes"}, b"", 400),
    ("a negative length", {"Upload_Length": "-10"}, b"", 400),
    ("a length that is no number", {"Upload_Length": "ten"}, b"", 400),
    ("a fraction as length", {"Upload_Length": "1.5"}, b"", 400),
    ("longer than Tus-Max-Size", {"Upload_Length": str((1 << 30) + 1)}, b"", 413),
    ("as long as Tus-Max-Size", {"Upload_Length": str(1 << 30)}, b"", 201),
    ("no metadata", {"Upload_Metadata": ""}, b"", 201),
    ("metadata of others only", {"Upload_Metadata": f"filename {b64('a.mp4')},filetype {b64('video/mp4')}"}, b"", 201),
    ("a key without value", {"Upload_Metadata": claim() + ",confidential"}, b"", 201),
    ("a binary value", {"Upload_Metadata": claim() + f",thumb {b64(bytes(range(250, 256)))}"}, b"", 201),
    ("a space after the comma", {"Upload_Metadata": claim() + f", name {b64('x')}"}, b"", 201),
    ("a key twice", {"Upload_Metadata": claim() + ",x YQ==,x Yg=="}, b"", 400),
    ("an empty key", {"Upload_Metadata": claim() + ", Zm9vYmFy"}, b"", 400),
    ("a value that is not base64", {"Upload_Metadata": claim() + ",name a_b"}, b"", 400),
    ("capture without part", {"Upload_Metadata": f"capture {b64('cap-x')}"}, b"", 400),
    ("the first bytes", {"Content_Type": OCTETS}, DATA[:4], 201),
    ("all bytes", {"Content_Type": OCTETS}, DATA, 201),
    ("too many bytes", {"Content_Type": OCTETS, "Upload_Length": "9"}, DATA, 413),
    ("bytes with their sha1", {"Content_Type": OCTETS, "Upload_Checksum": checksum("sha1", DATA)}, DATA, 201),
    ("bytes with another sha1", {"Content_Type": OCTETS, "Upload_Checksum": checksum("sha1", b"-")}, DATA, 460),
    ("Upload-Concat of neither kind", {"Upload_Concat": "whole"}, b"", 400),
    ("a final upload of nothing", {"Upload_Concat": "final;", "No_Length": "1"}, b"", 400),
    ("a final upload of unknown ones", {"Upload_Concat": "final;/api/uploads/up-0", "No_Length": "1"}, b"", 404),
    ("a final upload with a length", {"Upload_Concat": "final;/api/uploads/up-0"}, b"", 400),
    ("another version", {"Tus_Resumable": "0.2.2"}, b"", 412),
    *[
        (f"the capture {name!r}"[:40], {"Upload_Metadata": claim(name)}, b"", 400)
        for name in ("", "rows\n", "../../etc/shadow", "a/b", "y" * 65, "œ", "n\0l", "rows .")
    ],
    *[
        (f"the part {name!r}"[:40], {"Upload_Metadata": claim(None, name)}, b"", 400)
        for name in ("", "media\n", "Media", "labels:", "labels:..", "labels:a/../b", "labels:" + "z" * 65, "film")
    ],
]


@pytest.mark.parametrize(
    ("headers", "body", "status"), [row[1:] for row in CREATIONS], ids=[row[0] for row in CREATIONS]
)
def test_creations(lab: Lab, headers: dict[str, str], body: bytes, status: int) -> None:
    reply = lab.create(body, **headers)
    assert reply.status_code == status, reply.text
    assert reply.headers["Tus-Resumable"] == "1.0.0"
    assert ("Location" in reply.headers) == (status == 201)
    if status == 201:
        sent = len(body) if headers.get("Content_Type") == OCTETS else 0
        assert reply.headers["Upload-Offset"] == lab.ask("HEAD", reply.headers["Location"]).headers["Upload-Offset"]
        assert int(reply.headers["Upload-Offset"]) == sent
        assert lab.ask("DELETE", reply.headers["Location"]).status_code == 204


# On an upload of ten bytes that has four: headers, body, status, the offset afterwards.
CHUNKS: list[tuple[str, dict[str, str], bytes, int, int]] = [
    ("the rest", {}, DATA[4:], 204, 10),
    ("a piece", {}, DATA[4:7], 204, 7),
    ("nothing", {}, b"", 204, 4),
    ("an offset too low", {"Upload_Offset": "3"}, b"xx", 409, 4),
    ("an offset too high", {"Upload_Offset": "5"}, b"xx", 409, 4),
    ("a negative offset", {"Upload_Offset": "-4"}, b"xx", 400, 4),
    ("an offset that is no number", {"Upload_Offset": "four"}, b"xx", 400, 4),
    ("an empty offset", {"Upload_Offset": ""}, b"xx", 400, 4),
    ("another content type", {"Content_Type": "application/octet-stream"}, b"xx", 415, 4),
    ("more than the length", {}, DATA[4:] + b"+", 413, 4),
    ("the same length again", {"Upload_Length": "10"}, DATA[4:], 204, 10),
    ("another length", {"Upload_Length": "12"}, DATA[4:], 409, 4),
    ("sha1", {"Upload_Checksum": checksum("sha1", DATA[4:])}, DATA[4:], 204, 10),
    ("sha256", {"Upload_Checksum": checksum("sha256", DATA[4:])}, DATA[4:], 204, 10),
    ("crc32c", {"Upload_Checksum": checksum("crc32c", DATA[4:])}, DATA[4:], 204, 10),
    ("another sha1", {"Upload_Checksum": checksum("sha1", DATA)}, DATA[4:], 460, 4),
    ("another crc32c", {"Upload_Checksum": checksum("crc32c", DATA)}, DATA[4:], 460, 4),
    ("md5, which is not offered", {"Upload_Checksum": checksum("md5", DATA[4:])}, DATA[4:], 400, 4),
    ("a checksum of the wrong size", {"Upload_Checksum": "sha1 " + b64(b"short")}, DATA[4:], 400, 4),
    ("a checksum that is not base64", {"Upload_Checksum": "sha1 ?"}, DATA[4:], 400, 4),
    ("another version", {"Tus_Resumable": "1.0.1"}, DATA[4:], 412, 4),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "offset"), [row[1:] for row in CHUNKS], ids=[row[0] for row in CHUNKS]
)
def test_chunks(lab: Lab, headers: dict[str, str], body: bytes, status: int, offset: int) -> None:
    location = lab.made(DATA[:4], Content_Type=OCTETS)
    reply = lab.patch(location, 4, body, **headers)
    assert (reply.status_code, reply.headers["Tus-Resumable"]) == (status, "1.0.0"), reply.text
    if status == 204:
        assert reply.headers["Upload-Offset"] == str(offset)
    if status == 412:
        assert reply.headers["Tus-Version"] == "1.0.0"
    assert lab.ask("HEAD", location).headers["Upload-Offset"] == str(offset)
    assert lab.staged(location)[:offset] == DATA[:offset]


ROWS: list[Callable[[Lab], None]] = []


def row(check: Callable[[Lab], None]) -> Callable[[Lab], None]:
    ROWS.append(check)
    return check


@row
def options_name_version_extensions_and_size(lab: Lab) -> None:
    reply = httpx.options(f"{lab.collector.url}/api/uploads")
    assert (reply.status_code, reply.headers["Tus-Version"], reply.headers["Tus-Resumable"]) == (204, "1.0.0", "1.0.0")
    assert reply.headers["Tus-Max-Size"] == str(1 << 30)
    assert set(reply.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "checksum", "expiration", "termination",
        "concatenation", "concatenation-unfinished",
    }  # fmt: skip
    assert {"sha1", "crc32c"} <= set(reply.headers["Tus-Checksum-Algorithm"].split(","))


@row
def options_ignore_the_version(lab: Lab) -> None:
    assert lab.ask("OPTIONS", "/api/uploads", **{"Tus-Resumable": "7.7.7"}).status_code == 204


@row
def options_of_an_upload(lab: Lab) -> None:
    reply = httpx.options(lab.made())
    assert (reply.status_code, reply.headers["Tus-Version"]) == (204, "1.0.0")


@row
def location_is_absolute(lab: Lab) -> None:
    assert lab.made().startswith(f"{lab.collector.url}/api/uploads/")
    named = lab.create(Host=f"localhost:{lab.collector.port}").headers["Location"]
    assert named.startswith(f"http://localhost:{lab.collector.port}/api/uploads/")


@row
def head_answers_offset_length_and_is_not_stored(lab: Lab) -> None:
    reply = lab.ask("HEAD", lab.made(DATA[:3], Content_Type=OCTETS))
    assert (reply.headers["Upload-Offset"], reply.headers["Upload-Length"]) == ("3", "10")
    assert reply.headers["Cache-Control"] == "no-store"


@row
def head_answers_the_metadata_as_it_came(lab: Lab) -> None:
    metadata = claim() + f",flag,raw {b64(bytes([0, 255, 10]))}"
    assert lab.ask("HEAD", lab.made(Upload_Metadata=metadata)).headers["Upload-Metadata"] == metadata


@row
def head_without_a_version(lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {lab.device.token}"}
    reply = local_http.head(lab.made(), headers=headers)
    assert (reply.status_code, reply.headers["Tus-Version"], reply.headers["Tus-Resumable"]) == (412, "1.0.0", "1.0.0")


@row
def head_of_a_deferred_length(lab: Lab) -> None:
    reply = lab.ask("HEAD", lab.made(Upload_Defer_Length="1"))
    assert reply.headers["Upload-Defer-Length"] == "1" and "Upload-Length" not in reply.headers


@row
def unknown_uploads_have_no_offset(lab: Lab) -> None:
    for method in ("HEAD", "PATCH", "DELETE"):
        reply = lab.ask(method, "/api/uploads/up-none", **{"Upload-Offset": "0", "Content-Type": OCTETS})
        assert (reply.status_code, reply.headers["Tus-Resumable"]) == (404, "1.0.0")
        assert "Upload-Offset" not in reply.headers


@row
def refusals_of_others_name_the_version_too(lab: Lab) -> None:
    assert local_http.post(f"{lab.collector.url}/api/uploads").headers["Tus-Resumable"] == "1.0.0"  # 401
    assert lab.ask("GET", lab.made()).headers["Tus-Resumable"] == "1.0.0"  # 405
    foreign = lab.ask("HEAD", "/api/uploads/up-1", Host="evil.example")
    assert (foreign.status_code, foreign.headers["Tus-Resumable"]) == (421, "1.0.0")


@row
def the_expiry_is_a_date_of_http(lab: Lab) -> None:
    reply = lab.create()
    assert reply.headers["Upload-Expires"].endswith(" GMT")
    assert "Upload-Expires" in lab.patch(reply.headers["Location"], 0, b"ab").headers


@row
def method_override_patch_head_and_delete(lab: Lab) -> None:
    location = lab.made()
    override = {"Upload-Offset": "0", "Content-Type": OCTETS, "X-HTTP-Method-Override": "PATCH"}
    assert lab.device.call("POST", location, headers=override, content=DATA[:6]).status_code == 204
    head = lab.ask("POST", location, **{"X-HTTP-Method-Override": "head"})
    assert (head.status_code, head.headers["Upload-Offset"]) == (200, "6")
    assert lab.ask("POST", location, **{"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert lab.ask("HEAD", location).status_code == 404


@row
def method_override_keeps_the_policy(lab: Lab) -> None:
    reply = local_http.post(lab.made(), headers={"Tus-Resumable": "1.0.0", "X-HTTP-Method-Override": "DELETE"})
    assert reply.status_code == 401


@row
def a_deferred_length_comes_once(lab: Lab) -> None:
    location = lab.made(Upload_Defer_Length="1")
    assert lab.patch(location, 0, DATA[:4]).status_code == 204
    assert lab.patch(location, 4, b"", Upload_Length="3").status_code == 409
    assert lab.patch(location, 4, DATA[4:], Upload_Length="6").status_code == 413
    assert lab.patch(location, 4, DATA[4:], Upload_Length="10").status_code == 204
    assert lab.patch(location, 10, b"", Upload_Length="11").status_code == 409
    assert lab.patch(location, 10, b"").status_code == 204
    assert lab.patch(location, 10, b"x").status_code == 413


@row
def the_same_creation_finds_the_same_upload(lab: Lab) -> None:
    metadata = claim()
    location = lab.made(DATA[:5], Content_Type=OCTETS, Upload_Metadata=metadata)
    again = lab.create(DATA[:5], Content_Type=OCTETS, Upload_Metadata=metadata)
    assert (again.headers["Location"], again.headers["Upload-Offset"]) == (location, "5")


@row
def the_same_creation_with_another_length_is_a_conflict(lab: Lab) -> None:
    metadata = claim()
    location = lab.made(Upload_Metadata=metadata)
    reply = lab.create(Upload_Metadata=metadata, Upload_Length="11")
    assert (reply.status_code, reply.json()["code"]) == (409, "upload-length-conflict")
    assert lab.ask("HEAD", location).headers["Upload-Length"] == "10"


@row
def terminated_uploads_are_gone(lab: Lab) -> None:
    location = lab.made(DATA[:5], Content_Type=OCTETS)
    assert lab.ask("DELETE", location).status_code == 204
    assert [lab.ask(method, location).status_code for method in ("HEAD", "DELETE")] == [404, 404]


@row
def another_device_finds_nothing(lab: Lab) -> None:
    location, other = lab.made(), lab.collector.device()
    headers = {"Upload-Offset": "0", "Content-Type": OCTETS}
    for method in ("HEAD", "PATCH", "DELETE"):
        assert other.call(method, location, headers=headers).status_code == 404
    partial = lab.partial(b"mine")
    headers = {"Upload-Concat": f"final;{partial}", "Upload-Metadata": claim()}
    assert other.call("POST", "/api/uploads", headers=headers).status_code == 404


@row
def partial_uploads_say_so(lab: Lab) -> None:
    location = lab.partial(b"abc")
    reply = lab.ask("HEAD", location)
    assert (reply.headers["Upload-Concat"], reply.headers["Upload-Offset"]) == ("partial", "3")
    lab.ask("DELETE", location)


@row
def a_final_upload_has_the_bytes_in_their_order(lab: Lab) -> None:
    pieces = [b"first-", b"", b"second-", b"third"]
    places = [lab.partial(piece) for piece in pieces]
    concat = "final;" + " ".join([places[2], places[0], places[1], places[3], places[2]])
    metadata = claim() + f",name {b64('whole')}"
    reply = lab.create(Upload_Concat=concat, No_Length="1", Upload_Metadata=metadata)
    assert reply.status_code == 201, reply.text
    location, whole = reply.headers["Location"], b"second-first-thirdsecond-"
    head = lab.ask("HEAD", location).headers
    assert (head["Upload-Concat"], head["Upload-Metadata"], head["Upload-Length"]) == (
        concat,
        metadata,
        str(len(whole)),
    )
    assert head["Upload-Offset"] == str(len(whole))
    assert lab.staged(location) == whole
    assert [lab.ask("HEAD", place).status_code for place in places] == [404] * 4
    staging = lab.collector.data / "staging"
    files = [staging / f"{place.rsplit('/', 1)[1]}.part" for place in places]
    until(lambda: not any(path.exists() for path in files))  # housekeeping, which leaves the joined file alone
    assert lab.staged(location) == whole
    again = lab.create(Upload_Concat=concat, No_Length="1", Upload_Metadata=metadata)
    assert (again.status_code, again.headers["Location"]) == (201, location)


@row
def a_final_upload_takes_no_bytes(lab: Lab) -> None:
    location = lab.made(Upload_Concat=f"final;{lab.partial(b'x')}", No_Length="1")
    assert lab.patch(location, 1, b"y").status_code == 403


@row
def a_final_upload_waits_for_its_partial_ones(lab: Lab) -> None:
    ready, late = lab.partial(b"ready-"), lab.made(Upload_Concat="partial", Upload_Length="4")
    location = lab.made(Upload_Concat=f"final;{ready} {late}", No_Length="1")
    head = lab.ask("HEAD", location).headers
    assert head["Upload-Length"] == "10" and "Upload-Offset" not in head and "Upload-Defer-Length" not in head
    assert lab.patch(location, 0, b"late").status_code == 403
    assert lab.patch(late, 0, b"late").status_code == 204
    assert lab.ask("HEAD", location).headers["Upload-Offset"] == "10"
    assert lab.staged(location) == b"ready-late"


@row
def only_partial_uploads_are_joined(lab: Lab) -> None:
    reply = lab.create(Upload_Concat=f"final;{lab.made(DATA, Content_Type=OCTETS)}", No_Length="1")
    assert (reply.status_code, reply.json()["code"]) == (400, "upload-concat-invalid")


@row
def a_preflight_of_a_named_origin(lab: Lab) -> None:
    for path in ("/api/uploads", "/api/uploads/up-1"):
        headers = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
        reply = httpx.options(f"{lab.collector.url}{path}", headers=headers)
        assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
        assert "PATCH" in reply.headers["Access-Control-Allow-Methods"]
        assert {"Upload-Offset", "Authorization"} <= set(reply.headers["Access-Control-Allow-Headers"].split(", "))
        assert "Access-Control-Allow-Credentials" not in reply.headers


@row
def answers_to_a_named_origin_can_be_read(lab: Lab) -> None:
    reply = lab.create(Origin=PAGE)
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"Location", "Upload-Offset"} <= set(reply.headers["Access-Control-Expose-Headers"].split(", "))
    assert lab.ask("HEAD", "/api/uploads/up-1", Origin=PAGE).headers["Access-Control-Allow-Origin"] == PAGE


@row
def other_origins_are_not_allowed(lab: Lab) -> None:
    for origin in ("https://evil.example", f"{PAGE}.evil.example", "null"):
        reply = httpx.options(f"{lab.collector.url}/api/uploads", headers={"Origin": origin})
        assert reply.headers["Access-Control-Allow-Origin"] not in (origin, "*")


@pytest.mark.parametrize("check", ROWS, ids=lambda check: check.__name__)
def test_rows(lab: Lab, check: Callable[[Lab], None]) -> None:
    check(lab)


def test_uploads_that_belong_to_no_capture_are_few(tmp_path: Path) -> None:
    running = Collector(tmp_path, GLEANER_COLLECTOR_MAX_UPLOAD_BYTES="5000")
    running.start()
    try:
        mine, other = Lab(running, running.device()), Lab(running, running.device())
        big = mine.made(Upload_Metadata="", Upload_Length="4000")
        assert mine.create(Upload_Metadata="", Upload_Length="1001").json()["code"] == "unclaimed-uploads-full"
        assert other.create(Upload_Metadata="", Upload_Length="1001").status_code == 201
        assert mine.create(Upload_Length="4000").status_code == 201  # of a capture
        assert mine.ask("DELETE", big).status_code == 204
        replies = [mine.create(Upload_Metadata="", Upload_Length="1").status_code for _ in range(65)]
        assert replies == [201] * 64 + [429]
    finally:
        running.stop()


@pytest.mark.parametrize("sizes", [[1], [0, 3], [63, 64, 65], [1 << 18, 7, 100_003], [1 << 20]])
def test_crc32c_of_any_pieces(sizes: list[int]) -> None:
    """Against the polynomial division, bit by bit; and the check value of the catalogue of CRCs."""
    digest, remainder = Crc32c(), 0xFFFFFFFF
    for number, size in enumerate(sizes):
        piece = random.Random(number).randbytes(size)
        digest.update(piece)
        for byte in piece:
            remainder ^= byte
            for _ in range(8):
                remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    assert digest.digest() == (remainder ^ 0xFFFFFFFF).to_bytes(4, "big")
    known = Crc32c()
    known.update(b"123456789")
    assert known.digest().hex() == "e3069283"
