"""The page gets media from the S3 server by links, and from the collector where the server does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support import s3
from tests.support.s3_links import LinkServer, checking_links
from tests.web.conftest import Open
from tests.web.house import House
from tests.web.reviewer import Reviewer


@pytest.fixture(scope="module")
def ministack() -> Iterator[s3.S3Server]:
    with s3.running("ministack") as server:
        yield server


@pytest.fixture
def bucket(ministack: s3.S3Server) -> str:
    return ministack.new_bucket()


@pytest.fixture
def links(ministack: s3.S3Server) -> Iterator[LinkServer]:
    with checking_links(ministack.endpoint) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, built_page: Path, ministack: s3.S3Server, bucket: str, links: LinkServer) -> Iterator[House]:
    made = House.start(
        tmp_path, GLEANER_COLLECTOR_BLOBS=f"s3://{bucket}/a", GLEANER_COLLECTOR_S3_ENDPOINT=ministack.endpoint,
        GLEANER_COLLECTOR_LINK_ENDPOINT=links.endpoint,
    )  # fmt: skip
    yield made
    made.close()


def watch(page: Page) -> list[str]:
    """The media that the collector itself sends, as they come."""
    sent: list[str] = []

    def note(reply: object) -> None:
        kind = reply.headers.get("content-type", "")  # type: ignore[attr-defined]
        if urlsplit(reply.url).path.endswith("/media") and "json" not in kind:  # type: ignore[attr-defined]
            sent.append(kind)

    page.on("response", note)
    return sent


def allow(house: House) -> None:
    (study,) = house.lead.get("/api/studies").json()["studies"]
    assert house.lead.patch(f"/api/studies/{study['id']}", json={"media_links": True}).status_code == 200


def look_at_all(ada: Reviewer, count: int) -> set[str]:
    """Every item until nothing waits; the types that were on screen, each with its media ready."""
    seen = set()
    for _ in range(count):
        kind = ada.kind()
        seen.add(kind)
        expect(ada.page.locator(".trouble")).to_have_count(0)
        ada.skip()
    return seen


def test_pictures_sound_and_video_come_by_links(
    house: House, open_page: Open, ministack: s3.S3Server, bucket: str, links: LinkServer
) -> None:
    ministack.allow_origin(bucket, house.collector.url)
    house.add_still()
    house.add_walk()
    house.publish()
    allow(house)
    page = open_page()
    sent = watch(page)
    page.reload()
    assert look_at_all(Reviewer(page), 3) == {"boxes", "tracks", "speech"}
    assert sent == [], "not a byte of media came from the collector"
    assert {status for _, status, _ in links.answered} <= {200, 206} and len(links.answered) >= 3


def test_a_bucket_without_the_rule_costs_nobody_anything(house: House, open_page: Open, links: LinkServer) -> None:
    house.add_still()
    house.add_walk()
    house.publish()
    allow(house)
    page = open_page()
    sent = watch(page)
    page.reload()
    assert look_at_all(Reviewer(page), 3) == {"boxes", "tracks", "speech"}
    assert {kind.partition("/")[0] for kind in sent} == {"image", "video", "audio"}


@pytest.mark.parametrize("kind", ["speech", "tracks"])
def test_what_is_read_in_pieces_gets_another_link_when_one_has_ended(
    house: House, open_page: Open, ministack: s3.S3Server, bucket: str, links: LinkServer, kind: str
) -> None:
    ministack.allow_origin(bucket, house.collector.url)
    size = house.add_hiss(60, 50) if kind == "speech" else house.add_heavy_walk(90, 300)
    assert size > 4 * 2**20
    house.publish()
    allow(house)
    page = open_page()
    sent = watch(page)
    links.refuses_next = True
    page.reload()
    ada = Reviewer(page)
    assert ada.kind() == kind
    if kind == "speech":  # what is selected plays
        page.wait_for_function("() => document.querySelector('.transport-time').textContent.startsWith('0:50.8')")
    else:
        ada.press("End")
        ada.frame(89)
    expect(page.locator(".trouble")).to_have_count(0)
    statuses = [status for _, status, _ in links.answered]
    assert sent == [] and 403 in statuses and 206 in statuses
