"""The page's files go over the line compressed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from collector.page import accepted_encodings
from tests.support import local_http
from tests.web.conftest import Open
from tests.web.house import House


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", set()),
        ("gzip, deflate, br, zstd", {"gzip", "br"}),
        ("br;q=1.0, gzip;q=0.8", {"gzip", "br"}),
        ("GZIP", {"gzip"}),
        ("br;q=0, gzip; q=0.000 , identity", set()),
        ("br;q=0.001", {"br"}),
    ],
)
def test_encodings_that_a_client_takes(header: str, taken: set[str]) -> None:
    assert accepted_encodings(header) & {"br", "gzip"} == taken


def test_files_are_sent_smaller_and_are_the_same(house: House, built_page: Path) -> None:
    scripts = [path for path in (built_page / "assets").iterdir() if path.suffix in (".js", ".css")]
    assert len(scripts) > 5
    with local_http.Client(base_url=house.collector.url) as client:
        for path in scripts:
            address = f"/assets/{path.name}"
            plain = client.get(address, headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers and plain.content == path.read_bytes()
            for encoding, ending in (("br", ".br"), ("gzip", ".gz")):
                smaller = path.with_name(path.name + ending)
                if not smaller.exists():
                    assert len(plain.content) < 400
                    continue
                with client.stream("GET", address, headers={"Accept-Encoding": encoding}) as reply:
                    sent = b"".join(reply.iter_raw())
                    assert reply.headers["content-encoding"] == encoding
                    assert reply.headers["content-type"] == plain.headers["content-type"]
                    assert "accept-encoding" in reply.headers["vary"].lower()
                assert sent == smaller.read_bytes() and len(sent) < len(plain.content)
                assert encoding == "br" or gzip.decompress(sent) == plain.content
        page = client.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip" and re.search("<script", page.text)


def test_a_browser_gets_the_page_as_brotli(house: House, open_page: Open) -> None:
    house.add_still()
    house.publish()
    page = open_page()
    page.wait_for_selector(".stage-picture")
    sent = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/assets/') && e.decodedBodySize > 2000)"
        ".map(e => e.encodedBodySize / e.decodedBodySize)"
    )
    assert len(sent) > 2 and max(sent) < 0.6
