"""Links to objects: signed as AWS wants it, for a minute at most, and with types that do no harm in a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from collector.settings import SettingsInvalid, load_settings
from collector.store.objects import Objects
from collector.store.s3_links import BYTES, answer_query
from collector.store.s3_place import S3Place
from tests.support.s3_links import signature_of

KEY = ("AKID", "a/secret+key")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY[1])


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def link_to(place: S3Place, name: str = "ab/cd", media_type: str = "video/mp4", seconds: int = 60) -> str:
    made = Objects(place, "blobs").link(name, media_type, seconds)
    assert made is not None
    return made


@pytest.mark.parametrize("endpoint", ["https://s3.example.org:8443", "http://127.0.0.1:9000", "https://s3.example.org"])
@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/a/folder", "s3://bucket/lab's!.*(b)"])
@pytest.mark.parametrize("token", [None, "for/now+="])
def test_botocore_signs_the_same(
    endpoint: str, address: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    place = S3Place(address, "https://inside:9000", "garage", endpoint)
    for media_type in ("video/mp4", "text/html; charset=utf-8", "audio/x+y&a=b"):
        made = link_to(place, media_type=media_type, seconds=17)
        query = query_of(made)
        assert signature_of(made, KEY, token) == query["X-Amz-Signature"]
        assert (query["X-Amz-Expires"], query.get("X-Amz-Security-Token")) == ("17", token)
        assert query["X-Amz-Credential"].split("/")[0::2][:2] == ["AKID", "garage"]
        at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)


def test_it_leads_to_the_object_at_the_address_for_browsers() -> None:
    made = link_to(S3Place("s3://bucket/a", "https://inside:9000", links="https://s3.example.org"))
    assert made.startswith("https://s3.example.org/bucket/a/blobs/ab/cd?")
    assert Objects(S3Place("s3://bucket/a", "https://inside:9000"), "blobs").link("ab", "video/mp4", 60) is None


@pytest.mark.parametrize(
    ("media_type", "told"),
    [("video/mp4", "video/mp4"), ("audio/flac", "audio/flac"), ("image/jpeg", "image/jpeg"), ("image/png", "image/png"),
     ("image/svg+xml", BYTES), ("text/html", BYTES), ("text/plain", BYTES), ("application/xhtml+xml", BYTES),
     ("video/mp4\ntext/html", BYTES), ("", BYTES)],
)  # fmt: skip
def test_a_browser_is_told_types_that_it_only_shows_or_plays(media_type: str, told: str) -> None:
    query = dict(parse_qsl(answer_query(media_type)))
    assert (query["response-content-type"], query["response-content-disposition"]) == (told, "attachment")


@pytest.mark.parametrize("seconds", [0, 61])
def test_nothing_is_signed_for_longer_than_a_minute(seconds: int) -> None:
    with pytest.raises(AssertionError):
        link_to(S3Place("s3://bucket", links="https://s3.example.org"), seconds=seconds)


@pytest.mark.parametrize(
    ("more", "why"),
    [({"link_endpoint": "https://s3.example.org"}, "set blobs"),
     ({"link_endpoint": "https://s3.example.org/a", "blobs": "s3://bucket"}, "without a path"),
     ({"link_endpoint": "s3.example.org", "blobs": "s3://bucket"}, "link_endpoint"),
     ({"link_endpoint": "http://s3.example.org", "blobs": "s3://bucket", "public_url": "https://g.example"}, "https")],
)  # fmt: skip
def test_the_address_for_browsers_is_checked(more: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsInvalid, match=why):
        load_settings(more)


def test_the_page_may_load_what_is_below_the_blobs_alone() -> None:
    found = load_settings({"link_endpoint": "https://s3.example.org/", "blobs": "s3://media/lab's"})
    assert found.linked_media == "https://s3.example.org/media/lab%27s/blobs/"
    assert load_settings({"blobs": "s3://media"}).linked_media is None
