"""From a script with a redaction to what a reviewer sees of it: masked on the device, said so at the collector."""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from prelabel.image.detector import open_detector
from prelabel.models.catalogue import available
from prelabel.models.package import open_model
from tests import needs
from tests.end_to_end.installation import Installation

MASKED = str(Path(__file__).parent / "masked.yaml")
SURE = 0.35


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks and the photographs are on this machine."""
    monkeypatch.setenv("GLEANER_MODELS", str(needs.testdata("models")))
    for name in ("yolox-nano", "centerface", "silero-vad", "photo-person", "photo-cup"):
        needs.need(available(name), f"{name} is not here: gleaner prelabel pull {name}")


def faces(picture_bgr: np.ndarray) -> list[float]:
    found = open_detector(open_model("centerface")).detect(cv2.resize(picture_bgr, (640, 360)), SURE)
    return [round(one.score, 2) for one in found]


@pytest.mark.usefixtures("near")
def test_a_masked_session_reaches_the_collector_without_a_face(installation: Installation) -> None:
    installation.start_agent(MASKED)
    facts = installation.finish_agent()
    assert (facts["takes"], facts["lost"]) == (2, 0)
    views = {}
    for row in installation.rows("SELECT id, medium FROM capture"):
        views[row["medium"]] = installation.get(f"/api/captures/{row['id']}")
    assert set(views) == {"image", "video", "audio"}
    assert views["video"]["redaction"]["faces"] >= 1 and views["image"]["redaction"]["faces"] >= 1
    assert views["audio"]["redaction"]["faces"] == 0
    record = installation.get(views["video"]["redaction_url"])
    assert record["capture"] == views["video"]["id"] and record["frames"] == views["video"]["frames"]
    assert {model["name"] for model in record["models"]} == {"centerface", "yolox-nano"}

    with av.open(io.BytesIO(installation.get(f"/api/captures/{views['video']['id']}/media"))) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 10 == 0:
                assert faces(frame.to_ndarray(format="bgr24")) == [], f"frame {number}"
    jpeg = np.frombuffer(installation.get(f"/api/captures/{views['image']['id']}/original"), np.uint8)
    assert faces(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))) == []
    # Everybody is masked, so the boxes of people say no more than the masks: they stay.
    (document,) = installation.get(f"/api/captures/{views['video']['id']}/labels")["documents"]
    assert "person" in {label["label"] for label in document["labels"]}


def test_with_the_models_removed_nothing_is_recorded(installation: Installation) -> None:
    """One sentence, exit 3, and not a byte of a medium."""
    env = {"GLEANER_MODELS": "", "GLEANER_CACHE": str(installation.folder / "empty"), "GLEANER_PRELABELS": "0"}
    done = installation.run(
        "agent", "run", MASKED, "--state", str(installation.state), "--participant", "simulated", "--page-port", "0",
        check=False, env=env,
    )  # fmt: skip
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert "[redaction-unavailable]" in said and "gleaner prelabel pull" in said and "Traceback" not in said
    assert not list(installation.state.rglob("media")) and not list(installation.state.rglob("journal.jsonl"))
    assert installation.rows("SELECT id FROM session") == []
