"""Who uploads in the benchmark `upload`: pieces of a cached file by sendfile, one connection an upload."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks import attack
from collector.local_service import ask
from collector.settings import Settings
from wire.base import new_id
from wire.capture import CaptureFormat, CaptureManifest, Part, Wall

BODY = {"Content-Type": "application/offset+octet-stream"}
VERSION = {"Tus-Resumable": "1.0.0"}
RECEIPT_SECONDS = 120.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Piece:
    """Bytes of the source file."""

    path: Path
    start: int
    size: int

    def cut(self, size: int) -> list[Piece]:
        return [
            Piece(self.path, self.start + at, min(size, self.size - at)) for at in range(0, self.size, size)
        ]  # fmt: skip

    @cache  # noqa: B019 - as long as the process: digests are no part of what is measured
    def sha256(self) -> bytes:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                data = file.read(min(left, 1 << 20))
                digest.update(data)
                left -= len(data)
        return digest.digest()


@dataclass(frozen=True)
class Stored:
    """Where a server put a piece; `capture` and `location` are the collector's."""

    path: Path
    location: str = ""
    capture: str = ""


class UploadConnection:
    """Requests to one server on loopback."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._headers = dict(headers or {})

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: Piece | bytes = b""
    ) -> tuple[http.client.HTTPResponse, bytes]:
        self._http.putrequest(method, path)
        length = body.size if isinstance(body, Piece) else len(body)
        for name, value in {**self._headers, **headers, "Content-Length": str(length)}.items():
            self._http.putheader(name, value)
        if isinstance(body, Piece):
            self._http.endheaders()
            with body.path.open("rb") as file:
                self._http.sock.sendfile(file, body.start, body.size)
        else:
            self._http.endheaders(body or None)
        answer = self._http.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} was answered with {answer.status}: {said[:300]!r}")
        return answer, said

    def send_by_tus(
        self, path: str, metadata: Mapping[str, str], piece: Piece, chunk: int | None, *, checksum: bool = False
    ) -> str:
        """Upload a piece, in one PATCH or in several; returns the path of the upload."""
        pairs = ",".join(f"{name} {in_base64(value.encode())}" for name, value in metadata.items())
        creation = {**VERSION, "Upload-Length": str(piece.size), "Upload-Metadata": pairs}
        answer, _ = self.send("POST", path, creation)
        location = "/" + answer.headers["Location"].split("/", 3)[-1].lstrip("/")
        for part in piece.cut(chunk or piece.size):
            headers = {**VERSION, **BODY, "Upload-Offset": str(part.start - piece.start)}
            if checksum:
                headers["Upload-Checksum"] = f"sha256 {in_base64(part.sha256())}"
            self.send("PATCH", location, headers, part)
        return location

    def close(self) -> None:
        self._http.close()


class Gleaner:
    """A collector, and a device that has joined it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._process, self._port = attack.start(attack.ROOT, folder)
        self.pid, self._data = self._process.pid, folder / "data"
        code = ask(Settings(data=self._data), "join-code", {})["code"]
        join = {"schema": 1, "code": code, "device": {"name": "d", "model": "m", "agent_version": "0"}}
        _, said = UploadConnection(self._port).send("POST", "/api/devices/join", attack.JSON, json.dumps(join).encode())
        joined = json.loads(said)
        self._device, self._token = joined["device"], {"Authorization": f"Bearer {joined['token']}"}

    def stop(self) -> None:
        attack.stop(self._process, self._port)

    def send(self, piece: Piece, chunk: int | None, *, checksum: bool) -> Stored:
        capture = new_id("cap")
        connection = UploadConnection(self._port, self._token)
        location = connection.send_by_tus(
            "/api/uploads", {"capture": capture, "part": "media"}, piece, chunk, checksum=checksum
        )
        connection.close()
        return Stored(self._data / "staging" / f"{location.rsplit('/', 1)[1]}.part", location, capture)

    def delete(self, stored: Stored) -> None:
        UploadConnection(self._port, self._token).send("DELETE", stored.location, VERSION)

    def open(self, pieces: list[Piece], stored: list[Stored]) -> None:
        """Close the captures, wait for all receipts, compare the blobs: opening is the job between."""
        connection = UploadConnection(self._port, self._token)
        for piece, one in zip(pieces, stored, strict=True):
            manifest = torn_text(self._device, one.capture, piece.sha256().hex(), piece.size)
            manifest_body = json.dumps(manifest.to_json()).encode()
            connection.send("PUT", f"/api/captures/{one.capture}/manifest", attack.JSON, manifest_body)
        until = time.monotonic() + RECEIPT_SECONDS
        for piece, one in zip(pieces, stored, strict=True):
            while not (said := json.loads(connection.send("GET", f"/api/captures/{one.capture}/receipt", {})[1])).get(
                "signature"
            ):
                if time.monotonic() > until:
                    raise SystemExit(f"There is no receipt after {RECEIPT_SECONDS:g} seconds: {said}")
                time.sleep(POLL_SECONDS)
            if said["sha256"] != piece.sha256().hex():
                raise SystemExit(f"The receipt of {one.capture} is about other bytes.")

    def blob(self, piece: Piece) -> Path:
        key = piece.sha256().hex()
        return self._data / "blobs" / key[:2] / key[2:4] / key


def torn_text(device: str, capture: str, sha256: str, size: int) -> CaptureManifest:
    """Of a torn text: nothing is decoded, so opening is all that is left."""
    return CaptureManifest(
        capture=capture, take="take", session="session", study="study", step="step", attempt=1,
        device=device, sensor="keyboard", medium="text", consent="consent", complete=False, sha256=None,
        format=CaptureFormat(container="plain", codec="utf-8", media_type="text/plain"),
        bytes=None, duration_us=None, opened_us=0, wall=Wall(at=datetime.now(UTC)), clock_map=[(0, 0)],
        parts=[Part(name="media", sealed_sha256=sha256, sealed_bytes=size)],
    )  # fmt: skip


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
