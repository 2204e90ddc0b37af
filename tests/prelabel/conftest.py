"""What several folders of these tests want: the catalogue's model of voices, opened once a file."""

from __future__ import annotations

import pytest

from prelabel.audio.vad import VadModel
from prelabel.models import catalogue
from prelabel.models.package import open_model
from tests import needs


@pytest.fixture(scope="module")
def silero() -> VadModel:
    try:
        return VadModel(open_model("silero-vad"))
    except catalogue.ModelUnavailable as error:
        needs.need(False, str(error))
        raise
