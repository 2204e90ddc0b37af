"""What AWS does with a presigned request and the S3 servers for tests leave out: signature and time are looked at, and
a bucket without a rule answers no foreign page.

A proxy in front of one of them. The signature is computed by botocore, which is not what made it.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support import local_http
from tests.support.s3 import CREDENTIALS

_KEY = (CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
_OWN = frozenset({"Connection", "Transfer-Encoding", "Content-Length"})


class LinkServer:
    """`later`: how far its clock is ahead. `refuses_next`: the next link that is followed has ended, whatever it says.

    `answered`: path, status and Range of each request.
    """

    def __init__(self, endpoint: str) -> None:
        self.later, self.refuses_next = timedelta(), False
        self.answered: list[tuple[str, int, str | None]] = []
        self._upstream, upstream = endpoint, urlsplit(endpoint).netloc
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, headers, data = 403, dict[str, str](), b"<Error><Code>AccessDenied</Code></Error>"
                if outer.accepts(self.path):
                    with contextlib.closing(http.client.HTTPConnection(upstream, timeout=60)) as server:
                        server.request("GET", self.path, headers=dict(self.headers))
                        found = server.getresponse()
                        status, data = found.status, found.read()
                        headers = {name.title(): value for name, value in found.getheaders()}
                outer.answered.append((urlsplit(self.path).path, status, self.headers.get("Range")))
                self._answer(status, headers, data, "GET", [])

            def do_OPTIONS(self) -> None:
                wanted = self.headers.get("Access-Control-Request-Headers", "")
                self._answer(200, {}, b"", self.headers.get("Access-Control-Request-Method", ""), wanted.split(","))

            def _answer(
                self, status: int, headers: dict[str, str], data: bytes, method: str, wanted: list[str]
            ) -> None:
                self.send_response_only(status)
                kept = {name: value for name, value in headers.items() if name not in _OWN and "Access-" not in name}
                allowed = outer.allowed(self.path, self.headers.get("Origin", ""), method, wanted)
                for name, value in {**kept, **allowed, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # a player that has enough
                    self.wfile.write(data)

            def log_message(self, *_words: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_words: None  # type: ignore[method-assign]
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="s3-links")
        self._thread.start()

    def accepts(self, path: str) -> bool:
        """Whether a request for this path with its query is signed, and not over."""
        query = dict(parse_qsl(urlsplit(path).query))
        if "X-Amz-Date" not in query:
            return False
        at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ends = at + timedelta(seconds=int(query["X-Amz-Expires"]))
        is_over, self.refuses_next = self.refuses_next or datetime.now(UTC) + self.later >= ends, False
        return signature_of(f"{self.endpoint}{path}") == query["X-Amz-Signature"] and not is_over

    def allowed(self, path: str, origin: str, method: str, wanted: list[str]) -> dict[str, str]:
        """What is said to a page of this origin, by the rule that the bucket has."""
        bucket = path.split("/")[1]
        found = local_http.get(f"{self._upstream}/{bucket}?cors")
        if not origin or found.status_code != 200:
            return {}
        rule: dict[str, list[str]] = {}
        for child in ElementTree.fromstring(found.text).iter():
            rule.setdefault(child.tag.rpartition("}")[2], []).append((child.text or "").strip())
        headers = {name.lower() for name in rule.get("AllowedHeader", [])}
        asked = {name.strip().lower() for name in wanted if name.strip()}
        if origin not in rule["AllowedOrigin"] or method not in rule["AllowedMethod"] or not asked <= headers:
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": ", ".join(sorted(asked)),
            "Access-Control-Expose-Headers": ", ".join(rule.get("ExposeHeader", [])),
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def signature_of(url: str, key: tuple[str, str] = _KEY, token: str | None = None) -> str:
    """Of a presigned address, for its own date, scope and time, by botocore."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    region = query["X-Amz-Credential"].split("/")[2]
    signer = S3SigV4QueryAuth(Credentials(*key, token), "s3", region, expires=int(query["X-Amz-Expires"]))
    plain = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
    request = AWSRequest("GET", f"{parts.scheme}://{parts.netloc}{parts.path}", params=plain)
    request.context["timestamp"] = query["X-Amz-Date"]
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    return str(signer.signature(signer.string_to_sign(request, canonical), request))


@contextlib.contextmanager
def checking_links(endpoint: str) -> Iterator[LinkServer]:
    """In front of a server, until the end of the block."""
    server = LinkServer(endpoint)
    try:
        yield server
    finally:
        server.close()
