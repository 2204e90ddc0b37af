"""A collector process that answers over HTTPS."""

from __future__ import annotations

from pathlib import Path

from collector.tls.authority import SERVER, SERVER_KEY
from tests.collector.running import Collector


def collector_with_certificate(data: Path, folder: Path) -> Collector:
    """With the certificate of this folder, as somebody who has one of their own starts it; not started yet."""
    names = {"GLEANER_COLLECTOR_TLS_CERT": SERVER, "GLEANER_COLLECTOR_TLS_KEY": SERVER_KEY}
    return Collector(data, **{name: str(folder / file) for name, file in names.items()})
