"""Commands on this machine look at the data folder before they ask or change anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.cli import app
from collector.local_service import DataOfAnotherUser, NoDataHere
from collector.store.lock import DataInUse, lock_folder
from tests.needs import need
from tests.support.databases import command, new_database

NOBODY = 65534


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    new_database(folder).close()
    monkeypatch.setenv("GLEANER_COLLECTOR_MASTER_KEY", str(tmp_path / "master.key"))
    return folder


@pytest.fixture(params=["new-receipt-key", "new-master-key"])
def verb(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusal(verb: str, folder: Path) -> tuple[BaseException | None, str]:
    """Without --yes: a question would be answered by the end of the input."""
    done = command(app, [verb, "--data", str(folder)], folder)
    return done.exception, done.output


def test_a_mistyped_folder_gets_no_keys(data: Path, verb: str) -> None:
    error, asked = refusal(verb, data.parent / "typo")
    assert isinstance(error, NoDataHere) and "?" not in asked
    assert not (data.parent / "typo").exists()


def test_a_running_service_is_said_before_the_question(data: Path, verb: str) -> None:
    held = lock_folder(data)
    try:
        error, asked = refusal(verb, data)
    finally:
        os.close(held)
    assert isinstance(error, DataInUse) and "?" not in asked


def test_keys_are_made_by_the_user_of_the_folder_alone(data: Path, verb: str) -> None:
    need(os.geteuid() == 0, "only root can give a folder to somebody else")
    os.chown(data, NOBODY, -1)
    before = sorted(data.rglob("*"))
    error, asked = refusal(verb, data)
    assert isinstance(error, DataOfAnotherUser) and "sudo -u nobody" in error.hint and "?" not in asked
    assert sorted(data.rglob("*")) == before
