"""What an S3 server's refusals become, and that no secret leaves."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from collector.settings import load_settings
from collector.store import s3_place
from collector.store.blobs import DiskFull
from collector.store.objects import Objects, StorageDriverMissing, StorageUnreachable
from collector.store.open_blobs import BlobsLocation, open_blobs
from collector.store.s3_credentials import profile_settings
from collector.store.s3_place import S3Place
from hardware.ports import free_port
from tests.support.s3 import CREDENTIALS, S3Server
from wire.errors import GleanerError

SECRET = "s3cr3t-0f-n0b0dy"


def refused(place: S3Place, folder: str = "blobs") -> StorageUnreachable:
    found = Objects(place, folder)
    with pytest.raises(StorageUnreachable) as error, found.errors("It could not be stored"):
        found.check("a", b"a")
    assert error.value.retryable and error.value.exit_code == 3
    return error.value


def test_a_bucket_that_is_not_there_is_named(moto: S3Server) -> None:
    place = S3Place("s3://nobodys-bucket", moto.endpoint)
    assert refused(place).message == (f"It could not be stored: there is no bucket nobodys-bucket at {moto.endpoint}.")


def test_a_server_that_is_away_is_said_and_a_check_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found = refused(S3Place("s3://bucket", endpoint))
    assert "cannot be reached" in found.message and endpoint in found.message
    assert SECRET not in f"{found.message} {found.hint} {found.__cause__!r} {found.facts}"


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>"
         "<AWSAccessKeyId>AKIAX</AWSAccessKeyId></Error>", StorageUnreachable, "(SignatureDoesNotMatch)."),
        ("status code: 507 Insufficient Storage: ", DiskFull, "is full."),
        ("status code: 403 Forbidden: <Code>QuotaExceeded</Code>", DiskFull, "is full."),
        ("Error performing PUT http://169.254.169.254/latest/api/token in 3s", StorageUnreachable, "of this machine."),
    ],
)  # fmt: skip
def test_what_the_server_says_is_kept_short(text: str, error: type[Exception], sentence: str) -> None:
    from obstore.exceptions import GenericError

    found = Objects(S3Place("s3://bucket/x", "http://127.0.0.1:1"), "blobs")
    with pytest.raises(error) as raised, found.errors("It failed"):
        raise GenericError(text)
    assert isinstance(raised.value, GleanerError)
    assert raised.value.message.endswith(sentence) and "AKIAX" not in f"{raised.value} {raised.value.facts}"


def test_a_server_that_knows_no_condition_is_given_the_object_again(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore
    from obstore.exceptions import NotSupportedError

    put = obstore.put

    def without_condition(*words: Any, **options: Any) -> Any:
        if "mode" in options:
            raise NotSupportedError("A header you provided implies functionality that is not implemented")
        return put(*words, **options)

    found = Objects(S3Place(f"s3://{moto.new_bucket()}", moto.endpoint), "blobs")
    monkeypatch.setattr(obstore, "put", without_condition)
    assert found.put("a", b"once", only_new=True) and found.put("a", b"once", only_new=True)
    assert b"".join(found.read("a", 0, 9)) == b"once"


def test_credentials_come_from_the_files_of_the_aws_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = first\n"
        f"[lab]\naws_access_key_id = two\naws_secret_access_key = {SECRET}%\n"
    )
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n[profile lab]\nregion = eu-west-2\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert profile_settings() == {"access_key_id": "one", "secret_access_key": "first", "region": "eu-north-1"}
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert profile_settings() == {
        "access_key_id": "two",
        "secret_access_key": f"{SECRET}%",
        "region": "eu-west-2",
    }
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    assert profile_settings() == {}


def test_without_obstore_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def without(name: str, *words: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "obstore":
            raise ImportError(name)
        return find(name, *words, **options)

    s3_place.open_folder.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StorageDriverMissing) as missing:
        open_blobs(BlobsLocation(tmp_path, "s3://bucket"))
    assert "gleaner-suite[s3]" in str(missing.value.hint)


@pytest.mark.parametrize(
    "address",
    ["bucket", "https://bucket", "s3://", "s3://b", "s3://Bucket", "s3://user:word@bucket", "s3://bucket/a?b=1",
     "s3://bucket//a", "s3://bucket/a b"],
)  # fmt: skip
def test_an_address_is_checked(address: str) -> None:
    from collector.settings import SettingsInvalid

    with pytest.raises(SettingsInvalid, match=r"setting blobs is not valid.*s3://bucket/folder"):
        load_settings({"blobs": address})


def test_an_endpoint_has_no_credentials() -> None:
    from collector.settings import SettingsInvalid

    assert load_settings({"s3_endpoint": "http://127.0.0.1:3900"}).s3_endpoint == "http://127.0.0.1:3900"
    with pytest.raises(SettingsInvalid, match="without credentials") as refusal:
        load_settings({"s3_endpoint": f"https://me:{SECRET}@s3.example.org"})
    assert SECRET not in str(refusal.value)


def test_addresses_are_read(tmp_path: Path) -> None:
    place = S3Place("s3://bucket/a/folder/")
    assert (place.bucket, place.prefix) == ("bucket", "a/folder")
    assert S3Place("s3://bucket").prefix == ""
    found = load_settings({"data": tmp_path, "blobs": "s3://bucket/a", "s3_region": "eu-west-1"}).blobs_location
    assert found == BlobsLocation(tmp_path / "blob-copies", "s3://bucket/a", None, "eu-west-1")
    assert load_settings({"data": tmp_path}).blobs_location == BlobsLocation(tmp_path / "blobs")
