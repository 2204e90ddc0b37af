"""Media move to an S3 server and back: compared, continued where a copy was stopped, and in one place at a time."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from collector.app import create_app
from collector.backup.pace import Course
from collector.move.back import go_back
from collector.move.media import CopiedMedia, MediaCopy
from collector.move.move import move_data
from collector.move.places import DataPlace
from collector.move.problems import MoveNotFound, SourceMediaDamaged
from collector.settings import Settings
from collector.store.blobs import BlobStore
from collector.store.blobs_owner import BlobsElsewhere
from tests.collector.move.moving import Stopped, digest, furnished, nothing, other_engine, raise_stopped, writes
from tests.support.databases import Engine, on_both
from tests.support.s3 import S3Server


@pytest.fixture
def here(tmp_path: Path, engine: Engine) -> DataPlace:
    return furnished(tmp_path / "data", engine)


@pytest.fixture
def settings(here: DataPlace, moto: S3Server) -> Settings:
    """Of the same rows, with media on an S3 server."""
    blobs = f"s3://{moto.new_bucket()}/folder"
    return Settings(data=here.data, database=here.database, blobs=blobs, s3_endpoint=moto.endpoint)


@pytest.fixture
def there(settings: Settings) -> DataPlace:
    return DataPlace.of(settings)


def contents(blobs: BlobStore) -> dict[str, int]:
    return {blob.key: blob.bytes for blob in blobs.list()}


def media_copy(here: DataPlace, there: DataPlace) -> MediaCopy:
    return MediaCopy(here.blobs(), there.blobs(), CopiedMedia(here.data / "copied"))


def starts(settings: Settings) -> None:
    """As a service does, and ends. Raises BlobsElsewhere, DataMoved."""
    app = create_app(settings)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(run())


def test_a_copy_that_is_stopped_goes_where_it_was(here: DataPlace, there: DataPlace) -> None:
    named = contents(here.blobs())
    seen = [0]

    def advance(_count: int) -> None:
        seen[0] += 1
        if seen[0] > 3:
            raise Stopped

    with here.opened() as database:
        with pytest.raises(Stopped):
            media_copy(here, there).copy(database, Course(advance=advance))
        noted = CopiedMedia(here.data / "copied").keys
        assert len(noted) == 3
        media = media_copy(here, there)
        assert media.copy(database, Course()) == len(named) - 3
        assert media.copy(database, Course()) == 0
        media.finish(database)
    assert contents(there.blobs()) == named


def test_damaged_and_missing_media_stop_a_move_before_anything_is_read_only(here: DataPlace, there: DataPlace) -> None:
    keys = sorted(contents(here.blobs()))
    damaged, missing = (here.data / "blobs" / key[:2] / key[2:4] / key for key in keys[:2])
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    missing.unlink()
    with pytest.raises(SourceMediaDamaged) as caught:
        move_data(here, there, nothing)
    assert caught.value.facts["blobs"] == keys[:2] and writes(here)
    moved = move_data(here, there, nothing, without_damaged=True)
    assert moved.left_out == tuple(keys[:2]) and sorted(contents(there.blobs())) == keys[2:]


def test_media_that_are_erased_meanwhile_are_erased_at_the_new_place_too(here: DataPlace, there: DataPlace) -> None:
    with here.opened() as database:
        media = media_copy(here, there)
        media.copy(database, Course())
        [row] = database.read_sync(
            lambda conn: conn.execute(
                "SELECT blob FROM derived GROUP BY blob HAVING count(*) = 1 ORDER BY blob LIMIT 1"
            ).all()
        )
        here.write(lambda conn: conn.execute("DELETE FROM derived WHERE blob = :blob", {"blob": row.blob}) and None)
        media.copy(database, Course())
        media.finish(database)
    assert row.blob in contents(here.blobs()) and row.blob not in contents(there.blobs())


@on_both
def test_media_alone_move_and_come_back(here: DataPlace, there: DataPlace, settings: Settings) -> None:
    before, named = digest(here), contents(here.blobs())
    moved = move_data(here, there, nothing)
    assert moved.digest == before and moved.copied_blobs == len(named) and contents(there.blobs()) == named
    assert not writes(here)  # whoever runs still has the media of before
    old = settings.model_copy(update={"blobs": None})
    with pytest.raises(BlobsElsewhere):
        starts(old)
    starts(settings)  # with those of the new place everything may be changed again
    assert writes(there) and there.read_only() is None
    with pytest.raises(BlobsElsewhere):
        move_data(here, there, nothing)
    move_data(there, here, nothing)
    with pytest.raises(BlobsElsewhere):
        starts(settings)
    starts(old)
    assert writes(here) and contents(here.blobs()) == named


@on_both
def test_media_and_rows_move_together_wherever_it_is_stopped(
    here: DataPlace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, named = digest(here), contents(here.blobs())
    with other_engine(here) as rows:
        both = settings.model_copy(update={"database": rows.database})
        there = DataPlace.of(both)
        for name in ("_copy_media", "_enter", "_copy", "_leave", "open_filled"):
            with monkeypatch.context() as patched, pytest.raises(Stopped):
                patched.setattr(f"collector.move.move.{name}", raise_stopped)
                move_data(here, there, nothing)
            assert (writes(here), writes(there)) == (name in ("_copy_media", "_enter"), False)
            if name != "open_filled":  # nor does another collector start with the media there
                with pytest.raises(BlobsElsewhere):
                    starts(settings.model_copy(update={"data": here.data.parent / "other", "database": None}))
        move_data(here, there, nothing)
        assert digest(there) == before and contents(there.blobs()) == named
        assert not list(here.data.glob("move-*"))
        starts(both)
        if rows.database is not None:  # with these rows and the media of before no service starts
            with pytest.raises(BlobsElsewhere):
                starts(both.model_copy(update={"blobs": None}))


def test_media_of_another_collector_stay_its_own(here: DataPlace, there: DataPlace, settings: Settings) -> None:
    other = settings.model_copy(update={"data": here.data.parent / "other", "database": None})
    starts(other)
    with pytest.raises(BlobsElsewhere, match="another collector"):
        move_data(here, there, nothing)
    starts(other)
    assert writes(here) and not contents(there.blobs())


@on_both
def test_going_back_uses_the_media_of_before(here: DataPlace, there: DataPlace, settings: Settings) -> None:
    move_data(here, there, nothing)
    with pytest.raises(MoveNotFound):
        go_back(there, None)
    assert go_back(there, here).rows_stay
    starts(settings.model_copy(update={"blobs": None}))
    assert writes(here)
    with pytest.raises(BlobsElsewhere):
        starts(settings)


def test_the_command_names_the_setting(here: DataPlace, settings: Settings) -> None:
    from tests.collector.backup.saving import gleaner

    os.environ["GLEANER_COLLECTOR_S3_ENDPOINT"] = settings.s3_endpoint or ""
    try:
        words = ("move", "--to-blobs", settings.blobs or "", "--data", str(here.data))
        done = gleaner(here.data, *words)
        assert done.returncode == 0, done.stderr
        assert f"Set blobs to {settings.blobs}" in done.stdout and "Set database" not in done.stdout
        status = gleaner(here.data, "move", "--status", "--json", "--data", str(here.data))
        assert json.loads(status.stdout)["rows_stay"]
    finally:
        del os.environ["GLEANER_COLLECTOR_S3_ENDPOINT"]
