"""Settings that are tables of the settings file: `[bulk]`, `[security_log]`, `[scan]`.

In the environment a member has the name of its table first: GLEANER_COLLECTOR_SECURITY_LOG_TO.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from http_shell.hosts import is_loopback

SYSLOG_PORTS = {"syslog+tls": 6514, "syslog+tcp": 601}


class BulkSettings(BaseModel):
    """Where bulk work is done: model runs over what is here, and large exports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["local", "ray"] = Field(
        default="local", description="local: processes of this machine; ray: those of a Ray cluster"
    )
    address: str | None = Field(default=None, description="of the head of the Ray cluster, HOST:PORT")
    processes: int | None = Field(
        default=None, ge=1, le=10_000, description="at once; default: local as many as workers, ray all of the cluster"
    )

    @field_validator("address")
    @classmethod
    def _has_a_port(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}", value):
            raise ValueError("an address like 10.0.0.5:6379 is expected, as `ray start --head` prints it")
        return value or None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.engine == "ray") != (self.address is not None):
            raise ValueError('engine = "ray" and the address of its cluster belong together')
        return self


class SecurityLogSettings(BaseModel):
    """Where the lines of the security log are sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str | None = Field(
        default=None, description="syslog server that gets each line, like syslog+tls://log.example.org:6514"
    )
    ca: Path | None = Field(default=None, description="PEM file with the server's authority; default: the system's")
    cert: Path | None = Field(default=None, description="PEM file of a certificate that is shown to the server")
    key: Path | None = Field(default=None, description="PEM file of its key")

    @field_validator("to")
    @classmethod
    def _is_receiver(cls, value: str | None) -> str | None:
        if not value:
            return None
        found = urlsplit(value)
        expected = "an address like syslog+tls://log.example.org:6514 is expected"
        try:
            port = found.port
        except ValueError as error:
            raise ValueError(expected) from error
        is_whole = found.scheme in SYSLOG_PORTS and found.hostname and "@" not in found.netloc and port != 0
        if not is_whole or found.path.strip("/") or found.query or found.fragment:
            raise ValueError(expected)
        if found.scheme == "syslog+tcp" and not is_loopback(found.hostname or ""):
            raise ValueError("syslog+tcp sends names and addresses readable; to another machine use syslog+tls")
        return value

    @model_validator(mode="after")
    def _has_both_files(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together")
        return self


class ScanSettings(BaseModel):
    """The virus scanner that looks at captures before they get a receipt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clamd: str | None = Field(
        default=None, description="address of clamd, like unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310"
    )
    stream_bytes: int = Field(
        default=25 * 2**20, ge=2**20, description="the most that clamd is given at once, its StreamMaxLength"
    )

    @field_validator("clamd")
    @classmethod
    def _is_scanner(cls, value: str | None) -> str | None:
        if not value:
            return None
        found = re.fullmatch(r"unix:/.+|tcp:(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})", value)
        if found is None or not 0 <= int(found["port"] or 0) < 2**16:
            raise ValueError("an address like unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310 is expected")
        if found["host"] and not is_loopback(found["host"]):
            raise ValueError("clamd speaks without encryption: it has to be on this machine, or behind a tunnel")
        return value

    @property
    def place(self) -> str | tuple[str, int]:
        """The path of a socket, or host and port."""
        kind, _, rest = (self.clamd or "").partition(":")
        if kind == "unix":
            return rest
        host, _, port = rest.rpartition(":")
        return host.strip("[]"), int(port)


TABLES: dict[str, type[BaseModel]] = {"bulk": BulkSettings, "security_log": SecurityLogSettings, "scan": ScanSettings}
