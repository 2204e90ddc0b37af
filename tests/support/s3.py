"""S3 servers for tests and benchmarks, as processes on loopback: moto and ministack, strict where the other is not.

moto refuses small parts and takes wrong checksums; ministack refuses wrong checksums and takes small parts.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Literal

import httpx

from hardware.ports import free_port
from tests.needs import ROOT, need
from tests.support import local_http
from tests.support.waiting import until
from wire.parent import bound, end_with_parent

Kind = Literal["moto", "ministack"]
# Neither server looks at them; every process that a test starts has them.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "of-the-tests"}


@dataclass(frozen=True)
class S3Server:
    endpoint: str

    def new_bucket(self) -> str:
        """Returns its name."""
        name = f"b{token_hex(8)}"
        local_http.request("PUT", f"{self.endpoint}/{name}").raise_for_status()
        return name

    def allow_origin(self, bucket: str, origin: str) -> None:
        """The rule of docs/collector.md, Media links, for pages of this origin."""
        text = (ROOT / "docs" / "collector.md").read_text(encoding="utf-8")
        rule = json.loads(text.partition("```json\n")[2].partition("```")[0])["CORSRules"][0]
        members = {"AllowedOrigins": "AllowedOrigin", "AllowedMethods": "AllowedMethod",
                   "AllowedHeaders": "AllowedHeader", "ExposeHeaders": "ExposeHeader"}  # fmt: skip
        rule["AllowedOrigins"] = [origin]
        rows = "".join(f"<{tag}>{one}</{tag}>" for name, tag in members.items() for one in rule[name])
        body = f"<CORSConfiguration><CORSRule>{rows}</CORSRule></CORSConfiguration>"
        local_http.request("PUT", f"{self.endpoint}/{bucket}?cors", content=body.encode()).raise_for_status()

    def keys(self, bucket: str) -> list[str]:
        """The names of all objects, sorted, as obstore reads them."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(bucket, endpoint=self.endpoint, region="us-east-1", client_options={"allow_http": True})
        return sorted(found["path"] for batch in obstore.list(store) for found in batch)


@contextlib.contextmanager
def running(kind: Kind, log: Path | None = None) -> Iterator[S3Server]:
    """A server without buckets, until the end of the block or of this process."""
    try:
        import ministack
        import moto
        import obstore  # noqa: F401

        assert moto and ministack
    except ImportError:
        need(False, "the S3 servers for tests are missing: make dev")
    os.environ.update(CREDENTIALS)
    server = S3Server(f"http://127.0.0.1:{(port := free_port())}")
    with contextlib.ExitStack() as held:
        output = subprocess.DEVNULL if log is None else held.enter_context(log.open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, kind, str(port)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **bound(),
        )  # fmt: skip
        try:
            until(lambda: process.poll() is not None or _answers(server))
            assert process.poll() is None, f"{kind} ended with {process.returncode}"
            yield server
        finally:
            process.kill()
            process.wait()


def _answers(server: S3Server) -> bool:
    try:
        return local_http.get(server.endpoint, timeout=5).status_code < 500
    except httpx.TransportError:
        return False


def _serve(kind: str, port: int) -> None:
    if kind == "moto":
        from moto.server import main

        main(["-H", "127.0.0.1", "-p", str(port)])
        return
    os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port))
    from ministack.app import main as serve

    sys.argv = ["ministack"]
    serve()


if __name__ == "__main__":
    end_with_parent()
    _serve(sys.argv[1], int(sys.argv[2]))
