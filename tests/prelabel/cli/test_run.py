"""`gleaner prelabel run` where files, names, models and disks are odd: what is told, what is left."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import typer
from onnx import helper

from prelabel.cli.run import run
from prelabel.labelling.many_files import WorkerPool, label_files
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.labelling.made import RUN, SIZE, command, lines, picture
from tests.support.recordings import wav, write_video

YOLOX = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup"])


def rows() -> np.ndarray:
    planted = graphs.yolox_rows(*SIZE, 2)
    graphs.plant_yolox(planted, *SIZE, 8, (10, 12, 20, 16), 1)
    return planted


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A YOLOX package that sees one cup in every picture."""
    return str(graphs.save_package(tmp_path / "planted", graphs.yolox(*SIZE, rows()), YOLOX))


@pytest.fixture
def bad(tmp_path: Path) -> str:
    """One whose dry run gives NaN."""
    planted = rows()
    planted[0, 3, 1] = np.nan
    return str(graphs.save_package(tmp_path / "bad", graphs.yolox(*SIZE, planted), YOLOX))


def slow(folder: Path) -> str:
    """One that multiplies matrices of 1500 x 1500 a few times for each picture."""
    model = graphs.yolox(*SIZE, rows())
    graph = model.graph
    graph.ClearField("node")
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([1500, 1500], dtype=np.int64), "square"))
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(0, dtype=np.float32), "nought"))
    graph.node.append(helper.make_node("ConstantOfShape", ["square"], ["matrix"]))
    graph.node.append(helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["matrix", "brightest"], ["product_0"]))
    for number in range(6):
        names = [f"product_{number}", f"product_{number}"]
        graph.node.append(helper.make_node("MatMul", names, [f"square_{number}"]))
        graph.node.append(helper.make_node("Mul", [f"square_{number}", "nought"], [f"product_{number + 1}"]))
    graph.node.append(helper.make_node("ReduceMax", ["product_6"], ["nothing"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["rows", "nothing"], ["output"]))
    return str(graphs.save_package(folder / "slow", model, YOLOX))


def clip(path: Path, frames: int) -> Path:
    write_video(path, (np.full((*SIZE, 3), number % 200, np.uint8) for number in range(frames)), codec="mpeg4", rate=10)
    return path


# ---------------------------------------------------------------- what is told, with which status
def test_a_bad_model_is_told_once_and_not_for_every_file(tmp_path: Path, bad: str) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    for number in range(6):
        picture(folder / f"{number}.png", number)
    for workers in ((), ("--workers", "2")):
        done = command(bad, str(folder), "--out", str(out), *workers)
        assert done.returncode == 1
        (sentence,) = done.stderr.splitlines()
        assert "not finite" in sentence and sentence.endswith("[model-refused]")
        assert not list(tmp_path.glob("out*"))


def test_the_status_is_that_of_the_failures_where_they_are_alike(tmp_path: Path, model: str) -> None:
    good, sound = picture(tmp_path / "a.png"), tmp_path / "a.wav"
    missing, empty = str(tmp_path / "none.png"), tmp_path / "empty.png"
    empty.touch()
    sound.write_bytes(wav(np.zeros(1600, np.int16), 16_000))
    for files, status, codes in (
        ((str(good), missing), 3, ["file-missing"]),
        ((str(sound),), 2, ["model-unsuited"]),
        ((str(empty),), 1, ["not-media"]),
        ((missing, str(empty)), 1, ["file-missing", "not-media"]),
    ):
        for workers in ((), ("--workers", "1")):
            done = command(model, *files, *workers)
            assert done.returncode == status, done.stderr
            assert [row.rpartition("[")[2].rstrip("]") for row in done.stderr.splitlines()] == codes
    assert f"{empty} is empty." in command(model, str(empty)).stderr


def test_a_list_may_end_its_names_with_nul(tmp_path: Path, model: str) -> None:
    paths = [
        picture(tmp_path / "plain.png").rename(tmp_path / name) for name in ("two\nlines.png", " a.png", "b\r.png")
    ]
    listing, out = tmp_path / "list", tmp_path / "out.jsonl"
    listing.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
    done = command(model, "--files-from", str(listing), "--null", "--out", str(out))
    assert (done.returncode, done.stderr) == (0, f"3 documents: {out}\n")
    assert [json.loads(line)["media"]["path"] for line in out.read_bytes().splitlines()] == [
        str(path) for path in paths
    ]
    one = command(model, str(paths[1]), "--out", str(tmp_path / "one.jsonl"))
    assert one.stderr == f"1 document: {tmp_path / 'one.jsonl'}\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("yolox_nano", "yolox-nano"), ("Silero-VAD", "silero-vad"), ("zzz", None)]
)
def test_a_name_that_is_nearly_right_is_named(tmp_path: Path, typed: str, meant: str | None) -> None:
    done = command(typed, str(picture(tmp_path / "a.png")))
    assert done.returncode != 0 and done.stderr.endswith("[model-not-found]\n")
    assert (f"Did you mean {meant}?" in done.stderr) == (meant is not None)


def test_every_failure_names_its_file_and_has_a_line(tmp_path: Path) -> None:
    """A class number without a name is a sentence about the model; of eight files it has to be known which."""
    planted = np.zeros((1, 300, 6), np.float32)
    lit = planted.copy()
    lit[0, 0] = 8, 8, 40, 30, 0.9, 7
    text = graphs.manifest(
        "yolo",
        {"image": "image"},
        {"predictions": "p"},
        ["cup"],
        '[input]\nsize = [64, 64]\n[decode]\nhead = "end2end"\n',
    )
    graph = graphs.constant({"p": planted}, (1, 3, 64, 64), lit={"p": lit}, lit_above=0.9)
    model = str(graphs.save_package(tmp_path / "own", graph, text))
    folder = tmp_path / "pictures"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((48, 64, 3), 250 if number in (2, 5) else 100 + number, np.uint8))
    for workers in ((), ("--workers", "2")):
        done = command(model, str(folder), "--json", *workers)
        assert done.returncode == 1
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert [row.get("file") or row["media"]["path"] for row in rows] == [str(path) for path in paths]
        failed = [row for row in rows if "file" in row]
        assert [row["file"] for row in failed] == [str(paths[2]), str(paths[5])]
        assert all(row["code"] == "model-refused" and row["error"].startswith(row["file"]) for row in failed)
        told = done.stderr.splitlines()
        assert [row.partition(": ")[0] for row in told] == [str(paths[2]), str(paths[5])]


def test_a_file_that_cannot_be_read_is_told(model: str) -> None:
    """Reading the memory of a process at 0 fails as a broken disk does, whoever one is."""
    broken = Path("/proc/self/mem")
    needs.need(broken.is_file(), "this machine has no /proc: run it on Linux")
    for workers in ((), ("--workers", "1")):
        done = command(model, str(broken), *workers)
        assert done.returncode == 3
        (sentence,) = done.stderr.splitlines()
        assert "/proc/self/mem cannot be read: Input/output error." in sentence and "[file-missing]" in sentence


def test_a_broken_video_in_a_folder_is_not_left_out(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "media"
    picture(folder / "a.png")
    whole = clip(folder / "b.mp4", 20).read_bytes()
    (folder / "b.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("notes")
    (folder / "._a.png").write_bytes(b"\0\5\26\7")  # what another system leaves beside a picture
    picture(tmp_path / "c.png").rename(folder / "without-ending")
    done = command(model, str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"{folder / 'a.png'}: 1 cup", f"{folder / 'without-ending'}: 1 cup"]
    broken, beside = done.stderr.splitlines()
    assert str(folder / "b.mp4") in broken and broken.endswith("[not-media]")
    assert beside == "2 files in the folders are not media."


# ---------------------------------------------------------------- names
def test_odd_names_are_kept_and_shown_as_they_are(tmp_path: Path, model: str) -> None:
    folder, out, listing = tmp_path / "[" / "odd]", tmp_path / "[" / "out].jsonl", tmp_path / "list"
    names = [b" :cat: [red].png", "日本\u2028.png".encode(), b"no-utf-8-\xff.png", b"two\nlines.png"]
    folder.mkdir(parents=True)
    for name in names:
        picture(tmp_path / "plain.png").rename(folder / os.fsdecode(name))
    done = command(model, str(folder), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"4 documents: {out}\n"
    kept = [json.loads(line)["media"]["path"] for line in out.read_bytes().splitlines()]
    assert {os.fsencode(Path(path).name) for path in kept} == set(names)
    assert command(model, str(folder)).stdout.count(": 1 cup") == 4
    missing = command(model, ":cat:[red]none[/red].png")
    assert missing.stderr.startswith("There is no file :cat:[red]none[/red].png. ")
    listing.write_bytes(b"\r\n".join(os.fsencode(folder) + b"/" + name for name in names[:3]))
    listed = command(model, "--files-from", str(listing), "--json")
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 3), listed.stderr


# ---------------------------------------------------------------- where the result goes
def test_a_place_that_is_no_file_is_refused_before_any_work(tmp_path: Path, model: str) -> None:
    path = str(picture(tmp_path / "a.png"))
    for place in (str(tmp_path), "/dev/null"):
        done = command(model, path, "--out", place, "--force")
        assert done.returncode == 2 and done.stderr.endswith("[output-exists]\n"), done.stderr
    done = command(model, path, "--out", str(tmp_path / "no" / "out.jsonl"))
    assert done.returncode == 3 and done.stderr.endswith("[output-unwritable]\n")


def test_a_full_disk_is_told_and_the_run_goes_on_with_more_room(tmp_path: Path, model: str) -> None:
    """A limit on the size of files stands for the disk: a write fails in the middle of a line."""
    folder, out = tmp_path / "pictures", tmp_path / "out.jsonl"
    for number in range(40):
        picture(folder / f"{number:02}.png", number)
    words = [*RUN, model, str(folder), "--out", str(out)]
    full = subprocess.run(
        words, cwd=needs.ROOT, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )  # fmt: skip
    assert full.returncode == 3, full.stderr
    assert full.stderr.endswith("[output-unwritable]\n") and len(full.stderr.splitlines()) == 1
    kept = (tmp_path / "out.jsonl.part").read_bytes()
    assert kept.endswith(b"\n") and not out.exists()
    done = command(model, str(folder), "--out", str(out))
    before = len(kept.splitlines()) - 1
    assert done.stderr == f"40 documents, {before} from an earlier run: {out}\n"
    assert len(lines(out)) == 40


def test_a_disk_with_no_room_at_all_is_left_as_it_was(tmp_path: Path, model: str) -> None:
    out = tmp_path / "out" / "labels.jsonl"
    out.parent.mkdir()
    full = subprocess.run(
        [*RUN, model, str(picture(tmp_path / "a.png")), "--out", str(out)], cwd=needs.ROOT, capture_output=True,
        text=True, timeout=120, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )  # fmt: skip
    assert full.returncode == 3 and full.stderr.endswith("[output-unwritable]\n"), full.stderr
    assert list(out.parent.iterdir()) == []


def test_a_full_disk_behind_standard_output_is_told(tmp_path: Path, model: str) -> None:
    needs.need(Path("/dev/full").exists(), "this machine has no /dev/full: run it on Linux")
    words = [*RUN, model, str(picture(tmp_path / "a.png")), "--json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, cwd=needs.ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3 and done.stderr.endswith("[output-unwritable]\n"), done.stderr


def test_the_result_has_the_rights_of_any_new_file(tmp_path: Path, model: str) -> None:
    out, other = tmp_path / "out.jsonl", tmp_path / "other"
    other.touch()
    assert command(model, str(picture(tmp_path / "a.png")), "--out", str(out)).returncode == 0
    assert out.stat().st_mode == other.stat().st_mode


# ---------------------------------------------------------------- interruptions
@pytest.mark.parametrize("workers", [(), ("--workers", "1")])
def test_an_interruption_does_not_wait_for_the_end_of_a_long_video(tmp_path: Path, workers: tuple[str, ...]) -> None:
    out, part = tmp_path / "out.jsonl", tmp_path / "out.jsonl.part"
    words = [*RUN, slow(tmp_path), str(clip(tmp_path / "long.mkv", 500)), "--out", str(out), *workers]
    running = subprocess.Popen(
        words, cwd=needs.ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "GLEANER_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end and not (part.exists() and part.stat().st_size):
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGINT)
    try:
        _, said = running.communicate(timeout=90)
    finally:
        running.kill()
    assert running.returncode == 130
    assert said == "Interrupted: 0 of 1 files are saved; run the same command again to continue.\n"


@pytest.mark.parametrize(
    "moment",
    ["many_files.model_fault", "run_journal.RunJournal", "many_files.label_files", "run_journal.RunJournal.finish"],
)
def test_an_interruption_at_any_moment_says_what_is_kept(
    tmp_path: Path, model: str, moment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"prelabel.labelling.{moment}", interrupt)
    path, out = picture(tmp_path / "a.png"), tmp_path / "out.jsonl"
    with pytest.raises(typer.Exit) as ended:
        run(model, [path], out=out)
    assert ended.value.exit_code == 130
    done = 1 if moment == "run_journal.RunJournal.finish" else 0
    assert (
        capsys.readouterr().err
        == f"Interrupted: {done} of 1 files are saved; run the same command again to continue.\n"
    )
    assert not out.exists()


def test_an_interruption_is_heard_while_a_worker_is_at_its_file() -> None:
    """One that another thread was given does not wake the one that waits, as one that comes just before its wait."""
    stopped = threading.Event()

    class Slow(WorkerPool):
        def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
            time.sleep(0.3)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            assert stopped.wait(60)
            return {}

        def stop(self) -> None:
            stopped.set()

    with pytest.raises(KeyboardInterrupt):
        next(label_files([Path("a.png")], {}, Slow(1), 1))
    assert stopped.is_set()


def test_a_reader_that_has_enough_ends_the_run(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "pictures"
    for number in range(300):
        picture(folder / f"{number}.png", number % 256)
    running = subprocess.Popen(
        [*RUN, model, str(folder), "--json"], cwd=needs.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None and running.stderr is not None
    assert json.loads(running.stdout.readline())["labels"]
    running.stdout.close()
    assert running.wait(timeout=60) == 1
    assert running.stderr.read() == ""


def test_on_a_terminal_lines_stand_above_the_bar(tmp_path: Path, model: str) -> None:
    """Both streams on one terminal: the bar is wiped before a line is written."""
    folder = tmp_path / "pictures"
    for number in range(5):
        picture(folder / f"{number}.png", number)
    ours, theirs = os.openpty()
    running = subprocess.Popen(
        [*RUN, model, str(folder)], cwd=needs.ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "500"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the last one has left the terminal
        pass
    finally:
        os.close(ours)
    assert running.wait(timeout=60) == 0
    for number in range(5):
        assert f"\r\x1b[2K{folder / str(number)}.png: 1 cup".encode() in shown
