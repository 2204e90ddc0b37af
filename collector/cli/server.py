"""Run the service in this process: granian's embedded server, one loop, one process to end.

One process, because SQLite has one writer and because kill -9 of the one pid a person knows must end all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from collector.app import create_app
from collector.devices.announcement import Announcement
from collector.ingest.locks import UploadLocks
from collector.local_service import publish_service
from collector.services import services_of
from collector.settings import Settings
from collector.store.blobs_local import disk_errors
from collector.tls.service import TlsFiles, renew_in_time, tls_files
from collector.watchdog import feed_watchdog, notify_systemd
from http_shell.ports import bind_port
from wire.errors import PortTaken
from wire.files import write_whole

log = logging.getLogger("gleaner.collector")
LAST_REQUESTS_SECONDS = 2.0
MAX_CONNECTIONS = 1024
MAX_OPEN_FILES = 8192
REUSED_BYTES = 16 << 20
MAPPED_BYTES = 4 << 20  # larger pieces of memory are the kernel's own, and given back when freed
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
READ_BYTES = 1 << 20  # at once from one connection; a slow one needs a few KiB
GC_THRESHOLDS = (50_000, 20, 20)


def allow_open_files() -> None:
    """Raise the soft limit of open files as far as the hard one allows: idle connections must not use them all up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def reuse_freed_memory() -> None:
    """Have the C library hold back some memory that was freed, for the next pieces of an upload.

    It would give back every megabyte at once, and have the kernel clear it again: a fifth of the CPU of an upload.
    """
    with contextlib.suppress(OSError, AttributeError):  # musl has no such setting, and does not need it
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, REUSED_BYTES)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)


def freeze_memory() -> None:
    """The objects that exist now stay to the end: the garbage collector need not visit them for every large request.

    Walking holds up every thread, a tenth of a second at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


# Called with the settings that have the port in use, and the name under which the collector is announced, if it is.
Ready = Callable[[Settings, str | None], None]


def serve(settings: Settings, ready: Ready, ready_file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called once, when the port answers and the network knows of it.

    Raises:
        PortTaken, AddressUnusable, DataInUse, DataTooNew, DatabaseFailed, DatabaseLost, KeyFileDamaged,
        ReceiptKeyReplaced, StorageUnusable, SettingsInvalid.
    """
    allow_open_files()
    reuse_freed_memory()
    # granian shares ports (SO_REUSEPORT), so ask here; until it listens, nobody else may be given the same free one.
    with bind_port(settings.host, settings.port) as bound:
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        asyncio.run(_serve(create_app(settings), settings, ready, ready_file))


async def _serve(app: FastAPI, settings: Settings, ready: Ready, ready_file: Path | None) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with app.router.lifespan_context(app):
        # After the start of the service: then the authority that others share is in the folder of the keys.
        tls = await asyncio.to_thread(tls_files, settings, datetime.now(UTC))
        server = _server(app, settings, tls)
        announcement = Announcement(settings, services_of(app).receipt_key)
        task = asyncio.create_task(server.serve())
        renewal = (
            asyncio.create_task(renew_in_time(settings, lambda: _reload(server, tls))) if tls and tls.is_own else None
        )
        try:
            await _listening(settings, task)
            with disk_errors("The address of the service cannot be written"):
                publish_service(settings, os.getpid(), None if tls is None else tls.trust)
                if ready_file is not None:
                    ready_file.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(ready_file, f'{{"url": "{settings.url}", "pid": {os.getpid()}}}'.encode())
            name = await asyncio.to_thread(announcement.start)
            freeze_memory()
            ready(settings, name)
            notify_systemd("READY=1")
            watchdog = asyncio.create_task(feed_watchdog(services_of(app)))
            await asyncio.wait([task, asyncio.ensure_future(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
            notify_systemd("STOPPING=1")
            watchdog.cancel()
            services_of(app).get(UploadLocks).close()
            server.stop()  # type: ignore[no-untyped-call]
            # Requests in the middle get a moment; a sender that fell silent must not hold up the end.
            await asyncio.wait([task], timeout=LAST_REQUESTS_SECONDS)
        finally:
            if renewal is not None:
                renewal.cancel()
            await asyncio.to_thread(announcement.stop)
            _delete_address(settings.address_file)


def _server(app: FastAPI, settings: Settings, tls: TlsFiles | None) -> Server:
    return Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=READ_BYTES),
        websockets=False,
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        log_enabled=False,
        ssl_cert=None if tls is None else tls.certificate,
        ssl_key=None if tls is None else tls.key,
    )


def _reload(server: Server, tls: TlsFiles) -> None:
    """Take new connections with the certificate that is in the files now; those that are open end in their own time."""
    server.build_ssl_context(tls.certificate, tls.key, None, SSLProtocols.tls13, None, [], False)
    server.reload()  # type: ignore[no-untyped-call]


def _delete_address(file: Path) -> None:
    # A folder that became read-only is no reason to end badly: whoever reads the file finds nobody answering.
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the file %s could not be removed: %s", file, error.strerror)


async def _listening(settings: Settings, task: asyncio.Task[None]) -> None:
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    while not task.done():
        try:
            _, writer = await asyncio.open_connection(host, settings.port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        return
    task.result()
    raise PortTaken(f"The port {settings.port} on {settings.host} was taken while the service started.")
