"""What an export says of itself, of consent and of people, and the record of it at the collector."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.cli import app
from tests.collector.review.filled import Filled, box
from tests.collector.running import Collector
from tests.support.databases import command, reopened
from tests.support.exporting import export, still
from wire.base import format_utc
from wire.version import installed_version

SOON = datetime(2031, 5, 4, tzinfo=UTC)
FORMATS = ("jsonl", "coco")


@pytest.fixture
def reviewed(filled: Filled) -> Filled:
    """A still that two people with telling names worked on, and one of the second alone."""
    ann, bob = filled.person("Ann Telling"), filled.person("bob.telling@example.org")
    image = still(filled, ann, [box("by-ann")])
    filled.submit(bob, filled.tasks()[0].id, {image: [box("by-ann"), box("by-bob", x=60.0)]})
    still(filled, bob, [])
    grants = {"image": SOON, "audio": SOON - timedelta(days=9), "text": None}
    filled.execute("DELETE FROM session_grant")
    for use, end in grants.items():
        filled.execute(
            "INSERT INTO session_grant (session_id, use, until) VALUES (:session, :use, :until)",
            session=filled.session,
            use=use,
            until=end and format_utc(end),
        )
    return filled


@pytest.mark.parametrize("form", FORMATS)
def test_nobodys_name_leaves(reviewed: Filled, tmp_path: Path, form: str) -> None:
    export(reviewed, tmp_path / "out", "--format", form, "--with-prelabels")
    texts = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".json", ".jsonl")]
    assert texts and not any(b"elling" in path.read_bytes() for path in texts)
    known = {row.id for row in reviewed.rows("SELECT id FROM person")}
    if form == "jsonl":
        rows = [json.loads(line) for line in (tmp_path / "out" / "labels.jsonl").read_text().splitlines()]
        sources = {row["source"]["name"] for row in rows}
    else:
        whole = json.loads((tmp_path / "out" / "annotations.json").read_text())
        rows, sources = whole["images"], {row["attributes"]["source"] for row in whole["annotations"]}
    assert {row["reviewer"] for row in rows} == {reviewed.rows("SELECT id FROM person WHERE name LIKE 'bob%'")[0].id}
    assert sources <= known and sources


@pytest.mark.parametrize("form", FORMATS)
def test_consent_and_its_end_leave_with_the_media(reviewed: Filled, tmp_path: Path, form: str) -> None:
    export(reviewed, tmp_path / "out", "--format", form)
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about["delete_after"] == format_utc(SOON)  # of what is in it; the sound would end earlier
    (session,) = about["sessions"].values()
    assert session["consent"] == "con-1" and {grant["use"]: grant["until"] for grant in session["grants"]} == {
        "image": format_utc(SOON),
        "audio": format_utc(SOON - timedelta(days=9)),
        "text": None,
    }
    if form == "jsonl":
        ends = [json.loads(line)["media"] for line in (tmp_path / "out" / "labels.jsonl").read_text().splitlines()]
    else:
        ends = json.loads((tmp_path / "out" / "annotations.json").read_text())["images"]
    assert [row["consent_until"] for row in ends] == [format_utc(SOON)] * 2


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_stands_in_the_sums(reviewed: Filled, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "out"
    export(reviewed, folder, "--format", form, "--with-prelabels")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    named = {line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == named | {"SHA256SUMS", "about.json"}
    sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert json.loads((folder / "about.json").read_text())["sums_sha256"] == sums


def test_the_collector_has_a_record_of_every_export(reviewed: Filled, tmp_path: Path) -> None:
    told = export(reviewed, tmp_path / "out", "--format", "coco", "--licence", "CC-BY-4.0")
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    (row,) = reviewed.rows("SELECT * FROM export")
    assert told["recorded"] is True and (row.id, row.format, json.loads(row.body)) == (told["export"], "coco", about)
    revisions = reviewed.rows("SELECT id, revision_id FROM task ORDER BY created_at, id")
    lines = "".join(f"{task.id} {task.revision_id}\n" for task in revisions)
    assert about["revisions"] == 2 and about["revisions_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert (about["gleaner"], about["options"]["licence"]) == (installed_version(), "CC-BY-4.0")
    whole = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert whole["licenses"] == [{"id": 1, "name": "CC-BY-4.0", "url": ""}]
    assert [image["license"] for image in whole["images"]] == [1, 1]
    # The same data again is another export of the same revisions.
    again = export(reviewed, tmp_path / "again", "--format", "jsonl")
    rows = reviewed.rows("SELECT body FROM export ORDER BY made_at")
    assert again["export"] != told["export"]
    assert [json.loads(one.body)["revisions_sha256"] for one in rows] == [about["revisions_sha256"]] * 2


def test_an_export_beside_a_running_service_is_recorded_by_it(fresh: Collector, tmp_path: Path) -> None:
    done = fresh.run("export", "--to", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["recorded"] is True
    fresh.stop()
    database = reopened(fresh.data)
    try:
        assert database.read_sync(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM export").scalar()) == 1
    finally:
        database.close()


def test_where_it_cannot_be_recorded_the_export_says_so(reviewed: Filled, tmp_path: Path) -> None:
    words = ["export", "--to", str(tmp_path / "out"), "--data", str(reviewed.folder), "--json"]
    done = command(app, words, reviewed.folder)  # the test holds the folder, as a migration would
    assert done.exit_code == 0 and json.loads(done.stdout.splitlines()[-1])["recorded"] is False
    assert "no record of this export" in done.stderr and (tmp_path / "out" / "about.json").exists()


def test_a_part_is_exported(filled: Filled, tmp_path: Path) -> None:
    ann = filled.person("ann")
    first, second = (still(filled, ann, [box(name)]) for name in ("one", "two"))
    words = filled.take("ask", "answer", {"text": b"yes"}, ["text"])
    filled.make(words["take"])
    label = {"id": "w", "kind": "text", "label": "answer", "score": None, "text": "yes"}
    filled.submit(ann, filled.tasks(type="text")[0].id, {words["text"]: [label]})
    filled.execute("UPDATE revision SET submitted_at = '2026-01-01T00:00:00.000000Z' WHERE documents LIKE '%\"one\"%'")

    def captures(name: str, *more: str) -> list[str]:
        export(filled, tmp_path / name, *more)
        rows = [json.loads(line) for line in (tmp_path / name / "labels.jsonl").read_text().splitlines()]
        return [row["capture"] for row in rows]

    assert captures("a") == [first, second, words["text"]]
    assert captures("b", "--type", "text") == [words["text"]]
    assert captures("c", "--since", "2026-01-01T01:00:00+00:30", "--type", "boxes") == [second]
    assert captures("d", "--since", "2026-01-01T00:00:00Z", "--study", "kitchen") == [first, second, words["text"]]
    assert captures("e", "--study", "bathroom") == []


@pytest.mark.parametrize("since", ["29.11.2026", "2026-11-29T25:00", "tomorrow", ""])
def test_what_is_no_time_is_refused(filled: Filled, tmp_path: Path, since: str) -> None:
    words = ["export", "--to", str(tmp_path / "out"), "--data", str(filled.folder), "--since", since]
    done = command(app, words, filled.folder)
    assert done.exit_code == 2 and not (tmp_path / "out").exists()
