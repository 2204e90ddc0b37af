"""A collector whose rows move between the engines, and where a test stops that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.backup.pace import Course
from collector.backup.rows import dump_rows
from collector.move.move import Unit
from collector.move.places import DataPlace
from collector.store.database import Database
from collector.store.open import has_database, open_database
from collector.store.read_only import DataMoved, DataReadOnly, MoveUnfinished
from tests.collector.backup.saving import furnish
from tests.collector.review.filled import Filled
from tests.support import postgres
from tests.support.databases import Engine, address_of


class Stopped(BaseException):
    """Where a test stops the move: as a kill, it is caught by nothing."""


def raise_stopped(*_: Any, **__: Any) -> None:
    raise Stopped


def nothing(_title: str, _unit: Unit) -> Course:
    return Course()


def furnished(folder: Path, engine: Engine, takes: int = 4) -> DataPlace:
    """A collector with rows, which no service has open."""
    filled = Filled(folder, engine)
    furnish(filled, takes)
    filled.db.close()
    return DataPlace(filled.folder, address_of(filled.folder))


@contextmanager
def other_engine(here: DataPlace) -> Iterator[DataPlace]:
    """A place of the other engine."""
    if here.database is not None:
        yield DataPlace(here.data)
        return
    address = postgres.new_address(migrated=False)
    yield DataPlace(here.data, address)
    postgres.drop(address)


def digest(place: DataPlace) -> str:
    with place.opened() as database:
        return database.read_sync(dump_rows).digest


def starts(place: DataPlace) -> Database:
    """As a service does. Raises DataMoved, MoveUnfinished."""
    return open_database(place.data, place.database)


def writes(place: DataPlace) -> bool:
    """Whether a service that starts there can change rows."""
    if not has_database(place.data, place.database):
        return False
    try:
        database = starts(place)
    except (DataMoved, MoveUnfinished):
        return False
    try:
        database.write_sync(lambda conn: None)
    except DataReadOnly:
        return False
    finally:
        database.close()
    return True
