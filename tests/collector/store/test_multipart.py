"""Blobs in parts that nobody completes, on both S3 servers."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from collector.store import multipart
from collector.store.blobs_obstore import FOLDER, S3Blobs
from collector.store.multipart import end_abandoned
from collector.store.objects import PART_BYTES, Objects, StorageUnreachable
from collector.store.s3_place import S3Place
from tests.support import local_http
from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.s3_faults import failing


@pytest.fixture(params=["moto", "ministack"])
def place(request: pytest.FixtureRequest) -> S3Place:
    server: S3Server = request.getfixturevalue(request.param)
    return S3Place(f"s3://{server.new_bucket()}/a folder/of ours".replace(" ", "-"), server.endpoint)


def begun(place: S3Place, name: str, parts: int) -> str:
    """A multipart upload with so many parts; returns its id."""
    address = f"{place.endpoint}/{place.bucket}/{place.prefix}/{name}"
    upload = local_http.request("POST", f"{address}?uploads").text.partition("<UploadId>")[2].partition("<")[0]
    for number in range(1, parts + 1):
        local_http.request("PUT", f"{address}?partNumber={number}&uploadId={upload}", content=b"part" * 10)
    return upload


def open_uploads(place: S3Place) -> list[str]:
    page = local_http.get(f"{place.endpoint}/{place.bucket}?uploads").text
    return sorted(one.partition("<")[0] for one in page.split("<UploadId>")[1:])


def test_what_nobody_completes_is_ended_once_nothing_comes_any_more(
    place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(place, FOLDER)
    objects.put("ab/whole", b"whole")
    ours = begun(place, f"{FOLDER}/ab/cd/abcd", 3)
    others = begun(place, "elsewhere/abcd", 1)
    assert end_abandoned(objects) == 0, "a part came just now"
    assert open_uploads(place) == sorted([ours, others])
    monkeypatch.setattr(multipart, "IDLE_SECONDS", -60.0)
    assert end_abandoned(objects) == 1
    assert open_uploads(place) == [others]
    assert end_abandoned(objects) == 0 and [name for name, _, _ in objects.list()] == ["ab/whole"]


def test_where_the_server_cannot_list_them_it_is_said_and_nothing_else_is_held_up(
    moto: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # There is no such bucket: 404, as some servers answer a request that they do not know.
    place = S3Place(f"s3://{moto.new_bucket()}x", moto.endpoint)
    caplog.set_level(logging.INFO, "gleaner.collector")
    assert end_abandoned(Objects(place, FOLDER)) == 0
    assert "it answers 404 to ListMultipartUploads" in caplog.text
    with failing(moto.endpoint, 1.0) as proxy:
        lost = S3Place(f"s3://{moto.new_bucket()}", proxy.endpoint)
        with pytest.raises(StorageUnreachable, match="are not looked for"):
            end_abandoned(Objects(lost, FOLDER))


def test_a_blob_that_goes_up_in_parts_stays_while_others_look(moto: S3Server, tmp_path: Path) -> None:
    blobs = S3Blobs(S3Place(f"s3://{moto.new_bucket()}", moto.endpoint), tmp_path / "cache", 0)
    file = tmp_path / "media"
    file.write_bytes(b"12345678" * ((PART_BYTES >> 3) + 1))
    key = blobs.put_file(file)
    blobs.remove_unfinished()
    assert blobs.size(key) == PART_BYTES + 8


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9/below"])
@pytest.mark.parametrize("name", [None, "ab/cd/abcd"])
def test_addresses_are_signed_as_s3_wants_it(
    endpoint: str | None, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with the signature that botocore makes of the same address at the same time."""
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    objects = Objects(S3Place("s3://media/a/b", endpoint, "eu-west-1"), FOLDER)
    found = urlsplit(objects.sign("GET", name, "uploads&prefix=a%2Fb"))
    assert found.path == {
        (None, None): "/media", (None, "ab/cd/abcd"): "/media/a/b/blobs/ab/cd/abcd",
        ("http://127.0.0.1:9/below", None): "/below/media",
        ("http://127.0.0.1:9/below", "ab/cd/abcd"): "/below/media/a/b/blobs/ab/cd/abcd",
    }[endpoint, name]  # fmt: skip
    assert found.netloc == ("s3.eu-west-1.amazonaws.com" if endpoint is None else "127.0.0.1:9")
    query = dict(part.partition("=")[::2] for part in found.query.split("&"))
    asked = found.query.partition("&X-Amz-")[0].replace("uploads&", "uploads=&")
    at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)

    request = AWSRequest("GET", f"{found.scheme}://{found.netloc}{found.path}?{asked}")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: at.replace(tzinfo=None))
    keys = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    S3SigV4QueryAuth(keys, "s3", "eu-west-1", expires=int(query["X-Amz-Expires"])).add_auth(request)
    assert request.url.partition("X-Amz-Signature=")[2] == query["X-Amz-Signature"]
