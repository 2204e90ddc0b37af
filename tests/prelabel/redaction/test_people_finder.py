"""The finder: both detectors or none, floors that let weak faces through, and only what is on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prelabel.models import catalogue
from prelabel.redaction import people_finder
from prelabel.redaction.people_finder import PeopleFinder, RedactionUnavailable, from_catalogue, voice_from_catalogue
from tests import needs
from tests.prelabel.redaction import colours as c


@pytest.mark.parametrize("missing", ["faces", "people"])
def test_one_detector_is_not_enough(tmp_path: Path, missing: str) -> None:
    one = c.detector(tmp_path / "one", [c.BLUE], "person")
    rows = {"faces": one, "people": one, missing: None}
    with pytest.raises(RedactionUnavailable, match="one for people"):
        PeopleFinder(**rows)  # type: ignore[arg-type]


def test_a_model_that_knows_no_people_is_refused(tmp_path: Path) -> None:
    one = c.detector(tmp_path / "one", [c.BLUE], "face")
    with pytest.raises(RedactionUnavailable, match="planted does not find people"):
        PeopleFinder(one, one)


def test_dim_pictures_are_brightened_and_dark_ones_not_believed(tmp_path: Path) -> None:
    """A blue that the network knows only at full light is found at a third of it."""
    finder = c.finder(tmp_path)
    picture = np.full((c.HEIGHT, c.WIDTH, 3), 100, np.uint8)
    picture[100:150, 200:240] = c.BLUE
    dim = (picture.astype(float) * 0.4).astype(np.uint8)
    assert finder.find(picture).faces and finder.find(dim).faces and not finder.find(dim).dark
    assert finder.find((picture * 0.05).astype(np.uint8)).dark


def test_nothing_is_fetched_for_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache and no folder: one sentence that says what to pull, and no network is used."""
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path))
    monkeypatch.setenv("GLEANER_MODELS", "")
    for make, name in ((from_catalogue, people_finder.FACES), (voice_from_catalogue, people_finder.VOICE)):
        with pytest.raises(RedactionUnavailable, match=name) as refused:
            make()
        assert refused.value.exit_code == 3 and f"gleaner prelabel pull {name}" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_catalogue_has_what_redaction_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = needs.testdata("models/yolox_nano.onnx").parent
    monkeypatch.setenv("GLEANER_MODELS", str(folder))
    needs.need(catalogue.available(people_finder.FACES), f"gleaner prelabel pull {people_finder.FACES}")
    finder = from_catalogue(960)
    assert [row.name for row in finder.sources] == [people_finder.FACES, people_finder.PEOPLE]
    photo = catalogue.locate("photo-person")
    needs.need(photo, "gleaner prelabel pull photo-person")
    import cv2

    seen = finder.find(cv2.imread(str(photo)))
    assert len(seen.faces) == 1 and seen.faces[0].score > 0.8 and len(seen.people) == 1
