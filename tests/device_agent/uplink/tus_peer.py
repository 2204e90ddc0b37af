"""A small independent collector for the uplink's tests: a process of its own that breaks on demand.

It was written from the tus 1.0.0 text and docs/http-api.md, on the standard library's server, because a fault here is
often one of the socket: a connection cut inside a body, a reply that never comes.

`python -m tests.device_agent.uplink.tus_peer [--port N]` prints one JSON line {"port", "verify_key"} and serves.
`POST /_peer/faults` takes a list of {"on": method, "kind": …, "n": …}: each breaks one later request of that method,
in order. `GET /_peer/state` says what it holds. `POST /_peer/mode` sets lasting behaviour.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nacl.signing import SigningKey

from wire.base import format_utc
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest
from wire.device import Receipt
from wire.parent import end_with_parent


@dataclass
class Part:
    data: bytearray = field(default_factory=bytearray)
    length: int | None = None


@dataclass
class Peer:
    # The same one after a restart, as a collector's.
    key: SigningKey = field(default_factory=lambda: SigningKey(b"a peer's key of thirty-two bytes"))
    lock: threading.Lock = field(default_factory=threading.Lock)
    uploads: dict[str, tuple[str, str]] = field(default_factory=dict)  # upload id -> (capture, part)
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    takes: dict[str, dict[str, Any]] = field(default_factory=dict)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    mode: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Replies are small: without this each waits for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True
    peer: Peer

    def log_message(self, format: str, *args: Any) -> None:
        return

    def reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        if getattr(self, "losing", False):
            self.hang_up()
            return
        self.send_response(status)
        for name, value in {"Tus-Resumable": "1.0.0", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def problem(
        self, status: int, code: str, title: str = "No.", headers: dict[str, str] | None = None, **facts: Any
    ) -> None:
        body = {"title": title, "status": status, "code": code, "hint": "Do otherwise.", "retryable": False, **facts}
        self.reply(status, {"Content-Type": "application/problem+json", **(headers or {})}, json.dumps(body).encode())

    def hang_up(self) -> None:
        """A reset, as from a process that is killed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    # ---------------------------------------------------------------- faults
    def broken(self) -> bool:
        """Apply the first fault that waits for this method; True: the request is over."""
        self.losing = False
        with self.peer.lock:
            fault = next((row for row in self.peer.faults if row["on"] == self.command), None)
            if fault is None:
                return False
            self.peer.faults.remove(fault)
            self.peer.journal.append(f"fault {fault['kind']}")
        kind = fault["kind"]
        if kind == "cut":
            self.rfile.read(min(fault["n"], int(self.headers.get("Content-Length", "0"))))
            self.hang_up()
        elif kind == "status":
            self.body()
            self.reply(fault["n"])
        elif kind == "lost":
            self.losing = True
            return False
        elif kind == "slow":
            time.sleep(fault["n"] / 1000)
            return False
        elif kind == "forget":  # what a restored backup does: every upload is gone, and its bytes
            with self.peer.lock:
                self.peer.uploads.clear()
                self.peer.parts.clear()
            return False
        elif kind == "wrong-offset":
            self.body()
            self.reply(204, {"Upload-Offset": str(fault["n"])})
        return True

    # ---------------------------------------------------------------- routes
    def route(self) -> None:
        if self.path.startswith("/_peer/"):
            return self.control()
        if self.peer.mode.get("refuse"):
            self.body()
            return self.problem(self.peer.mode["refuse"], "not-allowed")
        if self.broken():
            return None
        if "busy" in self.peer.mode and self.command in self.peer.mode["busy"]["on"]:
            self.body()
            with self.peer.lock:
                self.peer.journal.append(f"busy {self.command}")
            status, code, seconds = self.peer.mode["busy"]["says"]
            return self.problem(status, code, "It moves.", {"Retry-After": str(seconds)}, retryable=True)
        pieces = self.path.strip("/").split("/")
        match (self.command, *pieces):
            case ("POST", "api", "uploads"):
                self.create()
            case ("HEAD", "api", "uploads", upload):
                self.look(upload)
            case ("PATCH", "api", "uploads", upload):
                self.append(upload)
            case ("DELETE", "api", "uploads", upload):
                with self.peer.lock:
                    where = self.peer.uploads.pop(upload, None)
                    if where is not None:
                        self.peer.parts.pop(where, None)
                self.reply(204)
            case ("PUT", "api", "captures", capture, "manifest"):
                self.manifest(capture)
            case ("GET", "api", "captures", capture, "receipt"):
                self.receipt(capture)
            case ("PUT", "api", "plans", _) if "plan" in self.peer.mode:
                self.body()
                self.problem(*self.peer.mode["plan"])
            case ("PUT", "api", "sessions", session) if "session" in self.peer.mode:
                self.body()
                with self.peer.lock:
                    self.peer.journal.append("refused session")
                self.problem(*self.peer.mode["session"])
            case ("PUT", "api", "sessions", session):
                with self.peer.lock:
                    self.peer.sessions[session] = json.loads(self.body())
                    self.peer.journal.append(f"session {session} {self.peer.sessions[session]['revision']}")
                self.reply(200, body=b"{}")
            case ("PUT", "api", "sessions", session, "takes", take):
                body = json.loads(self.body())
                with self.peer.lock:
                    known = session in self.peer.sessions
                    if known:
                        self.peer.takes[take] = body
                        self.peer.journal.append(f"take {take} {body['revision']}")
                if known:
                    self.reply(200, body=b"{}")
                else:
                    self.problem(404, "session-unknown")
            case ("POST", "api", "devices", "heartbeat"):
                with self.peer.lock:
                    self.peer.heartbeats.append(json.loads(self.body()))
                self.reply(204)
            case _:
                self.body()
                self.problem(404, "not-found")
        return None

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = route  # noqa: N815

    def create(self) -> None:
        self.body()
        words = dict(item.strip().split(" ") for item in self.headers["Upload-Metadata"].split(","))
        where = (base64.b64decode(words["capture"]).decode(), base64.b64decode(words["part"]).decode())
        length = self.headers.get("Upload-Length")
        upload = sha256_hex(repr(where).encode())[:24]
        with self.peer.lock:
            self.peer.uploads[upload] = where
            part = self.peer.parts.setdefault(where, Part(length=None if length is None else int(length)))
            headers = {"Location": f"/api/uploads/{upload}", **self.standing(part)}
        self.reply(201, headers)

    @staticmethod
    def standing(part: Part) -> dict[str, str]:
        length = {"Upload-Defer-Length": "1"} if part.length is None else {"Upload-Length": str(part.length)}
        return {"Upload-Offset": str(len(part.data)), "Cache-Control": "no-store", **length}

    def look(self, upload: str) -> None:
        with self.peer.lock:
            part = self.peer.parts.get(self.peer.uploads.get(upload, ("", "")))
        self.reply(404) if part is None else self.reply(200, self.standing(part))

    def append(self, upload: str) -> None:
        data = self.body()
        algorithm, _, digest = self.headers["Upload-Checksum"].partition(" ")
        with self.peer.lock:
            part = self.peer.parts.get(self.peer.uploads.get(upload, ("", "")))
            if part is None:
                return self.reply(404)
            if int(self.headers["Upload-Offset"]) != len(part.data):
                return self.problem(409, "offset-mismatch")
            if base64.b64decode(digest) != hashlib.new(algorithm, data).digest():
                return self.reply(460)
            length = self.headers.get("Upload-Length")
            if length is not None and part.length not in (None, int(length)):
                return self.problem(409, "upload-length-conflict")
            part.length = part.length if length is None else int(length)
            if part.length is not None and len(part.data) + len(data) > part.length:
                return self.problem(413, "upload-too-long")
            part.data += data
            headers = self.standing(part)
            self.peer.journal.append(f"chunk {self.peer.uploads[upload][0]} {self.peer.uploads[upload][1]} {len(data)}")
        return self.reply(204, headers)

    def manifest(self, capture: str) -> None:
        data = self.body()
        with self.peer.lock:
            known = self.peer.manifests.get(capture)
            refused = self.peer.mode.get("manifest")
            if refused is None and known in (None, data):
                self.peer.manifests[capture] = data
                self.peer.journal.append(f"manifest {capture}")
        if refused is not None:
            return self.problem(refused[0], refused[1], "This CaptureManifest has schema 9, the highest read is 1.")
        return self.reply(202) if known in (None, data) else self.problem(409, "capture-conflict")

    def receipt(self, capture: str) -> None:
        with self.peer.lock:
            data = self.peer.manifests.get(capture)
            self.peer.asked[capture] = self.peer.asked.get(capture, 0) + 1
            if data is None:
                return self.problem(404, "capture-unknown")
            manifest = CaptureManifest.read(data)
            held = {name: bytes(part.data) for (owner, name), part in self.peer.parts.items() if owner == capture}
            missing = [
                part.name
                for part in manifest.parts
                if sha256_hex(held.get(part.name, b"")) != part.sealed_sha256 or part.name not in held
            ]
            if missing:
                return self.problem(409, "parts-missing", parts=missing)
            if self.peer.asked[capture] <= self.peer.mode.get("pending", 0):
                return self.reply(202, body=b'{"state": "pending"}')
            if self.peer.mode.get("withdrawn"):
                return self.problem(410, "withdrawn")
            body: dict[str, Any] = {
                "capture": capture,
                "manifest_sha256": sha256_hex(data),
                "parts": [part.to_json() for part in manifest.parts],
                "sha256": sha256_hex(held["media"]),
                "complete": manifest.complete,
                "collector": "peer",
                "at": format_utc(CaptureManifest.read(data).wall.at),
            }
            receipt = Receipt.model_validate(body)
            key = SigningKey.generate() if self.peer.mode.get("forge") else self.peer.key
            signed = receipt.model_copy(update={"signature": key.sign(receipt.signed_bytes()).signature.hex()})
            self.peer.journal.append(f"receipt {capture}")
        return self.reply(200, body=json.dumps(signed.to_json()).encode())

    def control(self) -> None:
        data = json.loads(self.body() or b"null")
        with self.peer.lock:
            if self.path == "/_peer/faults":
                self.peer.faults = data
            if self.path == "/_peer/mode":
                self.peer.mode = data
            if self.path == "/_peer/spoil":  # bytes go bad on the collector's disk
                self.peer.parts[(data["capture"], data["part"])].data[0] ^= 1
            if self.path == "/_peer/lose":  # what an older copy of the collector does not have
                self.peer.sessions.clear()
                self.peer.takes.clear()
            state = {
                "captures": {
                    capture: {
                        name: [len(part.data), sha256_hex(bytes(part.data))]
                        for (owner, name), part in self.peer.parts.items()
                        if owner == capture
                    }
                    for capture in {owner for owner, _ in self.peer.parts}
                },
                "manifests": {capture: sha256_hex(body) for capture, body in self.peer.manifests.items()},
                "sessions": self.peer.sessions,
                "takes": self.peer.takes,
                "heartbeats": self.peer.heartbeats,
                "journal": self.peer.journal,
                "faults": self.peer.faults,
            }
        self.losing = False
        self.reply(200, body=json.dumps(state).encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)


def main() -> None:
    port = int(sys.argv[sys.argv.index("--port") + 1]) if "--port" in sys.argv else 0
    peer = Peer()
    server = Server(("127.0.0.1", port), type("BoundHandler", (Handler,), {"peer": peer}))
    print(json.dumps({"port": server.server_port, "verify_key": bytes(peer.key.verify_key).hex()}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    end_with_parent()
    main()
