"""No input of a stranger, a person or a device is answered 5xx: every route, with values made to break readers."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from collector.ingest.tus import TusHeaderInvalid, UploadMetadataInvalid, parse_chunk, parse_creation
from collector.page import page_file
from collector.review.routes import DraftRequest
from collector.review.submit import MAX_SUBMIT_LABELS
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import sample, session_record
from tests.support import local_http
from tests.support.routes import documented_routes
from wire.base import JsonObject, Utc, format_utc, is_id
from wire.capture import CaptureFormat, CaptureManifest
from wire.errors import BadDocument

# A refused body is not read to its end, so the server closes that connection: none is used twice.
CLIENT = local_http.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
TOO_EARLY, TOO_LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9-14:00"
BODIES = {
    "deep list": b"[" * 100_000,
    "deep list, closed": b"[" * 1500 + b"]" * 1500,
    "deep object": b'{"a":' * 20_000,
    "UTF-16": '{"schema": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"schema": 1}',
    "broken UTF-8": b'{"code": "\xff"}',
    "half a surrogate pair": b'{"code": "\\ud800", "client": "\\ud800", "\\udfff": 1, "model": "\\ud800"}',
    "huge integer": b'{"schema": ' + b"9" * 5000 + b', "fence": ' + b"9" * 400 + b"}",
    "infinite": b'{"schema": 1e999, "fence": Infinity, "attempt": NaN}',
    "NUL": b'{"code": "\\u0000", "client": "\\u0000", "model": "a\\u0000b", "name": "\\u0000"}',
    "a model of no possible name": b'{"model": "a\\u0000b"}',
    "not an object": b"null",
    "nothing": b"",
}
SEGMENTS = ["%00", "a%0Ab", "%FF%FE", "%ED%A0%80", "x" * 5000, "..%2F..%2Fx", "%0D%0AX-Evil:%201"]
VERBS = ["user-add", "user-token", "user-link", "prelabel-run", "prelabel-stop", "calibration-save", "join-code"]
OTHERS = [("GET", "/assets/{path}"), ("GET", "/{path}"), ("HEAD", "/api/captures/{capture}/original")]


@pytest.fixture(scope="module")
def credentials(collector: Collector, device: DeviceClient) -> dict[str, str]:
    lead = collector.person("lea", "lead")
    return {
        "nobody": "",
        "lead": lead.headers["Authorization"],
        "device": f"Bearer {device.token}",
        "strange": "Bearer é",
        "admin": "Bearer " + (collector.data / "keys" / "admin.key").read_text().strip(),
    }


def ask(
    collector: Collector, method: str, path: str, credential: str, body: bytes = b"", **more: str
) -> httpx.Response:
    headers = [("Content-Type", "application/json"), ("X-Gleaner-Page", "1"), ("Tus-Resumable", "1.0.0")]
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    if credential:
        headers.append(("Authorization", credential))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return CLIENT.request(method, collector.url + path, content=body, headers=raw)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_no_body_breaks_a_route(collector: Collector, credentials: dict[str, str], body: bytes) -> None:
    changing = [(method, path) for method, path in documented_routes() if method in ("POST", "PUT", "PATCH", "DELETE")]
    for method, path in changing + [("POST", f"/api/admin/{verb}") for verb in VERBS]:
        known = path.replace("{session}", "ses-1").replace("{capture}", "cap-1")
        for name, credential in credentials.items():
            reply = ask(collector, method, known, credential, body)
            assert reply.status_code < 500, f"{method} {known} as {name}: {reply.text}"
    assert "Traceback" not in collector.log


@pytest.mark.parametrize("segment", SEGMENTS)
def test_no_address_breaks_a_route(collector: Collector, credentials: dict[str, str], segment: str) -> None:
    for method, path in documented_routes() + OTHERS:
        if "{" not in path:
            continue
        address = "/".join(segment if piece.startswith("{") else piece for piece in path.split("/"))
        for name in ("nobody", "lead", "device"):
            reply = ask(collector, method, address, credentials[name])
            assert reply.status_code < 500, f"{method} {path} as {name}: {reply.text}"
    assert "Traceback" not in collector.log


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("given", [{}, {"name": ""}, {"source": "x", "media": "", "asked": "{"}, {"calibration": "["}])
def test_a_command_without_its_members_is_refused(
    collector: Collector, credentials: dict[str, str], verb: str, given: dict[str, str]
) -> None:
    reply = ask(collector, "POST", f"/api/admin/{verb}", credentials["admin"], json.dumps(given).encode())
    assert reply.status_code < 500 and (verb == "join-code" or reply.status_code in (404, 409, 422)), reply.text


@pytest.mark.parametrize("query", ["since=" + TOO_EARLY, "since=" + TOO_LATE, "since=2026-01-01T00:00:00", "model=%00"])
def test_no_query_breaks_the_report(collector: Collector, credentials: dict[str, str], query: str) -> None:
    path = "/api/reports/prelabels?" + query.replace("+", "%2B")
    reply = ask(collector, "GET", path, credentials["lead"])
    assert reply.status_code == (200 if "model" in query else 422), reply.text


@pytest.mark.parametrize(
    "host", ["[", "[::1", "[::1]x", "a@127.0.0.1", "127.0.0.1:x", "local host", "\xff", "a/b", "]"]
)
def test_a_strange_host_header_is_refused(collector: Collector, host: str) -> None:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=30) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: " + host.encode("latin-1") + b"\r\n\r\n")
        assert connection.recv(4096)[9:12] in (b"400", b"421")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upload_Metadata", "capture é"), ("Upload_Checksum", "sha256 é"), ("Upload_Length", "²"),
        ("Upload_Offset", "9" * 5000), ("Range", "bytes=²-"), ("Cookie", "gleaner-page-8700=é"),
        ("If_None_Match", "é"), ("Sec_Fetch_Site", "é"), ("Origin", "["),
    ],
)  # fmt: skip
def test_no_header_breaks_a_route(collector: Collector, credentials: dict[str, str], name: str, value: str) -> None:
    for method, path in documented_routes():
        for who in ("nobody", "lead", "device"):
            reply = ask(collector, method, path.replace("{", "").replace("}", ""), credentials[who], **{name: value})
            assert reply.status_code < 500, f"{method} {path} as {who}: {reply.text}"


def test_a_length_or_metadata_with_other_letters_is_refused() -> None:
    versioned = {"tus-resumable": "1.0.0"}
    with pytest.raises(UploadMetadataInvalid):
        parse_creation(versioned | {"upload-metadata": "capture é", "upload-length": "1"}, 10)
    chunk = versioned | {"content-type": "application/offset+octet-stream", "upload-offset": "1\n"}
    with pytest.raises(TusHeaderInvalid):
        parse_chunk(chunk)


@pytest.mark.parametrize("moment", [TOO_EARLY, TOO_LATE])
def test_times_that_utc_cannot_name_are_refused(device: DeviceClient, moment: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Utc).validate_python(moment)
    one = sample("text", device.id)
    manifest = one.manifest.to_json()
    manifest["wall"]["at"] = moment
    record = session_record(device.id, []).to_json() | {"started_at": moment}
    for path, body in ((f"/api/captures/{one.id}/manifest", manifest), ("/api/sessions/ses-1", record)):
        reply = device.call("PUT", path, content=json.dumps(body))
        assert (reply.status_code, reply.json()["code"]) == (422, "document-invalid")


def test_early_years_are_written_with_four_digits(collector: Collector, device: DeviceClient) -> None:
    early = datetime(25, 3, 4, 5, 6, 7, 8, tzinfo=UTC)
    assert format_utc(early) == "0025-03-04T05:06:07.000008Z"
    assert datetime.fromisoformat(format_utc(early)) == early
    assert format_utc(early) < format_utc(early.replace(year=999)) < format_utc(early.replace(year=1000))
    record = session_record(device.id, [], session="ses-early").to_json() | {"started_at": "0025-01-01T00:00:00Z"}
    assert device.call("PUT", "/api/sessions/ses-early", content=json.dumps(record)).status_code == 200
    lead = collector.person("early-lead", "lead")
    assert lead.get("/api/sessions/ses-early").json()["record"]["started_at"].startswith("0025-")


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 10**300}, {"attempt": 2**63}, {"format": {"media_type": "text/html\r\nX-Evil: 1"}},
        {"format": {"media_type": "nonsense"}}, {"format": {"width": 10**30}}, {"format": {"frame_rate": float("inf")}},
    ],
)  # fmt: skip
def test_manifests_with_values_past_every_bound_are_refused(change: dict[str, object]) -> None:
    manifest = sample("text", "dev-1").manifest.to_json()
    given = change.get("format")
    changed = {"format": manifest["format"] | given} if isinstance(given, dict) else change
    with pytest.raises(BadDocument):
        CaptureManifest.read(json.dumps(manifest | changed))


@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-8", "image/jpeg", 'a/b; c="d e"', "video/x-matroska"])
def test_usual_media_types_are_taken(media_type: str) -> None:
    assert CaptureFormat(container="plain", codec="x", media_type=media_type).media_type == media_type


def test_attributes_of_any_shape_have_bounds() -> None:
    check = TypeAdapter(JsonObject).validate_python
    deep: dict[str, object] = {"a": 1}
    assert check({"a": [1, 2.5, "é", None]}) == {"a": [1, 2.5, "é", None]}
    for _ in range(20):
        deep = {"a": deep}
    for value in (deep, {"a": [float("nan")]}, {"a": "\ud800"}, {"\udc00": 1}):
        with pytest.raises(ValidationError):
            check(value)


def test_names_end_where_they_end() -> None:
    assert is_id("conf") and not is_id("conf\n")


def test_addresses_that_no_file_can_have() -> None:
    assert page_file("assets/\0") is None and page_file("assets/" + "a" * 5000) is None


def test_a_submit_has_a_bound_of_labels() -> None:
    box = {"id": "n", "kind": "box", "label": "cup", "x": 1, "y": 1, "width": 1, "height": 1}
    boxes = [box | {"id": f"n{number}"} for number in range(MAX_SUBMIT_LABELS)]
    document = {"capture": "cap-1", "source": {"kind": "person", "name": "x"}, "labels": boxes}
    assert len(DraftRequest.model_validate({"fence": 1, "documents": [document]}).documents) == 1
    one_more = document | {"capture": "cap-2", "labels": [box]}
    with pytest.raises(ValidationError):
        DraftRequest.model_validate({"fence": 1, "documents": [document, one_more]})
