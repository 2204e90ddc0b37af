"""Exports by a real service with real processes: killed in the middle, paused and cancelled, fetched, and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.client import Client, CollectorRefused
from collector.exports.asked import ExportAsked
from collector.exports.check import check_export
from tests.collector.exports.serving import EVERYTHING, STILLS, Service, contents, unpacked
from tests.support.waiting import until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.collector.start()
    yield made
    made.collector.stop()


def test_it_is_what_the_command_makes(service: Service, tmp_path: Path) -> None:
    made = service.command("start", *EVERYTHING, "--study", "kitchen", "--wait")
    assert made["state"] == "done" and made["counts"]["documents"] == STILLS, made
    assert service.left() == [f"{made['id']}.zip"]
    with service.collector.person("lena", "lead") as lead:
        token = lead.headers["Authorization"].removeprefix("Bearer ")
    with Client(service.collector.url, token=token) as gleaner:
        archive = gleaner.exports.download(made["id"], tmp_path)
        assert re.fullmatch(r"kitchen-\d{4}-\d\d-\d\d\.zip", archive.name)
        assert gleaner.exports.find(made["id"]).downloads == 1
    by_command = service.collector.run("export", *EVERYTHING, "--study", "kitchen", "--to", str(tmp_path / "folder"))
    assert by_command.returncode == 0, by_command.stderr
    folder = unpacked(archive, tmp_path / "unpacked")
    assert folder.name == archive.stem and contents(folder) == contents(tmp_path / "folder")
    assert check_export(archive) == check_export(folder) == check_export(tmp_path / "unpacked")
    (record,) = service.collector.rows("SELECT export_id FROM export_run")
    assert json.loads((folder / "about.json").read_text())["export"] == record.export_id
    log = (service.collector.data / "logs/security.jsonl").read_text()
    assert log.count('"exports-start"') == 1 and log.count("export-downloaded") == 1


def test_killed_it_continues_with_what_is_there(service: Service, tmp_path: Path) -> None:
    service.hold()
    export = service.command("start", *EVERYTHING)["id"]
    until(lambda: service.row(export).done)
    partial = service.collector.data / "exports" / f".{export}.partial" / "media"
    there = until(lambda: {path.name: path.stat().st_ino for path in partial.iterdir()})
    killed = service.child()
    killed.kill()
    until(lambda: service.child().pid != killed.pid)  # the kill of the process costs nothing
    service.collector.kill()
    service.collector.start()  # nor does one of the service
    service.child()
    service.let_go()
    service.child().kill()
    until(lambda: service.row(export).state == "done")
    assert service.left() == [f"{export}.zip"] and there
    assert check_export(service.collector.data / "exports" / f"{export}.zip").documents == STILLS


def test_pausing_resuming_cancelling_and_waiting_for_ones_turn(service: Service) -> None:
    service.hold()
    first, second = (service.command("start", "--no-media" if more else "--with-prelabels")["id"] for more in (0, 1))
    until(lambda: service.row(first).done)
    child = service.child()
    assert service.command("list")[0]["state"] == "queued"  # type: ignore[index]
    assert service.command("pause", first)["state"] == "paused"
    until(lambda: service.row(second).state == "done")
    assert not child.is_running() and f".{first}.partial" in service.left()
    service.collector.stop()
    service.collector.start()
    assert service.command("resume", first)["state"] in ("queued", "running")
    service.child()
    assert service.command("cancel", first)["state"] == "cancelled"
    until(lambda: service.left() == [f"{second}.zip"])
    refused = service.collector.run("exports", "resume", first)
    assert refused.returncode == 1 and "is cancelled: there is nothing left to do" in refused.stderr
    assert service.command("delete", second)["state"] == "deleted"
    until(lambda: service.left() == [])
    service.let_go()


def test_what_is_wrong_is_one_sentence_and_tried_again_when_asked(service: Service) -> None:
    service.hold()
    service._blob.unlink()
    service._blob.write_bytes(b"something else")
    export = service.command("start")["id"]
    until(lambda: service.row(export).state == "paused")
    problem = service.row(export).problem
    assert "has changed since it was stored" in problem and "restore the blob from a backup" in problem
    assert f".{export}.partial" in service.left(), "nothing is lost"
    service.let_go()
    service.command("resume", export)
    until(lambda: service.row(export).state == "done")
    assert service.row(export).problem is None


def test_an_export_leaves_room_for_the_database(tmp_path: Path) -> None:
    full = Service(tmp_path, GLEANER_COLLECTOR_RESERVE_BYTES=str(1 << 60))
    full.collector.start()
    try:
        export = full.command("start")["id"]
        until(lambda: full.row(export).state == "paused")
        assert re.search(r"has \d+ MiB free, and an export leaves \d+ MiB. Make room there", full.row(export).problem)
    finally:
        full.collector.stop()


def test_over_http(service: Service, tmp_path: Path) -> None:
    with service.collector.person("lena", "lead") as lead, service.collector.person("ann2", "annotator") as ann:
        token = lead.headers["Authorization"].removeprefix("Bearer ")
        assert ann.get("/api/exports").status_code == 403
        wrong = lead.post("/api/exports", json={"format": "coco", "media": False})
        assert wrong.json()["code"] == "export-options-invalid" and "COCO needs its pictures" in wrong.json()["title"]
        assert lead.post("/api/exports", json={"study": "cellar"}).status_code == 404
        with Client(service.collector.url, token=token) as gleaner:
            started = gleaner.exports.start(ExportAsked(study="kitchen", with_prelabels=True))
            assert started.by == "lena"
            with pytest.raises(CollectorRefused, match="has no archive yet"):
                gleaner.exports.delete(started.id)
            until(lambda: gleaner.exports.find(started.id).state == "done")
            whole = lead.get(f"/api/exports/{started.id}/archive")
            check_ranges(lead, f"/api/exports/{started.id}/archive", whole)
            assert gleaner.exports.find(started.id).downloads == 1
            service.collector.change("DELETE FROM session_grant")
            assert gleaner.exports.find(started.id).ended_sessions == 1
            with pytest.raises(CollectorRefused, match=r"no longer covers.* Start it again"):
                gleaner.exports.download(started.id, tmp_path)
            assert gleaner.exports.delete(started.id).state == "deleted"
    log = service.collector.data / "logs/security.jsonl"
    until(lambda: "export-deleted" in log.read_text())  # lines are written by a thread
    assert [log.read_text().count(f"export-{what}") for what in ("started", "downloaded", "deleted")] == [1, 1, 1]


def check_ranges(lead: httpx.Client, path: str, whole: httpx.Response) -> None:
    """A download that broke off continues."""
    size = len(whole.content)
    assert whole.headers["Content-Length"] == str(size) and whole.headers["Content-Type"] == "application/zip"
    assert re.search(r'attachment; filename="kitchen-[\d-]+\.zip"', whole.headers["Content-Disposition"])
    head = lead.head(path)
    assert head.headers["ETag"] == whole.headers["ETag"] and head.headers["Content-Length"] == str(size)
    rest = lead.get(path, headers={"Range": f"bytes={size // 2}-", "If-Range": whole.headers["ETag"]})
    assert (rest.status_code, rest.headers["Content-Range"]) == (206, f"bytes {size // 2}-{size - 1}/{size}")
    assert whole.content[: size // 2] + rest.content == whole.content
    assert lead.get(path, headers={"Range": f"bytes={size}-"}).status_code == 416
