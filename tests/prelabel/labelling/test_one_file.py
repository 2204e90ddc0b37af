"""One file through one model: whose document it is, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from prelabel.labelling.many_files import InProcess, label_files
from prelabel.labelling.one_file import FileMissing, ModelUnsuited, NotMedia, describe, label_file, medium_of
from tests.prelabel import graphs
from tests.prelabel.labelling.made import picture
from tests.support.recordings import wav
from wire.labels import Inference, LabelsDocument


def test_a_document_names_file_and_model(tmp_path: Path, model: str) -> None:
    path = picture(tmp_path / "a.png")
    found = label_file({"path": str(path), "model": model})
    document = LabelsDocument.read(found["document"])
    assert document.source.model_copy(update={"settings": None}) == describe(model).source
    assert set(document.settings) == {document.source.settings}
    assert document.capture == found["media"]["sha256"]
    (cup,) = document.to_json()["labels"]
    assert (cup["kind"], cup["label"]) == ("box", "cup")
    assert [cup[side] for side in ("x", "y", "width", "height")] == pytest.approx([10, 12, 20, 16], abs=0.5)


def test_the_result_says_when_and_how_long_and_the_document_is_the_same_each_time(tmp_path: Path, model: str) -> None:
    asked = {"path": str(picture(tmp_path / "a.png")), "model": model}
    before = datetime.now(UTC)
    found = label_file(asked)
    made = Inference.model_validate(found["inference"])
    assert before <= made.began_at and made.began_at + timedelta(milliseconds=made.computed_ms - 1) <= datetime.now(UTC)
    assert LabelsDocument.read(found["document"]).inference is None
    assert label_file(asked)["document"] == found["document"]


def test_a_capture_keeps_its_id(tmp_path: Path, model: str) -> None:
    path = picture(tmp_path / "a.png")
    found = label_file({"path": str(path), "model": model, "capture": "cap-7", "medium": "image"})
    assert found["document"]["capture"] == "cap-7"
    assert found["media"] == {"sha256": None, "bytes": path.stat().st_size, "medium": "image"}


def test_what_cannot_be_labelled(tmp_path: Path, model: str) -> None:
    text = tmp_path / "a.jpg"
    text.write_text("not a picture\n")
    with pytest.raises(FileMissing, match="There is no file"):
        label_file({"path": str(tmp_path / "none.png"), "model": model})
    with pytest.raises(NotMedia):
        label_file({"path": str(text), "model": model})
    with pytest.raises(ModelUnsuited, match=r"planted labels videos and stills; .* is sound"):
        label_file({"path": str(picture(tmp_path / "b.png")), "model": model, "medium": "audio"})


def test_media_are_known_by_content(tmp_path: Path) -> None:
    assert medium_of(picture(tmp_path / "a.png").rename(tmp_path / "a.mp4")) == "image"


def test_progress_is_told_within_a_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.zeros(16_000 * 3, np.int16), 16_000))
    package = graphs.save_package(tmp_path / "voice", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"]))
    told: list[tuple[int, int | None]] = []
    alone = InProcess()
    alone.progress = lambda done, whole: told.append((done, whole))
    (outcome,) = label_files([path], {"model": str(package)}, alone, 1)
    assert outcome.code is None
    assert told == sorted(told) and told[-1] == (3_000_000, 3_000_000)
