from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A collector that runs and a device that has joined it."""
    made = Installation(tmp_path)
    try:
        made.start_collector()
        made.join()
        yield made
    finally:
        made.close()
