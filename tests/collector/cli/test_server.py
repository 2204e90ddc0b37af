"""A new certificate while the server runs: new connections have it, open ones end in their own time."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector.cli.server import HttpServer
from collector.key_folder import KeyFolder
from collector.tls.authority import AUTHORITY, SERVER, SERVER_KEY, SERVER_LIFE, renew_certificate
from collector.tls.service import TlsFiles, tls_context
from http_shell.ports import bind_port


def test_a_new_certificate_is_taken_without_a_restart(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    renew_certificate(KeyFolder(tmp_path), tmp_path, ["127.0.0.1"], now - SERVER_LIFE * 0.8)
    files = TlsFiles(tmp_path / SERVER, tmp_path / SERVER_KEY, tmp_path / AUTHORITY, is_own=True)
    trusted = ssl.create_default_context(cafile=files.trust)
    release: list[asyncio.Event] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            release.append(asyncio.Event())
            await release[0].wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def ask(port: int, path: str) -> tuple[str, bytes]:
        """The hash of the certificate shown, and the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return hashlib.sha256(shown).hexdigest(), answer

    async def scene() -> None:
        with bind_port("127.0.0.1", 0) as bound:
            port: int = bound.getsockname()[1]
            context = tls_context(files)
            server = HttpServer(app, context)
            serving = asyncio.create_task(server.serve([bound]))
            await server.listening(serving)

            async def answered() -> str:
                shown, answer = await ask(port, "/")
                assert answer.endswith(b"ok")
                return shown

            first = await answered()
            slow = asyncio.create_task(ask(port, "/slow"))
            while not release:
                await asyncio.sleep(0.01)
            assert renew_certificate(KeyFolder(tmp_path), tmp_path, ["127.0.0.1"], now)
            context.load_cert_chain(files.certificate, files.key)
            assert await answered() != first
            release[0].set()
            shown, answer = await slow
            assert shown == first and answer.endswith(b"ok"), "a request under way is answered"
            server.should_exit = True
            await serving

    asyncio.run(asyncio.wait_for(scene(), 60))
