"""Thousands of files: order, resuming, failures that cost one file, and what is left when a run ends early."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from prelabel.labelling.many_files import InProcess, WorkerPool, label_files
from prelabel.labelling.one_file import FileMissing, ModelUnsuited, NotMedia, describe, label_file, medium_of
from prelabel.labelling.outputs import OutputExists
from prelabel.labelling.run_journal import FileOutcome, RunDiffers, RunJournal
from prelabel.media.pictures import MAX_PIXELS, PictureTooLarge, PictureUnreadable, is_picture, read_picture
from tests import needs
from tests.prelabel import graphs
from wire.labels import LabelsDocument

SIZE = (64, 96)
RUN = (sys.executable, "-m", "gleaner", "prelabel", "run")


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A YOLOX package that sees one cup in every picture."""
    rows = graphs.yolox_rows(*SIZE, 2)
    graphs.plant_yolox(rows, *SIZE, 8, (10, 12, 20, 16), 1)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])
    return str(graphs.save_package(tmp_path / "planted", graphs.yolox(*SIZE, rows), toml))


def picture(path: Path, shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*SIZE, 3), shade, np.uint8))
    return path


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        capture_output=True, text=True, errors="surrogateescape", timeout=120, cwd=needs.ROOT,
        env={**os.environ, **environment},
    )  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---------------------------------------------------------------- one file
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


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_cut_picture_is_not_filled_with_grey(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    cv2.imwrite(str(path), noise)
    assert read_picture(path).shape == (200, 300, 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureUnreadable):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"huge.{suffix}"
    side = 20_000 if suffix != "bmp" else 11_000
    assert cv2.imwrite(str(path), np.zeros((side, side), np.uint8))
    with pytest.raises(PictureTooLarge, match=f"{side} x {side}, {side * side // 1_000_000} megapixels"):
        read_picture(path)
    assert side * side > MAX_PIXELS


def tiff(order: str, width: int, height: int) -> bytes:
    tags = ((256, 4, width), (257, 3, height)) if height < 2**16 else ((256, 4, width), (257, 4, height))
    rows = [struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(f"{order}{'I' if kind == 4 else 'H2x'}", value)
            for tag, kind, value in tags]  # fmt: skip
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IH", 8, len(rows)) + b"".join(rows) + bytes(4)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff("<", 20_000, 20_000), "20000 x 20000, 400 megapixels"),
        (tiff(">", 20_000, 20_000), "20000 x 20000, 400 megapixels"),
        (tiff("<", 70_000, 80_000), "70000 x 80000"),
        (webp(b"VP8X", bytes(4) + (16_382).to_bytes(3, "little") + (11_999).to_bytes(3, "little")), "16383 x 12000"),
        (webp(b"VP8L", b"\x2f" + (16_382 | 11_999 << 14).to_bytes(4, "little") + bytes(5)), "16383 x 12000"),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 12_000)), "16383 x 12000"),
    ],
    ids=["tiff", "tiff of a big-endian machine", "tiff of 32 bits", "webp", "webp lossless", "webp lossy"],
)
def test_a_huge_picture_is_told_whatever_its_format(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "huge"
    path.write_bytes(data)
    assert is_picture(data)
    with pytest.raises(PictureTooLarge, match=words):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
def test_a_picture_cut_anywhere_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8))
    whole = path.read_bytes()
    for share in (0.002, 0.01, 0.3, 0.6, 0.95, 0.99):
        path.write_bytes(whole[: max(4, int(len(whole) * share))])
        with pytest.raises(PictureUnreadable):
            read_picture(path)
    assert "OpenCV" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (480, 640), (33, 7)])
def test_every_format_is_read_whole(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"a.{suffix}"
    assert cv2.imwrite(str(path), np.full((*size, 3), 77, np.uint8))
    assert read_picture(path).shape == (*size, 3)


# ---------------------------------------------------------------- many
def test_results_come_in_the_order_of_the_files(tmp_path: Path, model: str) -> None:
    paths = [picture(tmp_path / f"{number:03}.png", number) for number in range(40)]
    paths.insert(7, tmp_path / "missing.png")
    crew = WorkerPool(2)
    try:
        found = list(label_files(paths, {"model": model}, crew, 2))
    finally:
        crew.stop()
    assert [row.path for row in found] == paths
    assert [row.code for row in found if row.document is None] == ["file-missing"]
    assert len({row.media["sha256"] for row in found if row.media}) == 40


def test_a_worker_that_dies_costs_one_file(tmp_path: Path, model: str) -> None:
    """A file on which the process dies every time is given up; the ones behind it are done."""
    paths = [picture(tmp_path / f"{number}.png", number) for number in range(6)]
    fatal = tmp_path / "fatal.py"
    fatal.write_text(
        "import os\nfrom prelabel.labelling.one_file import label_file as real\n"
        "def label_file(inputs):\n"
        "    if inputs['path'].endswith('2.png'):\n        os._exit(9)\n    return real(inputs)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        crew = WorkerPool(2, "fatal:label_file")
        found = list(label_files(paths, {"model": model}, crew, 2))
    finally:
        sys.path.remove(str(tmp_path))
        crew.stop()
    assert [row.code for row in found] == [None, None, "file-failed", None, None, None]


def test_the_command_prints_documents_and_names_failures(tmp_path: Path, model: str) -> None:
    good, bad = picture(tmp_path / "a.png"), tmp_path / "b.wav"
    bad.write_bytes(b"RIFF")
    done = command(model, str(good), str(bad), "--json")
    assert done.returncode == 1
    line, failed = done.stdout.splitlines()
    document = json.loads(line)
    assert document.pop("media")["path"] == str(good)
    assert LabelsDocument.model_validate(document).labels[0].label == "cup"
    (sentence,) = done.stderr.splitlines()
    assert str(bad) in sentence and sentence.endswith("[not-media]")
    assert json.loads(failed) == {
        "file": str(bad), "code": "not-media", "error": sentence.removesuffix(" [not-media]"),
    }  # fmt: skip


def test_a_bad_file_alone_leaves_no_output(tmp_path: Path, model: str) -> None:
    bad = tmp_path / "b.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = command(model, str(bad), "--out", str(tmp_path / "out.jsonl"))
    assert done.returncode == 1 and "[picture-unreadable]" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "planted"]


def test_the_output_has_the_media_and_is_not_overwritten(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "pictures"
    for number in range(5):
        picture(folder / f"{number}.png", number)
    (folder / "notes.txt").write_text("notes")
    out = tmp_path / "out.jsonl"
    done = command(model, str(folder), "--out", str(out), "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "5 documents" in done.stderr and "1 file in the folders is no media." in done.stderr
    rows = lines(out)
    assert [Path(row["media"]["path"]).name for row in rows] == [f"{number}.png" for number in range(5)]
    assert all(row["capture"] == row["media"]["sha256"] for row in rows)
    again = command(model, str(folder), "--out", str(out))
    assert again.returncode == OutputExists.exit_code and "[output-exists]" in again.stderr
    assert command(model, str(folder), "--out", str(out), "--force").returncode == 0
    assert lines(out) == rows


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, model: str) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    paths = [picture(folder / f"{number:04}.png", number % 256) for number in range(1500)]
    part = out.with_name("out.jsonl.part")
    words = [
        sys.executable,
        "-m",
        "gleaner",
        "prelabel",
        "run",
        model,
        str(folder),
        "--out",
        str(out),
        "--workers",
        "2",
    ]
    running = subprocess.Popen(words, cwd=needs.ROOT, stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not part.exists() or part.read_bytes().count(b"\n") < 20):
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    kept = part.read_bytes()
    assert not out.exists() and 20 <= kept.count(b"\n") < 1500
    part.write_bytes(kept + b'{"file": "half a li')  # what a power cut leaves
    done = command(model, str(folder), "--out", str(out), "--workers", "2")
    assert done.returncode == 0, done.stderr
    again = kept.count(b"\n") - 1
    assert f"1500 documents, {again} of them from before" in done.stderr
    assert [row["media"]["path"] for row in lines(out)] == [str(path) for path in paths]
    assert not part.exists()


def test_another_model_does_not_go_on_with_a_journal(tmp_path: Path, model: str) -> None:
    source = describe(model).source
    out = tmp_path / "out.jsonl"
    RunJournal(out, source, {"looks": 1}).close()
    with pytest.raises(RunDiffers):
        RunJournal(out, source, {"looks": 2})
    other = source.model_copy(update={"sha256": "f" * 64})
    with pytest.raises(RunDiffers):
        RunJournal(out, other, {"looks": 1})
    RunJournal(out, other, {"looks": 1}, anew=True).close()


def test_a_changed_file_is_labelled_again(tmp_path: Path, model: str) -> None:
    path = picture(tmp_path / "a.png")
    journal = RunJournal(tmp_path / "out.jsonl", describe(model).source, {})
    (outcome,) = label_files([path], {"model": model}, InProcess(), 1)
    journal.save(outcome)
    assert journal.knows(path)
    assert journal.known(path) == FileOutcome(path, outcome.document, outcome.media, again=True)
    picture(path, 91)
    os.utime(path, ns=(1, 1))
    assert not journal.knows(path)
    journal.close()


def test_two_runs_do_not_write_one_journal(tmp_path: Path, model: str) -> None:
    source = describe(model).source
    first = RunJournal(tmp_path / "out.jsonl", source, {})
    for anew in (False, True):
        with pytest.raises(OutputExists, match="Another run is writing"):
            RunJournal(tmp_path / "out.jsonl", source, {}, anew=anew)
    first.close()
    RunJournal(tmp_path / "out.jsonl", source, {}).close()


@pytest.mark.parametrize("content", [b"half of a download", b"a list\nof lines\n"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, model: str, content: bytes) -> None:
    part = tmp_path / "out.jsonl.part"
    part.write_bytes(content)
    with pytest.raises(RunDiffers):
        RunJournal(tmp_path / "out.jsonl", describe(model).source, {})
    assert part.read_bytes() == content


def test_a_journal_cut_in_its_first_line_is_begun_anew(tmp_path: Path, model: str) -> None:
    source, part = describe(model).source, tmp_path / "out.jsonl.part"
    RunJournal(tmp_path / "out.jsonl", source, {}).close()
    whole = part.read_bytes()
    part.write_bytes(whole[:30])
    RunJournal(tmp_path / "out.jsonl", source, {}).close()
    assert part.read_bytes() == whole


def test_progress_is_told_within_a_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 16_000 * 3))
    package = graphs.save_package(tmp_path / "voice", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"]))
    told: list[tuple[int, int | None]] = []
    alone = InProcess()
    alone.progress = lambda done, whole: told.append((done, whole))
    (outcome,) = label_files([path], {"model": str(package)}, alone, 1)
    assert outcome.code is None
    assert told == sorted(told) and told[-1] == (3_000_000, 3_000_000)


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, model: str) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    for number in range(1500):
        picture(folder / f"{number:04}.png", number % 256)
    words = [
        sys.executable,
        "-m",
        "gleaner",
        "prelabel",
        "run",
        model,
        str(folder),
        "--out",
        str(out),
        "--workers",
        "2",
    ]
    running = subprocess.Popen(words, cwd=needs.ROOT, stderr=subprocess.PIPE, text=True)
    part = out.with_name("out.jsonl.part")
    end = time.monotonic() + 60
    while time.monotonic() < end and (not part.exists() or part.read_bytes().count(b"\n") < 5):
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on." in said and "Traceback" not in said
    assert part.exists() and not out.exists()
