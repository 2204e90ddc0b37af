from __future__ import annotations

from pathlib import Path

import pytest

from tests.prelabel.labelling.made import planted_model


@pytest.fixture
def model(tmp_path: Path) -> str:
    return planted_model(tmp_path)
