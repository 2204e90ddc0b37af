"""A whole session in the simulated room with masks: what lies on the disk shows no face, also after kill -9."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from device_agent.agent import Agent
from device_agent.events import Event, Restarted, TakeFailed
from device_agent.labelling.models import Models
from device_agent.record.times import read_stamps
from device_agent.sensors.pictures import planes
from device_agent.session.journal import Happened, Header
from device_agent.session.journal import read as read_journal
from device_agent.session.record import replay
from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from device_agent.takes.streams import VideoStream
from prelabel.image.detector import open_detector
from prelabel.models.package import open_model
from prelabel.redaction.people_finder import RedactionUnavailable
from tests.device_agent import masked_agent
from tests.support.take_bench import HandCamera
from wire.capture import CaptureManifest, FrameTable, Redacted, device_time_us
from wire.parent import bound
from wire.redaction import MaskRecord

SURE = 0.35  # a face network gives the flat shade of a masked head at most 0.14
SHADE = 48


def frames(media: bytes) -> list[np.ndarray]:
    """Every frame that can be decoded, I420."""
    found: list[np.ndarray] = []
    try:
        with av.open(io.BytesIO(media)) as container:
            for frame in container.decode(video=0):
                found.append(frame.to_ndarray(format="yuv420p"))
    except av.error.FFmpegError:
        pass  # the file of a process that was killed
    return found


def faces(picture_bgr: np.ndarray) -> list[float]:
    found = open_detector(open_model("centerface")).detect(cv2.resize(picture_bgr, (640, 360)), SURE)
    return [round(one.score, 2) for one in found]


def bgr(i420: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420))


def masked_share(luma: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """How much of the ellipse in a box is the flat shade of a mask."""
    x, y, width, height = box
    ellipse = np.zeros(luma.shape, np.uint8)
    cv2.ellipse(ellipse, ((x + width / 2, y + height / 2), (width, height), 0), 255, -1)
    inside = luma[ellipse > 0].astype(int)
    return float((np.abs(inside - SHADE) <= 12).mean()) if inside.size else 1.0


def test_a_masked_session_from_consent_to_spool(tmp_path: Path) -> None:
    masked_agent.need_models()
    agent = masked_agent.agent(tmp_path, seconds=4)
    try:
        agent.start()
        record = agent.run()
        assert record is not None and record.state == "finished"
        room = agent._room
        assert room is not None
        rows = {row.header.medium: row for row in agent.spool.pending()}
        assert set(rows) == {"video", "image"}
        manifests = {medium: CaptureManifest.read(row.manifest or b"") for medium, row in rows.items()}
        parts = {
            medium: {name: agent.spool.read(row.capture, name, 0, 1 << 30) for name in row.parts}
            for medium, row in rows.items()
        }
    finally:
        agent.stop()
    manifest = manifests["video"]
    assert manifest.complete and manifest.redaction is not None and (manifest.redaction.faces or 0) >= 1
    table = FrameTable.read(parts["video"]["frames"])
    shown = frames(parts["video"]["media"])
    assert len(shown) == len(table.times_us) == manifest.frames
    with_face: list[int] = []
    for number, (i420, media_us) in enumerate(zip(shown, table.times_us, strict=True)):
        box = room.boxes_at(device_time_us(manifest.clock_map, media_us)).get("face")
        if box is not None:
            with_face.append(media_us)
            # Of a face at the edge the truth's box is what is left of it, whose ellipse is none of the face.
            whole = box[0] > 1 and box[0] + box[2] < 1279
            assert masked_share(i420[:720], box) >= (0.95 if whole else 0.8), f"frame {number}"
        if number % 10 == 0:
            assert faces(bgr(i420)) == [], f"frame {number}"
    assert with_face and with_face[-1] - with_face[0] > 800_000, "the walk has a face in it for a second at least"
    masks = MaskRecord.read(parts["video"]["redaction"])
    assert masks.capture == manifest.capture and masks.frames == len(shown) and masks.frames_masked >= len(with_face)

    still = manifests["image"]
    assert still.redaction is not None and (still.redaction.faces or 0) >= 1
    picture = cv2.imdecode(np.frombuffer(parts["image"]["media"], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and faces(picture) == []
    # Without a mask the same network finds the face of this room: the assertions above can fail.
    target = np.zeros((1080, 1280), np.uint8)
    at_us = still.clock_map[0][1]
    room.compose(at_us, 1, planes(target, 1280, 720))
    assert faces(bgr(target))


def test_after_kill_9_only_masked_frames_are_on_the_disk(tmp_path: Path) -> None:
    masked_agent.need_models()
    process = subprocess.Popen([sys.executable, "-m", "tests.device_agent.masked_agent", str(tmp_path)], **bound())
    captures = tmp_path / "state" / "spool" / "captures"
    try:
        until = time.monotonic() + 180
        while not any(len(read_stamps(path.read_bytes())) > 30 for path in captures.glob("*/times")):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    spool = Spool(tmp_path / "state" / "spool")
    try:
        assert len(recover(spool)) == 1
        (row,) = [row for row in spool.pending() if row.header.medium == "video"]
        manifest = CaptureManifest.read(row.manifest or b"")
        assert not manifest.complete and manifest.redaction == Redacted()
        shown = frames(spool.read(row.capture, "media", 0, 1 << 30))
    finally:
        spool.close()
    assert len(shown) > 10
    for i420 in shown[::5]:
        assert faces(bgr(i420)) == []
    dark = [float((np.abs(i420[:720].astype(int) - SHADE) <= 6).mean()) for i420 in shown[:10]]
    assert min(dark) > 0.005, "somebody stands there from the first frame on, under a mask"
    # The session goes on, and its record says what the kill has cost.
    agent = masked_agent.agent(tmp_path, seconds=30)
    agent.stop()
    (journal,) = (tmp_path / "state" / "sessions").glob("*/journal.jsonl")
    entries = read_journal(journal)
    header = entries[0]
    assert isinstance(header, Header)
    broken = TakeFailed(replay(entries).takes[-1].take, "The detectors failed.", "redaction-failed")
    expected: dict[Event, str] = {
        Restarted(): "interrupted: the last 1 s waited in memory to be masked and are lost",
        broken: "The detectors failed. [redaction-failed]",
    }
    for event, reason in expected.items():
        torn = replay([*entries, Happened(event, 1, header.started_at)]).takes[-1]
        assert (torn.state, torn.reason) == ("torn", reason)


def test_without_its_models_nothing_of_a_session_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sensor is built, no consent is asked for, the spool is not even made."""
    monkeypatch.setenv("GLEANER_MODELS", "")
    monkeypatch.setenv("GLEANER_CACHE", str(tmp_path / "empty"))
    state = tmp_path / "state"
    with pytest.raises(RedactionUnavailable) as caught:
        Agent(
            masked_agent.settings(state), masked_agent.CREDENTIALS, masked_agent.plan(tmp_path, 4), Models(),
            lambda _: None,
        )  # fmt: skip
    assert caught.value.code == "redaction-unavailable" and caught.value.exit_code == 3
    assert "gleaner prelabel pull" in str(caught.value)
    assert not state.exists()


@pytest.mark.parametrize(("page_host", "shown"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_the_picture_of_the_session_page_stays_on_this_machine(tmp_path: Path, page_host: str, shown: bool) -> None:
    """The preview is not masked: it is shown on the device itself and sent nowhere else."""
    masked_agent.need_models()
    agent = masked_agent.agent(tmp_path, 4, page_host)
    camera = HandCamera()
    agent._video = VideoStream(camera, lambda *_: None, lambda _: None)
    try:
        agent._video.deliver(camera.frame())
        assert (agent.preview() is not None, agent.snapshot().preview) == (shown, shown)
    finally:
        agent.stop()
    assert not list((tmp_path / "state").rglob("*.jpg"))
