"""Run the service in this process: uvicorn on one loop, one process to end.

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
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from collector.app import create_app
from collector.devices.announcement import Announcement
from collector.http.connection import IDLE_SECONDS, MAX_CONNECTIONS, HttpConnection
from collector.ingest.locks import UploadLocks
from collector.local_service import publish_service
from collector.services import services_of
from collector.settings import Settings
from collector.store.blobs_local import disk_errors
from collector.tls.service import renew_in_time, tls_context, tls_files
from collector.watchdog import feed_watchdog, notify_systemd
from http_shell.ports import bind_port
from http_shell.serving import server_config
from wire.files import write_whole

log = logging.getLogger("gleaner.collector")
LAST_REQUESTS_SECONDS = 2
MAX_OPEN_FILES = 8192
REUSED_BYTES = 16 << 20
MAPPED_BYTES = 4 << 20  # larger pieces of memory are the kernel's own, and given back when freed
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
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
    with bind_port(settings.host, settings.port) as bound:
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        asyncio.run(_serve(create_app(settings), settings, bound, ready, ready_file))


async def _serve(app: FastAPI, settings: Settings, bound: socket.socket, ready: Ready, ready_file: Path | None) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with app.router.lifespan_context(app):
        # After the start of the service: then the authority that others share is in the folder of the keys.
        tls = await asyncio.to_thread(tls_files, settings, datetime.now(UTC))
        context = None if tls is None else tls_context(tls)
        server = HttpServer(app, context)
        announcement = Announcement(settings, services_of(app).receipt_key)
        task = asyncio.create_task(server.serve([bound]))
        renewal = None
        if tls is not None and context is not None and tls.is_own:
            # New connections have the new certificate; those that are open end in their own time.
            changed = partial(context.load_cert_chain, tls.certificate, tls.key)
            renewal = asyncio.create_task(renew_in_time(settings, changed))
        try:
            await server.listening(task)
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
            server.should_exit = True
            await task
        finally:
            if renewal is not None:
                renewal.cancel()
            await asyncio.to_thread(announcement.stop)
            _delete_address(settings.address_file)


class HttpServer(uvicorn.Server):
    """uvicorn as the service uses it: what ends it is `should_exit`."""

    def __init__(self, app: ASGIApp, context: ssl.SSLContext | None) -> None:
        """`context`: None for plain HTTP."""
        super().__init__(
            server_config(
                app,
                last_requests_seconds=LAST_REQUESTS_SECONDS,
                http=HttpConnection,
                backlog=MAX_CONNECTIONS,
                timeout_keep_alive=IDLE_SECONDS,
                ssl_context_factory=None if context is None else lambda *_: context,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The service ends in an order of its own (`_serve`)."""
        yield

    async def listening(self, serving: asyncio.Task[None]) -> None:
        """Return when connections are taken. Raises what `serving`, the task of `serve`, raises before."""
        while not self.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)


def _delete_address(file: Path) -> None:
    # A folder that became read-only is no reason to end badly: whoever reads the file finds nobody answering.
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the file %s could not be removed: %s", file, error.strerror)
