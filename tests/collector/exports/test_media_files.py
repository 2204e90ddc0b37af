"""The media of an export, made by any engine, and continued where an export was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from collector.bulk.here import HereEngine
from collector.bulk.local import LocalEngine
from collector.exports import media_files
from collector.exports.check import check_export
from collector.exports.folder import EARLIER, partial_folder, whole_folder
from collector.exports.media_files import MediaFiles
from collector.exports.media_work import export_media
from collector.exports.problems import MediaDamaged, MediaNotExported
from collector.store.blobs import BlobMissing
from collector.store.blobs_local import blob_name
from collector.store.open_blobs import BlobsLocation
from tests.collector.review.filled import Filled
from tests.needs import ROOT
from tests.support.databases import environment_of, on_both
from tests.support.exporting import STILLS, VIDEOS, contents, review_media, write_export
from tests.support.waiting import until


@pytest.fixture
def worked(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """Reviewed stills and videos in turn, exported two at a time."""
    monkeypatch.setattr(media_files, "BATCH", 2)
    review_media(filled)
    return filled


def media_of(
    folder: Path, engine: HereEngine, wanted: Callable[[int], list[dict[str, Any]]], read: list[int]
) -> Iterator[tuple[Any, Any]]:
    """5,000 items through `MediaFiles`; `read` has the one that was read last."""

    def numbers() -> Iterator[Any]:
        for number in range(5000):
            read[:] = [number]
            yield number

    return MediaFiles(engine, BlobsLocation(folder), folder).of(numbers(), cast("Any", wanted))


def test_items_that_need_no_files_go_out_while_others_are_read(tmp_path: Path) -> None:
    """Without media, or with files that are there: memory does not grow with the export, and its progress is true."""
    read = [0]
    out = [(number, files, read[0]) for number, files in media_of(tmp_path, HereEngine(), lambda _: [], read)]
    assert [number for number, _, _ in out] == list(range(5000))
    assert all(files == [] and ahead - number < media_files.BATCH for number, files, ahead in out)


def test_behind_an_item_whose_files_take_long_not_everything_is_read(tmp_path: Path) -> None:
    read, asked_at = [0], list[int]()

    class Slow(HereEngine):
        def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
            asked_at.extend(read)
            return super().receive(seconds)

    missing = [{"key": "0" * 64, "name": "none", "sized": False}]
    with pytest.raises(MediaNotExported):  # the folder is not one of an export
        next(media_of(tmp_path, Slow(), lambda number: [] if number else missing, read))
    assert media_files.BATCH < asked_at[0] < 2 * media_files.BATCH * media_files.MAX_OPEN


class Interrupted(Exception):
    """By Ctrl+C, after so many batches."""


class Interrupting(HereEngine):
    def __init__(self, batches: int) -> None:
        super().__init__()
        self._left = batches

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        if not self._left:
            raise Interrupted
        self._left -= 1
        return super().receive(seconds)


@on_both
@pytest.mark.parametrize("form", ["jsonl", "coco"])
def test_interrupted_anywhere_it_is_continued_to_the_same_bytes(worked: Filled, tmp_path: Path, form: str) -> None:
    write_export(worked, tmp_path / "whole", form, HereEngine())
    expected = contents(tmp_path / "whole")
    assert len(expected) > STILLS
    to = tmp_path / "again"
    for batches in (1, 2, 4):
        with pytest.raises(Interrupted):
            write_export(worked, to, form, Interrupting(batches))
        assert not to.exists() and partial_folder(to).is_dir()
    write_export(worked, to, form, HereEngine())
    assert contents(to) == expected and not partial_folder(to).exists()


@pytest.mark.parametrize("form", ["jsonl", "coco"])
def test_several_processes_make_the_same_bytes(worked: Filled, tmp_path: Path, form: str) -> None:
    write_export(worked, tmp_path / "whole", form, HereEngine())
    engine = LocalEngine(2)
    try:
        write_export(worked, tmp_path / "again", form, engine)
    finally:
        engine.close()
    assert contents(tmp_path / "again") == contents(tmp_path / "whole")


def test_what_is_there_is_not_made_again_and_what_is_damaged_is(worked: Filled, tmp_path: Path) -> None:
    to = tmp_path / "set"
    with pytest.raises(Interrupted):
        write_export(worked, to, "coco", Interrupting(5))
    pictures = sorted((partial_folder(to) / "images").glob("*_*.png"))
    (original,) = {path.name.partition("_")[0] for path in pictures[:1]}
    blob = worked.rows("SELECT blob FROM derived WHERE capture_id = :id AND kind = 'original'", id=original)[0].blob
    place = worked.folder / "blobs" / blob_name(blob)
    body = place.read_bytes()
    place.unlink()
    with pytest.raises(Interrupted):
        write_export(worked, to, "coco", Interrupting(5))  # its pictures need no video
    (partial_folder(to) / "images" / pictures[0].name).write_bytes(b"half a pic")
    with pytest.raises(BlobMissing):
        write_export(worked, to, "coco", HereEngine())
    place.write_bytes(body)
    write_export(worked, to, "coco", HereEngine())
    write_export(worked, tmp_path / "whole", "coco", HereEngine())
    assert contents(to) == contents(tmp_path / "whole")


def test_media_whose_consent_ended_meanwhile_are_not_in_it(worked: Filled, tmp_path: Path) -> None:
    to = tmp_path / "set"
    with pytest.raises(Interrupted):
        write_export(worked, to, "jsonl", Interrupting(3))
    assert list((partial_folder(to) / "media").glob("*.jpg"))
    worked.execute("DELETE FROM session_grant WHERE use = 'image'")
    write_export(worked, to, "jsonl", HereEngine())
    assert not list((to / "media").glob("*.jpg")) and len(list((to / "media").glob("*.mkv"))) == VIDEOS
    assert not (to / EARLIER).exists()


def test_a_killed_command_is_continued_by_the_same_command(worked: Filled, tmp_path: Path) -> None:
    worked.db.close()
    to = tmp_path / "set"
    words = ["collector", "export", "--to", str(to), "--data", str(worked.folder)]
    program = [sys.executable, "-P", "-m", "gleaner", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment_of(worked.folder)}
    with subprocess.Popen(program, env=env, cwd=ROOT) as running:
        media = partial_folder(to) / "media"
        until(lambda: to.exists() or (media.is_dir() and any(media.iterdir())))
        running.kill()
    if to.exists():  # it was quicker than the signal
        to.rename(partial_folder(to))
    with subprocess.Popen(program, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None and "Continuing the export" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        _, messages = running.communicate()
    assert to.exists() or "The same command continues it" in messages
    if not to.exists():
        subprocess.run(program, env=env, cwd=ROOT, check=True)
    assert check_export(to).documents == STILLS + VIDEOS and not partial_folder(to).exists()


# ---------------------------------------------------------------- one item
def test_an_item_done_twice_is_done_once(tmp_path: Path) -> None:
    body = b"a jpeg"
    key = hashlib.sha256(body).hexdigest()
    place = tmp_path / "blobs" / blob_name(key)
    place.parent.mkdir(parents=True)
    place.write_bytes(body)
    inputs = {"blobs": BlobsLocation(tmp_path / "blobs").to_json(), "key": key, "name": "media/a.jpg", "sized": False}
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "set") as folder:
        (folder / "media").mkdir()
        first = export_media({**inputs, "folder": str(folder)})
        written = (folder / "media" / "a.jpg").stat().st_mtime_ns
        assert export_media({**inputs, "folder": str(folder)}) == first
        assert (folder / "media" / "a.jpg").stat().st_mtime_ns == written
        assert first["files"][0] == {
            "name": "media/a.jpg", "sha256": key, "width": None, "height": None, "frame": None, "start_us": None
        }  # fmt: skip
        place.write_bytes(b"b jpeg")
        with pytest.raises(MediaDamaged):
            export_media({**inputs, "folder": str(folder), "name": "media/b.jpg"})
        assert [path.name for path in (folder / "media").iterdir()] == ["a.jpg"]
        raise RuntimeError


def test_a_folder_that_a_node_does_not_have_is_one_sentence(worked: Filled, tmp_path: Path) -> None:
    class Elsewhere(HereEngine):
        def send(self, number: int, request: dict[str, Any]) -> None:
            common = {**request["common"], "folder": str(tmp_path / "nowhere")}
            super().send(number, json.loads(json.dumps({**request, "common": common})))

    with pytest.raises(MediaNotExported, match="is not on this machine") as found:
        write_export(worked, tmp_path / "set", "jsonl", Elsewhere())
    assert "every node" in found.value.hint
