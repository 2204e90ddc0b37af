"""`gleaner collector move`: what it is given and what it says; the move itself is tested in tests/collector/move."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.cli.move import TO_DATABASE
from collector.store.lock import lock_folder
from collector.store.open import write_next_to_service
from collector.store.read_only import ReadOnly, set_read_only
from tests.collector.backup.saving import gleaner
from tests.support import postgres
from tests.support.databases import migrated, only_sqlite
from wire.errors import GleanerError

pytestmark = only_sqlite


@pytest.fixture
def data(tmp_path: Path) -> Path:
    migrated(tmp_path / "data")
    return tmp_path / "data"


def run(data: Path, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["move", *words, "--data", str(data)], env=environment)


def test_a_password_is_refused_on_the_command_line_and_taken_from_the_environment(data: Path) -> None:
    address = "postgresql://u:secret@127.0.0.1:1/none"
    refused = run(data, "--to-database", address)
    assert isinstance(refused.exception, GleanerError) and refused.exception.code == "settings-invalid"
    assert TO_DATABASE in (refused.exception.hint or "")
    tried = run(data, **{TO_DATABASE: address})
    assert isinstance(tried.exception, GleanerError) and tried.exception.code == "database-failed"
    assert "secret" not in str(tried.exception)


@pytest.mark.parametrize("address", ["mysql://x/y", "somewhere"])
def test_other_addresses_are_refused(data: Path, address: str) -> None:
    refused = run(data, "--to-database", address)
    assert isinstance(refused.exception, GleanerError) and refused.exception.code == "settings-invalid"


def test_it_has_to_be_said_where_to(data: Path) -> None:
    assert run(data).exit_code == 2
    refused = run(data, "--back")
    assert isinstance(refused.exception, GleanerError) and refused.exception.code == "move-not-found"


def test_the_status_says_what_was_begun(data: Path) -> None:
    assert "No move" in run(data, "--status").output
    assert json.loads(run(data, "--status", "--json").output) is None
    state = ReadOnly("moving", "move-1", "2026-11-30T08:00:00.000000Z", "postgresql://db/gleaner")
    write_next_to_service(data, None, lambda conn: set_read_only(conn, state))
    assert "moving to postgresql://db/gleaner" in run(data, "--status").output
    assert json.loads(run(data, "--status", "--json").output)["move"] == "move-1"


def test_what_to_do_next_is_said(data: Path) -> None:
    """While another process has the data folder, as a service has."""
    address = postgres.new_address(migrated=False)
    held = lock_folder(data)
    try:
        done = gleaner(data, "move", "--to-database", address, "--data", str(data))
        assert done.returncode == 0, done.stderr
        assert f"Set database to {address.split('@')[1]}" in done.stdout.replace("postgresql://…@", "")
        assert "Stop the service and start it" in done.stdout and "--back" in done.stdout
        again = gleaner(data, "move", "--to-database", address, "--data", str(data))
        assert again.returncode == 3 and "[data-moved]" in again.stderr
        back = gleaner(data, "move", "--back", "--to-database", address, "--data", str(data))
        assert back.returncode == 0 and "used again" in back.stdout, back.stderr
    finally:
        os.close(held)
        postgres.drop(address)
    events = [json.loads(line) for line in (data / "logs" / "security.jsonl").read_text().splitlines()]
    assert [event.get("verb") for event in events] == ["move", "move-back"]
