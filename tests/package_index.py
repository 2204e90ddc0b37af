"""A package index on loopback whose answers may be cached, as those of the public one may."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "gleaner-test-weights"


def wheel_of(members: Mapping[str, bytes]) -> bytes:
    """A wheel of NAME 1.0 with these files."""
    file = io.BytesIO()
    info = f"{NAME.replace('-', '_')}-1.0.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(file, "w") as wheel:
        for member, data in {**members, **meta}.items():
            wheel.writestr(member, data)
    return file.getvalue()


@contextmanager
def package_index(wheel: bytes, cache: Path) -> Iterator[dict[str, str]]:
    """Serve one wheel; gives the settings by which pip uses this index alone and caches in `cache`."""
    file = f"{NAME.replace('-', '_')}-1.0-py3-none-any.whl"

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<!DOCTYPE html><title>index</title><a href="/{file}">{file}</a>'.encode()
            body, kind = (wheel, "application/zip") if self.path == f"/{file}" else (page, "text/html")
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "public, max-age=365000000, immutable")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_address[1]}/simple",
            "PIP_TRUSTED_HOST": "127.0.0.1",  # pip caches no answer of an http index that is not trusted
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PIP_CACHE_DIR": str(cache),
            "NO_PROXY": "127.0.0.1",
        }
        server.shutdown()
