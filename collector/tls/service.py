"""Which certificate the service shows, under which names, and the task that makes it anew while the service runs."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.devices.announcement import own_addresses
from collector.settings import Settings, SettingsInvalid
from collector.shared_keys import SharedKeys
from collector.store.blobs_local import disk_errors
from collector.tls.authority import AUTHORITY, AUTHORITY_KEY, SERVER, SERVER_KEY, new_authority, renew_certificate
from wire.errors import GleanerError

log = logging.getLogger("gleaner.collector")
CHECK_SECONDS = 600.0


@dataclass(frozen=True)
class TlsFiles:
    """`trust`: what a client on this machine trusts. `is_own`: of the collector's own authority."""

    certificate: Path
    key: Path
    trust: Path
    is_own: bool


def tls_files(settings: Settings, now: datetime) -> TlsFiles | None:
    """The files of the service's certificate, made where it is its own; None: it speaks plain HTTP.

    Raises:
        SettingsInvalid: the certificate or key of the settings cannot be used.
        KeyFileDamaged, StorageUnusable.
    """
    if not settings.serves_https:
        return None
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            files = f"{settings.tls_cert} and {settings.tls_key}"
            raise SettingsInvalid(f"{files} are not a certificate and its key: {error}.") from error
        return TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_cert, is_own=False)
    folder = settings.certificate_folder
    with disk_errors("The certificate cannot be written"):
        renew_certificate(settings.keys, folder, names_of(settings), now)
        if folder != settings.keys_folder:
            settings.keys.path(SERVER_KEY).unlink(missing_ok=True)  # of before
    return TlsFiles(folder / SERVER, folder / SERVER_KEY, settings.authority_file, is_own=True)


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """For the service's side of connections: TLS 1.3 alone, as clients of Gleaner and browsers have it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def share_authority(settings: Settings, keys: SharedKeys, now: datetime) -> None:
    """Have the authority that the other processes on this database have, if this one has its own certificate.

    Raises:
        MasterKeyWrong, SharedKeyDiffers.
    """
    if settings.serves_https and settings.tls_cert is None:
        keys.share("authority", (AUTHORITY_KEY, AUTHORITY), lambda: new_authority(now))


def names_of(settings: Settings) -> list[str]:
    """The host names and addresses in the certificate, each once."""
    own = socket.gethostname().lower()
    names = ["localhost", "127.0.0.1", "::1", own, f"{own.partition('.')[0]}.local", *own_addresses(settings.host)]
    if settings.host not in ("0.0.0.0", "::", ""):
        names.append(settings.host)
    return list(dict.fromkeys([*names, *settings.tls_names]))


async def renew_in_time(
    settings: Settings,
    changed: Callable[[], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    every_seconds: float = CHECK_SECONDS,
) -> None:
    """Make the own certificate anew before it ends, and when the machine got other addresses. Ends when cancelled.

    `changed` is called on the event loop after each one that was made.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            with disk_errors("The certificate cannot be written"):
                names, folder = names_of(settings), settings.certificate_folder
                is_new = await asyncio.to_thread(renew_certificate, settings.keys, folder, names, now())
        except GleanerError as error:
            log.error("the certificate was not renewed, and is tried again: %s", error)
            continue
        if is_new:
            log.warning("the service has a new certificate")
            changed()
