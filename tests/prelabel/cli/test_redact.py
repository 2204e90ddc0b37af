"""`gleaner prelabel redact` as a person uses it: one line a file, one sentence a failure, the status of the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from prelabel.models import catalogue
from prelabel.redaction.people_finder import VOICE
from tests import needs
from tests.support.recordings import wav

PROGRAM = """
import typer
from prelabel.cli.redact import redact
from wire.errors import GleanerError
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(redact)
try:
    app()
except GleanerError as error:
    typer.echo(f"{error} [{error.code}]", err=True)
    raise SystemExit(error.exit_code) from None
"""


def redact(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=needs.ROOT,
        env={**os.environ, "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_wav(path: Path, seconds: float = 1.0) -> None:
    path.write_bytes(wav(np.full(round(seconds * 16_000), 3, np.int16), 16_000))


@pytest.fixture
def hears() -> None:
    needs.need(catalogue.available(VOICE), f"gleaner prelabel pull {VOICE}")


@pytest.mark.usefixtures("hears")
def test_each_file_is_one_line_and_a_bad_one_stops_no_other(tmp_path: Path) -> None:
    write_wav(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_bytes((tmp_path / "good.wav").read_bytes()[:5000])
    out = tmp_path / "out"
    run = redact(tmp_path / "bad.wav", tmp_path / "good.wav", "--out", out, "--json")
    assert run.returncode == 1
    bad, good = (json.loads(line) for line in run.stdout.splitlines())
    assert bad["code"] == "not-redactable" and "cut off" in run.stderr and "Traceback" not in run.stderr
    assert good["masks"]["samples_muted"] == 0 and Path(good["output"]).is_file()
    assert sorted(row.name for row in out.iterdir()) == ["good.redacted.wav", "good.wav.redaction.json"]
    again = redact(tmp_path / "good.wav", "--out", out)
    assert again.returncode == 2 and "[output-exists]" in again.stderr and "--force" in again.stderr
    forced = redact(tmp_path / "good.wav", "--out", out, "--force")
    assert forced.returncode == 0 and "nothing to mask was found" in forced.stdout


@pytest.mark.usefixtures("hears")
def test_a_folder_is_redacted_with_its_subfolders(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for place in ("a.wav", "one/a.wav", "two/three/a.wav"):
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        write_wav(home / place)
    (home / "notes.txt").write_text("buy milk")
    out = home / "masked"
    for more in ((), ("--force",)):  # what is written there is not taken for an original
        run = redact(home, "--out", out, *more)
        assert run.returncode == 0, run.stderr
        assert run.stderr == "1 file in the folders is not media.\n"
        assert sorted(str(path.relative_to(out)) for path in out.rglob("*.wav")) == [
            "a.redacted.wav", "one/a.redacted.wav", "two/three/a.redacted.wav",
        ]  # fmt: skip
    nothing = redact(home / "masked", "--out", out)
    assert nothing.returncode == 2 and "[no-files]" in nothing.stderr


def test_without_the_models_nothing_is_written_and_the_sentence_says_what_to_pull(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    run = redact(
        tmp_path / "a.wav", "--out", tmp_path / "out", GLEANER_CACHE=str(tmp_path / "cache"), GLEANER_MODELS=""
    )
    assert run.returncode == 3 and "gleaner prelabel pull silero-vad" in run.stderr
    assert "[redaction-unavailable]" in run.stderr and not (tmp_path / "out").exists()


def test_a_stretch_beside_all_speech_is_wrong_use(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    run = redact(tmp_path / "a.wav", "--out", tmp_path / "out", "--speech", "keep", "--prompted", "0-1")
    assert run.returncode == 2 and "cannot be combined with --speech keep" in run.stderr


def test_keeping_everything_is_wrong_use(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    run = redact(tmp_path / "a.wav", "--out", tmp_path / "out", "--faces", "keep", "--speech", "keep")
    assert run.returncode == 2 and "[nothing-to-redact]" in run.stderr


@pytest.mark.parametrize("stretch", ["8", "8-3.5", "a-b", "-1-2", "1-inf"])
def test_a_stretch_that_is_none_is_wrong_use(tmp_path: Path, stretch: str) -> None:
    write_wav(tmp_path / "a.wav")
    run = redact(tmp_path / "a.wav", "--out", tmp_path / "out", f"--prompted={stretch}")
    assert run.returncode == 2 and "3.5-8" in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_film_of_real_people_and_real_speech(tmp_path: Path) -> None:
    models = needs.testdata("models/yolox_nano.onnx").parent
    for name in ("centerface", VOICE):
        needs.need(catalogue.available(name), f"gleaner prelabel pull {name}")
    speech, photo = needs.testdata("media/silero_test_speech.wav"), catalogue.locate("photo-person")
    needs.need(photo, "gleaner prelabel pull photo-person")
    out = tmp_path / "out"
    run = redact(photo, speech, "--out", out, "--method", "mosaic", "--sound", "noise", GLEANER_MODELS=str(models))
    assert run.returncode == 0, run.stderr
    still, sound = run.stdout.splitlines()
    assert "1 of 1 picture masked" in still and "s of speech muted" in sound
    account = json.loads((out / "silero_test_speech.wav.redaction.json").read_text())
    assert account["masks"]["sound"] == "noise" and account["masks"]["samples_muted"] > 400_000
