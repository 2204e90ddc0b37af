"""The collector's settings: flag > environment `GLEANER_…` > TOML file > default."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator, model_validator

from collector.key_folder import KeyFolder
from collector.master_key import credential_file
from collector.setting_tables import TABLES, BulkSettings, ScanSettings, SecurityLogSettings
from collector.store.blobs_obstore import FOLDER as BLOBS_FOLDER
from collector.store.lock import Work
from collector.store.open_blobs import DEFAULT_CACHE_BYTES, BlobsLocation
from collector.store.s3_links import object_address
from collector.store.s3_place import ADDRESS, S3Place
from collector.store.upkeep import RowAges
from http_shell.hosts import host_name, is_loopback
from wire.errors import GleanerError

ENVIRONMENT_PREFIX = "GLEANER_COLLECTOR_"
DEFAULT_DATA = Path(".gleaner/collector")
# Of an address: names and passwords before the @, and parameters like `sslpassword`.
_HAS_PASSWORD = re.compile(r"://[^?]*:[^?]*@|password=", re.IGNORECASE)
_SECRET = re.compile(r"(?<=://)[^?]+(?=@)|(?<=password=)[^&]+", re.IGNORECASE)


class SettingsInvalid(GleanerError):
    """A setting cannot be what it is set to."""

    code = "settings-invalid"
    status = 500
    exit_code = 2
    hint = "docs/collector.md lists every setting."


class Settings(BaseModel):
    """Everything that may be chosen. Sizes in bytes, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Field(default=DEFAULT_DATA, description="folder of database, blobs, staging and keys")
    database: str | None = Field(
        default=None,
        repr=False,  # it may hold a password
        description="address of a PostgreSQL database; default: SQLite in the data folder",
    )
    blobs: str | None = Field(
        default=None,
        description="address of the media on an S3 server, like s3://bucket/folder; default: the data folder",
    )
    staging: str | None = Field(
        default=None,
        description="address of the uploads that are not opened yet on an S3 server; default: the data folder",
    )
    s3_endpoint: str | None = Field(default=None, description="address of the S3 server; default: that of AWS")
    s3_region: str | None = Field(
        default=None, description="region of the bucket; default: that of the AWS environment, else us-east-1"
    )
    link_endpoint: str | None = Field(
        default=None,
        description="address of the S3 server as browsers reach it, for studies with media links; default: no links",
    )
    blob_cache_bytes: int = Field(
        default=DEFAULT_CACHE_BYTES, ge=0, description="size of the local copies of media that lie on an S3 server"
    )
    master_key: Path | None = Field(
        default=None,
        description="file with the key that encrypts all others; default: the credential of systemd, else plain keys",
    )
    review_only: bool = Field(
        default=False,
        description="serve people alone, next to the one collector of a PostgreSQL database that takes uploads",
    )
    host: str = Field(default="127.0.0.1", description="address to listen at; loopback unless asked")
    port: int = Field(default=8700, ge=0, le=65535, description="0 takes a free one")
    public_url: str | None = Field(default=None, description="the address people and devices use, behind a proxy")
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="addresses and networks (CIDR) of proxies that are believed about their clients"
    )
    proxy_header: Literal["x-forwarded-for", "forwarded"] = Field(
        default="x-forwarded-for", description="the header in which they name the client; the other one is ignored"
    )
    tls_cert: Path | None = Field(default=None, description="PEM file of a certificate (chain) of your own")
    tls_key: Path | None = Field(default=None, description="PEM file of its key")
    tls_names: tuple[str, ...] = Field(
        default=(), description="further names and addresses in the certificate that the collector makes itself"
    )
    insecure_http: bool = Field(default=False, description="plain HTTP although others than this machine can reach it")
    upload_origins: tuple[str, ...] = Field(
        default=(), description="origins of other web pages that may upload from a browser"
    )
    announce: bool = Field(
        default=True, description="announce this collector on the local network when it listens beyond this machine"
    )
    max_upload_bytes: int = Field(default=64 * 2**30, gt=0, description="largest single upload")
    upload_expires_seconds: int = Field(default=7 * 86400, gt=0, description="an upload without news is removed after")
    page_idle_seconds: int = Field(
        default=2 * 3600, ge=300, description="a session of the page that nobody uses for this long ends"
    )
    upload_idle_seconds: float = Field(default=30.0, gt=0, description="a silent sender is let go after")
    reserve_bytes: int = Field(default=64 * 2**20, ge=0, description="space that uploads leave free for the database")
    control_share: float = Field(
        default=0.05, ge=0, le=1, description="share of a new study's tasks, drawn by chance, that get no pre-labels"
    )
    activity_days: int = Field(
        default=90, ge=0, description="days after which the page's signs of life are removed; 0: never"
    )
    access_log_days: int = Field(
        default=0, ge=0, description="days after which rows of who looked at media are removed; 0: never"
    )
    worker_memory_bytes: int = Field(default=4 * 2**30, ge=256 * 2**20, description="memory that one worker may use")
    workers: int = Field(default=1, ge=1, le=64, description="processes that open, decode and remux captures")
    exports: Path | None = Field(
        default=None,
        description="folder in which the service makes exports, with Ray one that all nodes have; default: in the data",
    )
    export_days: int = Field(
        default=14, ge=0, description="days after which a finished export that the service made is removed; 0: never"
    )
    bulk: BulkSettings = Field(default=BulkSettings(), description="where bulk work is done, a table of its own")
    security_log: SecurityLogSettings = Field(
        default=SecurityLogSettings(), description="where the security log is sent, a table of its own"
    )
    scan: ScanSettings = Field(default=ScanSettings(), description="the virus scanner, a table of its own")

    @field_validator("database")
    @classmethod
    def _is_database(cls, value: str | None) -> str | None:
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("an address like postgresql://user@host/name is expected")
        return value or None

    @field_serializer("database")
    def _without_password(self, value: str | None) -> str | None:
        """What is logged and printed."""
        return value and without_password(value)

    @field_validator("blobs", "staging")
    @classmethod
    def _is_bucket(cls, value: str | None) -> str | None:
        if value and ADDRESS.fullmatch(value) is None:
            raise ValueError("an address like s3://bucket/folder is expected")
        return value or None

    @field_validator("s3_endpoint", "link_endpoint")
    @classmethod
    def _is_endpoint(cls, value: str | None) -> str | None:
        found = urlsplit(value or "")
        if value and (found.scheme not in ("http", "https") or not found.hostname or "@" in found.netloc):
            raise ValueError("an address like https://s3.example.org is expected, without credentials")
        return value or None

    @field_validator("link_endpoint")
    @classmethod
    def _is_origin(cls, value: str | None) -> str | None:
        found = urlsplit(value or "")
        if value and f"{found.scheme}://{found.netloc}" != value.rstrip("/"):
            raise ValueError("an address like https://s3.example.org is expected, without a path")
        return value.rstrip("/") if value else None

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("an address like https://gleaner.example.org is expected")
        return value.rstrip("/") if value else None

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, value: Any) -> Any:
        given = [piece.strip() for piece in value.split(",") if piece.strip()] if isinstance(value, str) else value
        return tuple(str(ipaddress.ip_network(network)) for network in given)

    @field_validator("upload_origins", mode="before")
    @classmethod
    def _are_origins(cls, value: Any) -> Any:
        given = [piece.strip() for piece in value.split(",") if piece.strip()] if isinstance(value, str) else value
        for origin in given:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                raise ValueError(f"an origin like https://lab.example.org is expected, not {origin}")
        return tuple(given)

    @field_validator("tls_names", mode="before")
    @classmethod
    def _are_names(cls, value: Any) -> Any:
        given = [piece.strip() for piece in value.split(",") if piece.strip()] if isinstance(value, str) else value
        for name in given:
            if host_name(name) != name.lower().strip("[]"):
                raise ValueError(f"a host name or address is expected, not {name}")
        return tuple(name.lower().strip("[]") for name in given)

    @model_validator(mode="after")
    def _has_both_files(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        return self

    @property
    def serves_https(self) -> bool:
        """With a certificate of the settings, or with one of its own when it listens beyond this machine."""
        return self.tls_cert is not None or not (self.insecure_http or is_loopback(self.host))

    @property
    def has_own_authority(self) -> bool:
        """Whether who connects to `url` is shown a certificate of the collector's own authority."""
        return self.serves_https and self.tls_cert is None and self.public_url is None

    @model_validator(mode="after")
    def _can_link(self) -> Self:
        if self.link_endpoint is not None and self.blobs is None:
            raise ValueError("link_endpoint needs media on an S3 server: set blobs")
        if self.link_endpoint is not None and self.is_https and self.link_endpoint.startswith("http:"):
            raise ValueError("link_endpoint has to be https, as the page is: browsers load nothing else into it")
        return self

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.review_only and self.database is None:
            raise ValueError("review_only needs a PostgreSQL database: set database")
        return self

    @property
    def row_ages(self) -> RowAges:
        return RowAges(self.activity_days, self.access_log_days)

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https:")

    @property
    def url(self) -> str:
        """The address to tell people and devices."""
        if self.public_url:
            return self.public_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else "[::1]" if self.host == "::" else self.host
        scheme = "https" if self.serves_https else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    @property
    def page_cookie(self) -> str:
        """The name of the cookie of the page's sign-in; two collectors on one machine have two, and the processes
        behind one public address have one.
        """
        public = urlsplit(self.public_url or "")
        port = (public.port or {"https": 443, "http": 80}[public.scheme]) if self.public_url else self.port
        return f"{'__Host-' if self.is_https else ''}gleaner-page-{port}"

    @property
    def work(self) -> Work:
        """Whether others may take uploads and do jobs on the same database: where none of these is in a folder."""
        if self.review_only:
            return "none"
        return "together" if self.database and self.blobs and self.staging else "alone"

    @property
    def keys_folder(self) -> Path:
        return self.data / "keys"

    @property
    def keys(self) -> KeyFolder:
        return KeyFolder(self.keys_folder, self.master_key)

    @property
    def certificate_folder(self) -> Path:
        """Where the certificate and its key lie, which the server reads as a plain file: with a master key in memory,
        if systemd (or who runs a container) gives the service a folder there.
        """
        runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        return Path(runtime) if self.master_key is not None and runtime else self.keys_folder

    @property
    def authority_file(self) -> Path:
        """The certificate of the collector's own authority, PEM."""
        return self.keys_folder / "authority.pem"

    @property
    def staging_folder(self) -> Path:
        """Where uploads lie without an address."""
        return self.data / "staging"

    @property
    def blobs_folder(self) -> Path:
        """Where they are without an address."""
        return self.data / "blobs"

    @property
    def exports_folder(self) -> Path:
        """Where the service makes exports, and has finished ones unless media are on an S3 server."""
        return self.data / "exports" if self.exports is None else self.exports

    @property
    def blobs_location(self) -> BlobsLocation:
        if self.blobs is None:
            return BlobsLocation(self.blobs_folder)
        copies = self.data / "blob-copies"
        return BlobsLocation(
            copies, self.blobs, self.s3_endpoint, self.s3_region, self.blob_cache_bytes, self.link_endpoint
        )

    @property
    def linked_media(self) -> str | None:
        """The address below which the page may load media from the S3 server; None: nowhere."""
        if self.blobs is None or self.link_endpoint is None:
            return None
        place = S3Place(self.blobs)
        return f"{object_address(self.link_endpoint, place.bucket, place.prefix, BLOBS_FOLDER)}/"

    @property
    def staging_place(self) -> S3Place | None:
        return None if self.staging is None else S3Place(self.staging, self.s3_endpoint, self.s3_region)

    @property
    def logs_folder(self) -> Path:
        return self.data / "logs"

    @property
    def address_file(self) -> Path:
        """Where a running service says how to reach it on this machine."""
        return self.data / "service.json"


def without_password(address: str) -> str:
    """The address of a database for logs and people: without names and passwords."""
    return _SECRET.sub("…", address)


def check_flag(address: str, variable: str = f"{ENVIRONMENT_PREFIX}DATABASE") -> None:
    """Raises SettingsInvalid: the address of a database on a command line has a password."""
    if _HAS_PASSWORD.search(address):
        raise SettingsInvalid(
            "The address of the database has a password, which everybody on this machine could read in the list of"
            " processes.",
            hint=f"Put it into PGPASSFILE or a service file, or the whole address into {variable}.",
        )


def load_settings(flags: dict[str, Any] | None = None, file: Path | None = None) -> Settings:
    """The settings in force. `flags` with the value None were not given.

    Raises:
        SettingsInvalid: a value is not possible, or the TOML file cannot be read.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsInvalid(f"The settings file {file} cannot be read: {error}.") from error
    for name in Settings.model_fields:
        from_environment = os.environ.get(ENVIRONMENT_PREFIX + name.upper())
        if from_environment is not None:
            values[name] = from_environment
    for table, members in TABLES.items():
        for name in members.model_fields:
            from_environment = os.environ.get(f"{ENVIRONMENT_PREFIX}{table.upper()}_{name.upper()}")
            if from_environment is not None:
                values[table] = {**values.get(table, {}), name: from_environment}
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    check_flag(given.get("database", ""))
    values |= given
    values.setdefault("master_key", credential_file())
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        what = f"The setting {name} is" if name else "The settings are"
        raise SettingsInvalid(f"{what} not valid: {first['msg']}.") from error
