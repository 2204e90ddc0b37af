"""Two studies that are alike but for their words, and people who worked on both, of whom some now see only one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from collector.exports.asked import ExportAsked
from collector.exports.export_runs import start_export
from collector.prelabels.runs import RunAsked, start_run
from collector.review import queue, revisions
from collector.review.queue import Lease, LeaseRefused
from collector.store.sql import Connection
from collector.studies.plans import save_plan
from scripts import load
from tests.collector.review.filled import Filled, box, track
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.databases import rows_of
from tests.support.other_model import SOURCE, package
from wire.base import format_utc
from wire.canonical import document_hash
from wire.script import LabelSchema

SEEN, HIDDEN = "kitchen", "garden"
PEOPLE = {"ann": "annotator", "lea": "lead"}
IDS = (
    "SELECT id FROM task WHERE study = :study UNION SELECT id FROM take WHERE session_id = :session UNION SELECT id"
    " FROM capture WHERE session_id = :session UNION SELECT revision.id FROM revision JOIN task"
    " ON task.id = revision.task_id WHERE task.study = :study"
)
DEVICE = (
    "INSERT INTO device (id, name, model, token_hash, joined_at, heartbeat) VALUES (:device, 'd', 'm', :device, 't',"
    " :beat)"
)
INSTRUCTION = (
    "INSERT INTO instruction (type, version, text, sha256, first_used_at) VALUES ('boxes', :version, :text, :sha256,"
    " 't')"
)
OWN_INSTRUCTION = (
    "UPDATE study_version_instruction SET version = :version WHERE type = 'boxes'"
    " AND study_version_id IN (SELECT id FROM study_version WHERE study = :study)"
)
SESSION = (
    "INSERT INTO session (id, study, script_id, script_version, script_sha256, device_id, participant, home, consent,"
    " state, revision, record, started_at, study_version_id) SELECT :new, study, script_id, script_version,"
    " script_sha256, :device, participant, home, consent, state, revision, record, started_at, study_version_id"
    " FROM session WHERE id = :session"
)
UPLOAD = (
    'INSERT INTO upload (id, capture_id, part, device_id, "offset", staged, state, created_at, expires_at)'
    " VALUES (:capture, :capture, 'late', 'dev-1', 0, :capture, 'open', :now, '9999')"
)
CONFLICT = (
    "INSERT INTO manifest_conflict (capture_id, device_id, manifest, manifest_sha256, received_at)"
    " SELECT :capture, 'dev-1', manifest, :sha256, 't' FROM capture WHERE id = :other"
)


@dataclass
class StudyIds:
    """What a route can be asked about one study; `marks` are texts that occur in nothing of the other."""

    study: str
    values: dict[str, str] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> str:
        return self.values[name]


class TwoStudies:
    """Two studies with the same in each, and people who worked on both: `all` sees both, `ann` and `lea` only one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filled = Filled(folder / "data")
        self.model = package(folder / "model")
        self.people = {name: self.filled.person(name, role) for name, role in (*PEOPLE.items(), ("all", "lead"))}
        self.ids = {study: self._fill(study) for study in (SEEN, HIDDEN)}
        self._mix()
        self.filled.db.close()
        self.collector = Collector(folder)
        self.collector.start()
        self.clients: dict[str, httpx.Client] = {}
        for name in self.people:
            if name != "all":
                self.collector.ask("user-studies", name=name, studies=json.dumps([SEEN]))
            token = self.collector.ask("user-token", name=name)["token"]
            headers = {"Authorization": f"Bearer {token}"}
            self.clients[name] = local_http.Client(
                base_url=self.collector.url, headers=headers, timeout=60, trust_env=False
            )

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.collector.stop()

    def call(self, who: str, route: str, path: str, sent: Any) -> httpx.Response:
        return self.clients[who].request(route.split()[0], path, json=sent)

    def filled_rows(self, query: str, **values: str) -> list[Any]:
        with rows_of(self.folder / "data") as conn:
            return conn.execute(query, values).all()

    def of_hidden(self) -> dict[str, list[Any]]:
        """Every row that the hidden study has, and all there is of people's work."""
        work = ("lease", "revision", "draft", "skip", "activity", "worked")
        tasks = "(SELECT id FROM task WHERE study = 'garden')"
        queries = {name: f"SELECT * FROM {name} WHERE task_id IN {tasks}" for name in work}
        queries |= {name: f"SELECT * FROM {name} WHERE study = 'garden'" for name in ("task", "study_version")}
        queries["study"] = "SELECT * FROM study WHERE id = 'garden'"
        queries["device"] = "SELECT id, name, revoked_at FROM device WHERE id = 'dev-garden'"
        queries["look"] = (
            "SELECT look.id FROM look JOIN capture ON capture.id = look.capture_id JOIN session"
            " ON session.id = capture.session_id WHERE session.study = 'garden'"
        )
        return {name: self.filled_rows(query) for name, query in queries.items()}

    def _fill(self, study: str) -> StudyIds:
        filled, ids = self.filled, StudyIds(study)
        plan = load("kitchen-greeting")
        texts = plan.consent.model_copy(update={"text": f"May the {study} be recorded?"})
        words = LabelSchema(boxes=[f"{study}-cup"], tracks=["person"])
        plan = plan.model_copy(update={"study": study, "consent": texts, "labels": words})
        key, consent = document_hash(plan), sha256(texts.text.encode()).hexdigest()
        filled.db.write_sync(lambda conn: save_plan(conn, key, plan, "dev-1", 0.0))
        filled.begin(study, words.to_json(), key, consent)
        said = {"image": [[box(label=f"{study}-cup", score=0.5)]]}
        makes = {
            "done": ("show", {"image": f"done {study}".encode()}, ["boxes"], said),
            **{f"task-{who}": ("show", {"image": f"{who} {study}".encode()}, ["boxes"], said) for who in PEOPLE},
            "skipped": ("show", {"image": f"skipped {study}".encode()}, ["boxes"], said),
            "expired": ("show", {"image": f"expired {study}".encode()}, ["boxes"], said),
            "late": ("show", {"image": f"late {study}".encode()}, ["boxes"], said),
            **{f"open-{n}": ("show", {"image": f"open {n} {study}".encode()}, ["boxes"], said) for n in range(4)},
            "walk": ("do", {"video": f"video {study}".encode()}, ["tracks"], {"video": [[track()]]}),
        }
        captures = {}
        for name, (kind, media, reviews, labels) in makes.items():
            made = filled.take(f"{study}-{name}", kind, media, reviews, prelabels=labels)
            filled.make(made["take"])
            (task,) = filled.tasks(take_id=made["take"])
            ids.values[name] = task.id
            captures[name] = made["video" if name == "walk" else "image"]
        ids.values |= {
            "session": filled.session, "plan": key, "consent": consent, "video": captures["walk"],
            "model": str(self.model), "instruction": sha256(f"Only in the {study}.".encode()).hexdigest(),
            "device": f"dev-{study}", **{f"image-{who}": captures[f"task-{who}"] for who in PEOPLE},
        }  # fmt: skip
        self._work(ids, captures)
        asked = RunAsked(model=str(self.model), study=study)
        ids.values["run"] = filled.db.write_sync(lambda conn: start_run(conn, asked, SOURCE, ("image",)))
        ids.values["export"] = filled.db.write_sync(lambda conn: start_export(conn, ExportAsked(study=study)))
        found = filled.rows(IDS, study=study, session=filled.session)
        ids.marks = [row.id for row in found]
        ids.marks += [study, *(value for name, value in ids.values.items() if name != "model")]
        return ids

    def _work(self, ids: StudyIds, captures: dict[str, str]) -> None:
        """A submit, leases that are held, a skip, and a draft that came too late."""
        filled, ann, now = self.filled, self.people["ann"], datetime.now(UTC)
        filled.submit(ann, ids.done, {captures["done"]: [box("x", f"{ids.study}-cup", None)]})

        def lease(conn: Connection, task: str, who: str, at: datetime) -> int:
            found = queue.reopen(conn, task, self.people[who], "page", is_lead=True, now=at)
            assert isinstance(found, Lease)
            return found.fence

        def work(conn: Connection) -> None:
            for who in PEOPLE:
                lease(conn, ids.values[f"task-{who}"], who, now)
            lease(conn, ids.walk, "ann", now)
            fence = lease(conn, ids.skipped, "ann", now)
            assert queue.end_lease(conn, ids.skipped, ann, fence, "skipped", f"no {ids.study} in it", now) is None
            lease(conn, ids.expired, "ann", now - timedelta(hours=1))
            fence = lease(conn, ids.late, "ann", now - timedelta(hours=1))
            lease(conn, ids.late, "all", now)
            sent = [
                {"schema": 1, "capture": captures["late"], "source": {"kind": "person", "name": "ann"}, "labels": []}
            ]
            assert isinstance(revisions.save_draft(conn, ids.late, ann, fence, sent, now), LeaseRefused)

        filled.db.write_sync(work)

    def _mix(self) -> None:
        """Devices, instructions and conflicts of each study, and what concerns both."""
        filled, now = self.filled, format_utc(datetime.now(UTC))
        filled.execute(DEVICE, device="dev-both", beat=json.dumps({"session": self.ids[HIDDEN].session}))
        filled.execute("UPDATE take SET opened_at = :now", now=now)
        for number, (study, ids) in enumerate(self.ids.items(), 8):
            values = {"version": number, "text": f"Only in the {study}.", "sha256": ids.instruction, "study": study}
            filled.execute(INSTRUCTION, **values)
            filled.execute(OWN_INSTRUCTION, **values)
            filled.execute(DEVICE, device=ids.device, beat=None)
            for device in (ids.device, "dev-both"):
                new = f"ses-{device}-{study}"
                filled.execute(SESSION, new=new, device=device, session=ids.session)
                ids.marks.append(new)
            filled.execute(UPLOAD, capture=ids.video, now=now)
            for other in self.ids.values():
                filled.execute(CONFLICT, capture=ids.video, other=other.video, sha256=other.study)
