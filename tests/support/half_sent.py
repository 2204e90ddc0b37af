"""A sender who stops in the middle of a request."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from tests.collector.running import Collector, DeviceClient


def raw_patch(
    collector: Collector, device: DeviceClient, location: str, offset: int, length: int, body: bytes = b""
) -> socket.socket:
    """A PATCH whose head was sent, with the beginning of its body; what follows is up to the test."""
    connection = socket.create_connection(("127.0.0.1", collector.port), timeout=30)
    head = (
        f"PATCH {urlsplit(location).path} HTTP/1.1\r\nHost: 127.0.0.1:{collector.port}\r\n"
        f"Authorization: Bearer {device.token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection
