"""A collector process with takes in its queue, sent the way a device sends them, and a browser's way in."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import FORMATS, MODEL, NOW, Sample, SampleTake, session_record
from tests.support import local_http
from tests.support.waiting import until
from tests.web import media
from wire.base import new_id
from wire.capture import CaptureManifest, FrameTable, Medium, Part, Redacted, Wall
from wire.labels import Box, Interval, Keyframe, Keypoints, Label, LabelsDocument, Polygon, Text, Track
from wire.script import LabelSchema
from wire.session import SessionRecord

SESSION = "ses-page"
OPENED_US = 5_000_000
SCHEMA = LabelSchema(
    boxes=["cup", "kettle", "person"], tracks=["person", "cup"], speech=["speech", "noise"], text=["answer"]
)
SENSORS: dict[Medium, str] = {"video": "camera-0", "audio": "microphone-0", "image": "camera-0", "text": "page"}


@dataclass
class House:
    """`takes` grows; each addition sends its captures and a session record of a higher revision."""

    collector: Collector
    device: DeviceClient
    lead: httpx.Client
    takes: list[SampleTake] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    schema: LabelSchema = SCHEMA

    @classmethod
    def start(cls, folder: Path, **environment: str) -> House:
        collector = Collector(folder, **environment)
        collector.start()
        house = cls(collector, collector.device(), local_http.Client(base_url=collector.url, timeout=60))
        house.ask("user-add", name="grace", role="lead")
        house.lead.headers["Authorization"] = f"Bearer {house.ask('user-token', name='grace')['token']}"
        return house

    def ask(self, verb: str, **given: str) -> dict[str, Any]:
        """What `gleaner collector user …` asks of the running service, without a process for each."""
        return self.collector.ask(verb, **given)

    def close(self) -> None:
        self.lead.close()
        self.collector.stop()

    # ------------------------------------------------------------ takes
    def add_still(self, prompt: str = "Hold a cup up to the camera") -> str:
        labels: list[Label] = [
            Box(id="b1", label="cup", score=0.92, x=120, y=196, width=60, height=66),
            Box(id="b2", label="kettle", score=0.41, x=430, y=60, width=130, height=130),
        ]
        return self._add("show", prompt, None, ["boxes"], {"image": (media.still(), labels)}, objects=["cup"])

    def add_crowd(self, count: int) -> str:
        """A still with so many boxes."""
        chance = random.Random(1)
        labels: list[Label] = [
            Box(
                id=f"b{number}",
                label=("cup", "kettle", "person")[number % 3],
                score=round(chance.uniform(0.3, 1), 2),
                x=round(chance.uniform(0, media.WIDTH - 40), 1),
                y=round(chance.uniform(0, media.HEIGHT - 40), 1),
                width=round(chance.uniform(8, 40), 1),
                height=round(chance.uniform(8, 40), 1),
            )
            for number in range(count)
        ]
        return self._add("show", "Show the shelf", None, ["boxes"], {"image": (media.still(), labels)})

    def add_walk(self, prompt: str = "Turn on the kitchen light") -> str:
        """A video with a track and a sound with two regions: a task of tracks and a task of speech."""
        recorded, times = media.video()
        keys = [_keyframe(n, times) for n in (5, 25)]
        hidden = keys[-1].model_copy(update={"frame": 30, "start_us": times[30], "visible": False})
        tracks: list[Label] = [Track(id="t1", label="person", score=0.63, keyframes=[*keys, hidden])]
        sound = media.speech_like([(0.3, 0.9), (1.2, 1.6)], times[-1] / 1e6)
        speech: list[Label] = [
            Interval(id="s1", label="speech", score=0.97, start_us=300_000, end_us=900_000, expected=prompt),
            Interval(id="s2", label="speech", score=0.55, start_us=1_200_000, end_us=1_600_000, expected=prompt),
        ]
        captures = {"video": (recorded, tracks), "audio": (sound, speech)}
        return self._add("say", prompt, prompt, ["tracks", "speech"], captures, times=times)

    def add_heavy_walk(self, frames: int, snowy: int) -> int:
        """A video of a track that is no small file; the bytes of what the device made."""
        recorded, times = media.video(frames, snowy)
        labels: list[Label] = [
            Track(id="t1", label="person", score=0.6, keyframes=[_keyframe(n, times) for n in (5, 25)])
        ]
        self._add("do", "Walk", None, ["tracks"], {"video": (recorded, labels)}, times=times)
        return len(recorded)

    def add_two_cameras(self, later_us: int) -> str:
        """A take of two cameras, the second opened later, with a track in each."""
        take, step = new_id("take"), f"step-{len(self.takes) + 1}"
        recorded, times = media.video()
        sent: list[Sample] = []
        for number, opened in enumerate((OPENED_US, OPENED_US + later_us)):
            keys = [_keyframe(n, times) for n in ((5, 25), (20, 40))[number]]
            labels: list[Label] = [Track(id="t1", label="person", score=0.5 + number / 10, keyframes=keys)]
            made = one_capture("video", self.device.id, take, step, recorded, labels, times)
            where = {"sensor": f"camera-{number}", "opened_us": opened, "clock_map": [(0, opened)]}
            sent.append(Sample(made.manifest.model_copy(update=where), made.parts))
        return self._send(sent, step, "Walk to the door", ["tracks"], kind="do")

    def add_answer(self, typed: str = "Ein roter Becher ☕ und ein Löfel") -> str:
        return self._add("answer", "What did you hold up?", None, ["text"], {"text": (typed.encode(), [])})

    def add_spoken(self, heard: str | None = None) -> str:
        """An answer that was said: eight seconds of sound, and what a recogniser wrote, where one may."""
        labels: list[Label] = []
        if heard is not None:
            labels.append(Text(id="a1", label="answer", score=0.71, text=heard, language="en"))
        sound = media.speech_like([(0.5, 2.1), (2.6, 4.4), (5.2, 7.3)], 8)
        captures = {"audio": (sound, labels)}
        return self._add("answer", "What did you have for breakfast?", None, ["text"], captures, length=8_000_000)

    def _add(
        self,
        kind: str,
        prompt: str,
        expected: str | None,
        reviews: list[str],
        captures: dict[Any, tuple[bytes, list[Label]]],
        *,
        objects: list[str] | None = None,
        times: list[int] | None = None,
        redaction: Redacted | None = None,
        length: int | None = None,
        channels: int = 1,
    ) -> str:
        take = new_id("take")
        step = f"step-{len(self.takes) + 1}"
        sent = [
            one_capture(
                medium,
                self.device.id,
                take,
                step,
                data,
                labels,
                times if medium == "video" else None,
                redaction,
                length,
                channels,
            )
            for medium, (data, labels) in captures.items()
        ]
        return self._send(sent, step, prompt, reviews, kind=kind, expected=expected, objects=objects or [])

    def _send(self, sent: list[Sample], step: str, prompt: str, reviews: list[str], **more: Any) -> str:
        take = sent[0].manifest.take
        for one in sent:
            self.device.send(one)
        self.takes.append(SampleTake(take, step, sent, reviews, **more))
        self.prompts[take] = prompt
        return take

    def add_marked(self, labels: list[Label]) -> str:
        """A spoken answer with these labels of a model."""
        sound = media.speech_like([(0.5, 2.1)], 3)
        captures = {"audio": (sound, labels)}
        return self._add("answer", "Whom did Ada meet?", None, ["text"], captures, length=3_000_000)

    def add_speech(self, labels: list[Label], seconds: float, channels: int = 1) -> str:
        """A sound of this length with these regions of a model."""
        sound = media.speech_like([(0.3, seconds - 0.3)], seconds, channels=channels)
        captures = {"audio": (sound, labels)}
        return self._add("say", "Say it", None, ["speech"], captures, length=round(seconds * 1e6), channels=channels)

    def add_hiss(self, seconds: int, start: int) -> int:
        """A sound that is no small file, with a region that begins at this second; the bytes of its file."""
        sound = media.hiss(seconds)
        region = Interval(
            id="s1", label="noise", score=0.5, start_us=start * 1_000_000, end_us=start * 1_000_000 + 800_000
        )
        self._add("do", "Listen", None, ["speech"], {"audio": (sound, [region])}, length=seconds * 1_000_000)
        return len(sound)

    def add_sign(self, *more: Label) -> str:
        """A still with writing in it: a task of text whose labels are a place and what it says, three times."""
        labels: list[Label] = []
        for number, ((x, y, width, height), said) in enumerate(media.SIGN, start=1):
            corners: list[tuple[float, float]] = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
            score = (0.97, 0.52, 0.88)[number - 1]
            labels.append(Polygon(id=f"p{number}", kind="polygon", label="text", score=0.9, points=corners))
            labels.append(Text(id=f"w{number}", label="text", score=score, parent=f"p{number}", text=said.lower()))
        labels.extend(more)
        return self._add("show", "Show the sign at your door", None, ["text"], {"image": (media.sign(), labels)})

    def add_turned(self, *more: Label) -> str:
        """A still with a box that is turned by 30 degrees."""
        labels: list[Label] = [
            Box(id="b1", label="cup", score=0.4, x=200, y=150, width=240, height=60, rotation=30.0),
            *more,
        ]
        return self._add("show", "Show it", None, ["boxes"], {"image": (media.still(), labels)})

    def add_outlines(self) -> str:
        """A masked still with a box that has keypoints, and an outline of its own."""
        body = [(475.0, 80.0, 2), (0.0, 0.0, 0), (520.0, 160.0, 1)]
        labels: list[Label] = [
            Box(id="b1", label="person", score=0.9, x=430, y=60, width=130, height=130),
            Keypoints.model_validate(
                {"id": "k1", "kind": "keypoints", "label": "person", "score": 0.9, "parent": "b1", "points": body}
            ),
            Polygon(id="o1", kind="polygon", label="cup", score=0.4, points=[(118, 205), (182, 205), (150, 266)]),
        ]
        return self._add("show", "Show it", None, ["boxes"], {"image": (media.still(), labels)}, redaction=Redacted())

    def add_gap(self) -> str:
        """A video whose track was not seen on the frames 10 to 19, and sound that shares a prompt out over regions."""
        recorded, times = media.video()
        keys = [_keyframe(n, times) for n in (5, 10, 20)]
        keys[1] = keys[1].model_copy(update={"attributes": {"interpolated": True}})
        tracks: list[Label] = [Track(id="t1", label="person", score=0.8, keyframes=keys)]
        speech: list[Label] = [
            Interval(id="s1", label="speech", score=0.5, start_us=300_000, end_us=700_000, expected="Good morning,"),
            Interval(id="s2", label="speech", score=0.6, start_us=800_000, end_us=1_100_000, expected="lights on."),
            Interval(id="s3", label="speech", score=0.7, start_us=1_200_000, end_us=1_300_000),
        ]
        sound = media.speech_like([(0.3, 0.7), (0.8, 1.1)], times[-1] / 1e6)
        prompt = "Good morning, lights on."
        captures = {"video": (recorded, tracks), "audio": (sound, speech)}
        return self._add("say", prompt, prompt, ["tracks", "speech"], captures, times=times, redaction=Redacted())

    def publish(self) -> None:
        """Sends the session record and waits until every take's tasks are in the queue."""
        reply = self.device.call("PUT", f"/api/sessions/{SESSION}", json=self._record().to_json())
        assert reply.status_code == 200, reply.text
        wanted = sum(len(take.reviews) for take in self.takes)
        until(lambda: len(self.tasks()) == wanted, 90)

    def end_consent(self) -> None:
        """The session's consent ended yesterday, says a newer record."""
        record = self._record()
        ended = datetime.now(UTC) - timedelta(days=1)
        grants = [grant.model_copy(update={"until": ended}) for grant in record.consent.grants]
        changed = {"revision": record.revision + 1, "consent": record.consent.model_copy(update={"grants": grants})}
        body = record.model_copy(update=changed).to_json()
        assert self.device.call("PUT", f"/api/sessions/{SESSION}", json=body).status_code == 200

    def _record(self) -> SessionRecord:
        made = session_record(self.device.id, self.takes, session=SESSION, revision=len(self.takes))
        takes = [take.model_copy(update={"prompt": self.prompts[take.take]}) for take in made.takes]
        return made.model_copy(update={"label_schema": self.schema, "takes": takes})

    # ------------------------------------------------------------ people
    def link(self, name: str, role: str = "annotator") -> str:
        return self.collector.new_link(name, role)

    def new_link(self, name: str) -> str:
        url: str = self.ask("user-link", name=name)["url"]
        return url

    # ------------------------------------------------------------ what the collector knows
    def tasks(self, state: str | None = None) -> list[dict[str, Any]]:
        reply = self.lead.get("/api/tasks", params={"state": state} if state else {})
        assert reply.status_code == 200, reply.text
        rows: list[dict[str, Any]] = reply.json()["tasks"]
        return rows

    def history(self, task: str) -> dict[str, Any]:
        found: dict[str, Any] = self.lead.get(f"/api/tasks/{task}/history").json()
        return found

    def task_id(self, kind: str) -> str:
        found: str = next(row["id"] for row in self.tasks() if row["type"] == kind)
        return found

    def task(self, task: str) -> dict[str, Any]:
        view: dict[str, Any] = self.lead.get(f"/api/tasks/{task}").json()
        return view

    def revisions(self, task: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.lead.get(f"/api/tasks/{task}/revisions").json()["revisions"]
        return rows

    def truth(self, kind: str) -> list[dict[str, Any]]:
        """The labels of the newest revision of the one task of this type, waited for."""
        task = self.task_id(kind)
        rows = until(lambda: self.revisions(task), 90)
        labels: list[dict[str, Any]] = rows[-1]["documents"][0]["labels"]
        return labels


def _keyframe(frame: int, times: list[int]) -> Keyframe:
    x, y, width, height = media.person_at(frame)
    return Keyframe(frame=frame, start_us=times[frame], x=x, y=y, width=width, height=height)


def one_capture(
    medium: Medium,
    device: str,
    take: str,
    step: str,
    data: bytes,
    labels: list[Label],
    times: list[int] | None,
    redaction: Redacted | None = None,
    length: int | None = None,
    channels: int = 1,
) -> Sample:
    """`length` is that of a sound in microseconds; when left out, that of the video beside it."""
    capture = new_id("cap")
    parts = {"media": data}
    if times is not None:
        parts["frames"] = json.dumps(FrameTable(capture=capture, times_us=times).to_json()).encode()
    if labels:
        document = LabelsDocument(capture=capture, source=MODEL, labels=labels)
        parts["labels:test-model"] = json.dumps(document.to_json()).encode()
    size = {"width": media.WIDTH, "height": media.HEIGHT} if medium in ("video", "image") else {}
    if medium == "audio":
        size = {"channels": channels}
    length = length or media.frame_times(45)[-1]
    duration = {"video": (times or [0])[-1] + 40_000, "audio": length}.get(medium, 0)
    manifest = CaptureManifest(
        capture=capture,
        take=take,
        session=SESSION,
        study="study-1",
        step=step,
        attempt=1,
        device=device,
        sensor=SENSORS[medium],
        medium=medium,
        format=FORMATS[medium].model_copy(update=size),
        consent="consent-1",
        complete=True,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        duration_us=duration,
        frames=len(times) if times is not None else None,
        opened_us=OPENED_US,
        wall=Wall(at=NOW),
        clock_map=[(0, OPENED_US)],
        redaction=redaction,
        parts=[
            Part(name=name, sealed_sha256=hashlib.sha256(part).hexdigest(), sealed_bytes=len(part))
            for name, part in parts.items()
        ],
    )
    return Sample(manifest, parts)
