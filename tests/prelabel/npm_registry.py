"""An npm registry on loopback with one package of one version."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, VERSION = "@gleaner-test/weights", "1.0.0"


def tarball_of(members: Mapping[str, bytes]) -> bytes:
    """A package with these files below `package/`."""
    about = json.dumps({"name": NAME, "version": VERSION}).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in {"package.json": about, **members}.items():
            row = tarfile.TarInfo(f"package/{name}")
            row.size = len(data)
            archive.addfile(row, io.BytesIO(data))
    return file.getvalue()


class Registry(ThreadingHTTPServer):
    """Serves `tarball`; `cut` breaks it off after so many bytes, `hold` keeps the rest back until it is set."""

    def __init__(self, tarball: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.tarball = tarball
        self.cut: int | None = None
        self.hold: threading.Event | None = None
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.asked.append(f"{self.path} from {start}")
        if not self.path.endswith(".tgz"):
            return self._send(json.dumps(self._about()).encode(), 200)
        body = self.server.tarball[start:]
        if self.server.hold is None:
            return self._send(body if self.server.cut is None else body[: self.server.cut], 206 if start else 200, body)
        self._send(body[: len(body) // 3], 200, body)
        self.server.hold.wait()
        self.wfile.write(body[len(body) // 3 :])
        return None

    def _about(self) -> dict[str, object]:
        digest = base64.b64encode(hashlib.sha512(self.server.tarball).digest()).decode()
        dist = {
            "tarball": f"{self.server.address}/{NAME}/-/weights-{VERSION}.tgz",
            "integrity": f"sha512-{digest}",
            "shasum": hashlib.sha1(self.server.tarball).hexdigest(),
        }
        row = {"name": NAME, "version": VERSION, "dist": dist}
        return {"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: row}}

    def _send(self, body: bytes, status: int, promised: bytes | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body if promised is None else promised)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def npm_registry(tarball: bytes) -> Iterator[Registry]:
    with Registry(tarball) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        if server.hold is not None:
            server.hold.set()
        server.shutdown()
        thread.join()
