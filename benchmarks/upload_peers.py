"""What uploads are compared with: a bare granian that syncs what it wrote, tuspyserver, the disk and the hash alone.

The servers run in processes of their own and write into the folder INGEST_DIR. tuspyserver is not part of the project:
`peers_python` makes a throw-away environment for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PACKAGES = ("tuspyserver", "fastapi", "uvicorn", "httptools", "uvloop")
PIP_SECONDS = 120.0
BLOCK_BYTES = 1 << 20


def bare() -> Any:
    """PUT /NAME: the body is written as it comes, at `Upload-Offset`, synced, answered. For `granian --factory`."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    folder = Path(os.environ["INGEST_DIR"])

    async def put(request: Request) -> Response:
        fd = os.open(folder / request.path_params["name"], os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.lseek(fd, int(request.headers["upload-offset"]), os.SEEK_SET)
            async for chunk in request.stream():
                os.write(fd, chunk)
            await asyncio.to_thread(os.fdatasync, fd)
        finally:
            os.close(fd)
        return Response(status_code=201)

    return Starlette(routes=[Route("/{name}", put, methods=["PUT"])])


def tuspyserver() -> Any:
    """tus at /files with the store that syncs what it writes. For `uvicorn --factory`."""
    from fastapi import FastAPI

    folder = os.environ["INGEST_DIR"]
    storage = importlib.import_module("tuspyserver.storage.local").LocalFileStorage(folder)
    app = FastAPI()
    router = importlib.import_module("tuspyserver").create_tus_router(prefix="files", files_dir=folder, storage=storage)
    app.include_router(router)
    return app


def bare_command(port: int) -> list[str]:
    words = ["--interface", "asginl", "--http", "1", "--no-ws", "--no-log", "--workers", "1", "--factory"]
    return [sys.executable, "-m", "granian", *words, "--port", str(port), "benchmarks.upload_peers:bare"]


def tuspyserver_command(python: Path, port: int) -> list[str]:
    words = ["--loop", "uvloop", "--http", "httptools", "--log-level", "error", "--factory"]
    return [str(python), "-m", "uvicorn", *words, "--port", str(port), "benchmarks.upload_peers:tuspyserver"]


def peers_python(folder: Path) -> Path | None:
    """An interpreter that has tuspyserver, new in `folder`; None where its packages cannot be had."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    try:
        subprocess.run(words, check=True, timeout=PIP_SECONDS, stderr=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return python


def hash_bytes(size: int) -> None:
    """What the sha256 of an upload takes at least, in one thread."""
    block, digest = os.urandom(BLOCK_BYTES), hashlib.sha256()
    for _ in range(size // BLOCK_BYTES):
        digest.update(block)


def write_to_disk(path: Path, size: int) -> float:
    """Seconds that a sequential write of `size` bytes takes with its sync; no network, no checks."""
    block = os.urandom(BLOCK_BYTES)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        began = time.perf_counter()
        for _ in range(size // BLOCK_BYTES):
            os.write(fd, block)
        os.fdatasync(fd)
        return time.perf_counter() - began
    finally:
        os.close(fd)
        path.unlink()
