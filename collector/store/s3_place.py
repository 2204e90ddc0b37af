"""Where an S3 server's bucket is, and opening it through obstore, with the credentials of the place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from collector.store.s3_credentials import profile_settings

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

SCHEME = "s3://"
# The name of a bucket, and what lies in front of every object of ours.
ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()-]+)*/?")
MAX_WAIT_SECONDS = 5.0
RETRY_SECONDS = 30.0
REQUEST_SECONDS = 60.0
SHORT_SECONDS = 4.0  # of a store that only says whether the server answers


@dataclass(frozen=True)
class S3Place:
    """A bucket, the folder in it, and the server; without an endpoint it is AWS."""

    address: str
    endpoint: str | None = None
    region: str | None = None
    links: str | None = None  # the server as browsers reach it; without it there are no links to objects
    profile: str | None = None  # whose credentials in the files of the AWS tools; None: as the environment says

    @property
    def bucket(self) -> str:
        return self._parts[0]

    @property
    def prefix(self) -> str:
        """Without a slash at its ends; empty at the top of the bucket."""
        return self._parts[2].strip("/")

    @property
    def _parts(self) -> tuple[str, str, str]:
        return self.address.removeprefix(SCHEME).partition("/")


@lru_cache(maxsize=8)
def open_folder(place: S3Place, folder: str, short: bool) -> S3Store:
    """The store of a folder."""
    from obstore.store import S3Store

    client: dict[str, Any] = {
        "timeout": timedelta(seconds=SHORT_SECONDS if short else REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=SHORT_SECONDS),
        "allow_http": urlsplit(place.endpoint or "https:").scheme == "http",
    }
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        client["root_certificate"] = Path(bundle).read_bytes()
    return S3Store(
        place.bucket,
        prefix="/".join(part for part in (place.prefix, folder) if part),
        config={"checksum_algorithm": "sha256", "disable_bulk_delete": True, **_access(place)},
        client_options=client,  # type: ignore[arg-type]
        retry_config={
            "max_retries": 2 if short else 8,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=MAX_WAIT_SECONDS),
                "base": 2,
            },
            "retry_timeout": timedelta(seconds=SHORT_SECONDS if short else RETRY_SECONDS),
        },
    )


def open_named(place: S3Place, bucket: str) -> S3Store:
    """A store whose bucket has this address."""
    from obstore.store import S3Store

    config: S3Config = {**_access(place), "endpoint": bucket, "virtual_hosted_style_request": True}
    return S3Store(place.bucket, config=config, client_options={"allow_http": True})


def _access(place: S3Place) -> S3Config:
    config: S3Config = {**profile_settings(place.profile)}  # type: ignore[typeddict-item]
    for name, value in (("endpoint", place.endpoint), ("region", place.region)):
        if value is not None:
            config[name] = value  # type: ignore[literal-required]
    return config
