"""What goes wrong in the field: each one clear sentence with its code, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.installation import SHORT, Installation
from tests.needs import need


def sentence(text: str) -> str:
    """The last thing a person was told, on one line."""
    assert "Traceback" not in text, text
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("camera", "code", "words"),
    [
        ("opencv:97", "sensor-missing", "97"),
        ("not-a-video.mp4", "sensor-file-unusable", "not-a-video.mp4"),
        ("empty.mp4", "sensor-file-unusable", "empty.mp4"),
        ("absent.mp4", "sensor-file-missing", "absent.mp4"),
        ("telescope", "sensor-unknown", "telescope"),
    ],
)
def test_a_camera_that_is_none(installation: Installation, camera: str, code: str, words: str) -> None:
    (installation.folder / "not-a-video.mp4").write_text("this is a shopping list\n")
    (installation.folder / "empty.mp4").touch()
    done = installation.run(
        "agent", "run", str(SHORT), "--state", str(installation.state), "--participant", "simulated",
        "--page-port", "0", "--camera", camera, "--microphone", "simulated", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    said = sentence(done.stderr)
    assert f"[{code}]" in said and words in said
    # What can be seen without a camera is refused before the consent page; the consent of who came further is kept.
    begun = list((installation.state / "sessions").glob("*/journal.jsonl"))
    assert len(begun) == (code == "sensor-missing")
    kinds = {next(iter(entry)) for _ in begun for entry in installation.journal()}
    assert "take" not in kinds and ("consent" in kinds or not begun)


@pytest.mark.parametrize(
    ("option", "name", "code"),
    [
        ("--camera", "opencv", "sensor-unknown"),
        ("--camera", "webcam:0", "sensor-unknown"),
        ("--camera", "picamera2:first", "sensor-missing"),
        ("--microphone", "gone.flac", "sensor-file-missing"),
        ("--microphone", "sounddevize:default", "sensor-unknown"),
    ],
)
def test_a_misspelt_sensor_is_told_before_the_consent_page(
    installation: Installation, option: str, name: str, code: str
) -> None:
    done = installation.run(
        "agent", "run", str(SHORT), "--state", str(installation.state), "--page-port", "0", option, name, check=False,
    )  # fmt: skip
    assert done.returncode in (2, 3) and f"[{code}]" in sentence(done.stderr)
    assert "Session page" not in done.stderr
    assert not (installation.state / "sessions").exists() or list((installation.state / "sessions").iterdir()) == []


def test_a_script_with_an_unknown_kind_of_step(installation: Installation, tmp_path: Path) -> None:
    script = tmp_path / "typo.yaml"
    script.write_text(SHORT.read_text().replace("kind: do", "kind: dance"))
    line = next(number for number, text in enumerate(script.read_text().splitlines(), 1) if "dance" in text)
    done = installation.run("scripts", "check", str(script), check=False)
    assert done.returncode == 1
    said = sentence(done.stdout + done.stderr)
    assert f"typo.yaml:{line}:" in said and "dance" in said and "say" in said and "show" in said
    done = installation.run("agent", "run", str(script), "--state", str(installation.state), check=False)
    assert done.returncode == 1 and "dance" in sentence(done.stderr)


def test_a_wrong_join_code(installation: Installation, tmp_path: Path) -> None:
    done = installation.run("agent", "join", installation.url, "AAAA-BBBB", "--state", str(tmp_path / "x"), check=False)
    assert done.returncode != 0
    assert "join code" in sentence(done.stderr).lower()
    assert not (tmp_path / "x" / "device.json").exists()


def test_a_device_that_has_not_joined(installation: Installation, tmp_path: Path) -> None:
    done = installation.run("agent", "run", str(SHORT), "--state", str(tmp_path / "x"), check=False)
    assert done.returncode == 3
    assert "gleaner agent join" in sentence(done.stderr)


def test_a_corrupt_model_file(installation: Installation, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "silero_vad.onnx").write_bytes(b"this was a model once")
    done = installation.run(
        "agent", "run", str(SHORT), "--state", str(installation.state), "--participant", "simulated",
        "--page-port", "0", check=False, env={"GLEANER_MODELS": str(models)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "silero_vad.onnx" in sentence(done.stderr)
    assert not (installation.state / "sessions").exists() or not list((installation.state / "sessions").iterdir())


def test_a_taken_port(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for words in (
            ("agent", "run", str(SHORT), "--state", str(installation.state), "--page-port", port),
            ("collector", "serve", "--data", str(installation.folder / "second"), "--port", port),
            ("demo", "--once", "--port", port, "--page-port", "0", "--data", str(installation.folder / "demo")),
        ):
            done = installation.run(*words, check=False)
            assert done.returncode == 3, done.stderr
            assert port in sentence(done.stderr) and "[port-taken]" in done.stderr


def test_the_spool_meets_a_full_disk(installation: Installation) -> None:
    """A small disk fills up: recording stops with a word, every closed take is kept, and it goes on with more room."""
    spool = installation.state / "spool"
    spool.mkdir(parents=True)
    need(os.geteuid() == 0, "a small disk can be mounted by root only: run the tests as root")
    # The spool keeps 64 MiB free for the rest of the system.
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=69m", "tmpfs", str(spool)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        done = installation.run(
            "agent", "run", "kitchen-greeting", "--state", str(installation.state), "--participant", "simulated",
            "--page-port", "0", "--json", "--bandwidth", "20000", "--deliver-seconds", "2", check=False,
        )  # fmt: skip
        said = sentence(done.stderr)
        assert "disk" in said and "wait in the spool" in said
        facts = json.loads(done.stdout.strip().splitlines()[-1])
        assert facts["takes"] > 0 and facts["lost"] == facts["takes"]
        subprocess.run(["mount", "-o", "remount,size=400m", str(spool)], check=True)
        installation.start_agent()
        assert installation.finish_agent()["lost"] == 0
        closed = [row for row in installation.rows("SELECT state FROM take") if row["state"] == "closed"]
        assert len(closed) == facts["takes"] + 5
    finally:
        installation.close()
        subprocess.run(["umount", str(spool)], check=False)


@pytest.mark.parametrize("kib", [0, 4, 8, 16, 28])
def test_a_device_whose_whole_disk_is_full(installation: Installation, tmp_path: Path, kib: int) -> None:
    """Whatever is the first file that finds no room, it is named in a sentence."""
    need(os.geteuid() == 0, "a small disk can be mounted by root only: run the tests as root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        shutil.copytree(installation.state, disk / "state", dirs_exist_ok=True)
        free = shutil.disk_usage(disk).free - kib * 1024
        (disk / "filled").write_bytes(bytes(free))
        done = installation.run(
            "agent", "run", str(SHORT), "--state", str(disk / "state"), "--participant", "simulated",
            "--page-port", "0", "--deliver-seconds", "1", check=False,
        )  # fmt: skip
        assert "inside Gleaner" not in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert "disk" in done.stderr or "No space left" in done.stderr, done.stderr
    finally:
        installation.close()
        subprocess.run(["umount", str(disk)], check=False)


def test_a_consent_is_one_persons(installation: Installation) -> None:
    """A session whose camera was missing goes on with one, for its own participant only; its device stays the same."""
    run = (
        "agent", "run", str(SHORT), "--state", str(installation.state), "--participant", "simulated",
        "--page-port", "0",
    )  # fmt: skip
    assert installation.run(*run, "--camera", "opencv:97", check=False).returncode == 3
    own = json.loads((installation.state / "pseudonyms.json").read_text())
    for other in (("--pseudonym", "participant-2"), ("--home", "home-2")):
        done = installation.run(*run, *other, check=False)
        assert done.returncode == 2
        assert "[session-unfinished]" in done.stderr and own["participant"] in sentence(done.stderr)
    before = (installation.state / "device.json").read_bytes()
    again = installation.run(
        "agent", "join", installation.url, "AAAA-BBBB", "--state", str(installation.state), check=False
    )
    assert again.returncode == 2 and "[join-code-refused]" in again.stderr
    assert (installation.state / "device.json").read_bytes() == before
    assert installation.rows("SELECT id FROM capture") == []
    done = installation.run(*run, "--json")
    assert "Resuming the session" in sentence(done.stderr)
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    assert (facts["takes"], facts["lost"]) == (5, 0)
    assert len(list((installation.state / "sessions").iterdir())) == 1
