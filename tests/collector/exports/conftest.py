"""A data folder for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.review.filled import Filled


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    data = Filled(tmp_path / "data")
    yield data
    data.db.close()
