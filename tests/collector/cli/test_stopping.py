"""Ctrl-C in commands that take long: one line, the exit status 130, nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from collector.cli.stopping import NOTHING_CHANGED, asking, when_stopped
from tests.collector.backup.saving import furnish
from tests.collector.review.filled import Filled
from tests.support.databases import environment_of
from wire.interrupted import Interrupted

COMMANDS = {
    "backup REPOSITORY": "Stopped. There is no new snapshot, and those that were there are whole.",
    "restore REPOSITORY": "Stopped. Nothing was restored yet.",
    "verify --backup REPOSITORY": f"Stopped. {NOTHING_CHANGED}",
    "backups check REPOSITORY": f"Stopped. {NOTHING_CHANGED}",
    "backups prune REPOSITORY --keep-last 1": "Stopped. Every snapshot that is listed is whole.",
    "backups erase REPOSITORY --participant p-7": "Stopped. Perhaps not everything of p-7 is erased.",
}


def test_ctrl_c_says_how_things_are_and_how_to_continue(filled: Filled, tmp_path: Path) -> None:
    """Each waits for its passphrase at a pipe: that it has opened the pipe says that it is at work."""
    furnish(filled)
    filled.db.close()
    repository = tmp_path / "saved"
    repository.mkdir()
    running = {}
    for number, words in enumerate(COMMANDS):
        pipe = tmp_path / f"passphrase-{number}"
        os.mkfifo(pipe, 0o600)
        data = [] if words.startswith("backups") else ["--data", str(filled.folder)]
        given = [str(repository) if word == "REPOSITORY" else word for word in words.split()]
        process = subprocess.Popen(
            [sys.executable, "-m", "gleaner", "collector", *given, "--passphrase-file", str(pipe), *data],
            env={**os.environ, **environment_of(filled.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running[words] = (process, pipe)
    try:
        for words, (process, pipe) in running.items():
            with pipe.open("w"):
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=120)
            assert (process.returncode, out) == (130, ""), (words, err)
            [line] = err.strip().splitlines()
            assert line.startswith(COMMANDS[words]), words
    finally:
        for process, _pipe in running.values():
            process.kill()
            process.communicate()
    assert list(repository.iterdir()) == []


def test_ctrl_c_at_a_question_is_no_answer() -> None:
    app = typer.Typer()

    @app.command()
    def ask() -> None:
        with when_stopped("Nothing was changed."), asking():
            typer.confirm("Really?", abort=True)

    assert CliRunner().invoke(app, input="n\n").exit_code == 1
    with pytest.raises(Interrupted), asking():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None


def test_nothing_is_said_where_there_is_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    for sentence in (lambda: None, lambda: "It waits.", "It is whole."):
        with pytest.raises(Interrupted), when_stopped(sentence):
            raise Interrupted
    assert capsys.readouterr().err == "Stopped. It waits.\nStopped. It is whole.\n"
