"""Which snapshots stay: a rule over their times, and the removal of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.backup.check import contents_of
from collector.backup.repository import OBJECTS, SNAPSHOTS, Repository, object_id
from collector.backup.snapshot import BackupSnapshot


@dataclass(frozen=True)
class Retention:
    """How many snapshots stay: the newest ones, and the newest of each day, week and month (UTC), counted from today
    back. A snapshot stays if any of these wants it; the newest always does.
    """

    last: int = 1
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True)
class Pruned:
    """`objects`: files that were deleted; no snapshot needed them any more."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    objects: int


def retained(times: Mapping[str, datetime], retention: Retention) -> set[str]:
    """Those of the snapshots (id -> when it ended) that stay."""
    newest_first = sorted(times, key=lambda snapshot: times[snapshot], reverse=True)
    stay = set(newest_first[: max(1, retention.last)])
    periods: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (retention.daily, lambda at: at.date()),
        (retention.weekly, lambda at: at.isocalendar()[:2]),
        (retention.monthly, lambda at: (at.year, at.month)),
    )
    for count, period in periods:
        newest_of: dict[object, str] = {}
        for snapshot in newest_first:
            newest_of.setdefault(period(times[snapshot]), snapshot)
        stay |= set(list(newest_of.values())[:count])
    return stay


def prune_repository(repository: Repository, retention: Retention) -> Pruned:
    """Remove snapshots that need not stay, then the keys and the files of objects that no other snapshot needs.

    Stopped anywhere, it leaves every snapshot that is listed whole; the next one removes the rest.

    Raises:
        BackupDamaged: what a snapshot that stays needs cannot be read; nothing was removed.
        BackupStorageUnusable.
    """
    snapshots = {snapshot: repository.find_snapshot(snapshot) for snapshot in repository.snapshot_ids()}
    stay = retained({name: found.finished_at for name, found in snapshots.items()}, retention)
    removed = sorted(set(snapshots) - stay)
    objects = remove_unneeded(repository, [snapshots[name] for name in stay], removed)
    return Pruned(tuple(sorted(stay)), tuple(removed), objects)


def remove_unneeded(repository: Repository, stay: Iterable[BackupSnapshot], removed: Sequence[str] = ()) -> int:
    """Remove snapshots, then the keys and the files of objects that none of those that stay needs; returns how many.

    Raises:
        BackupDamaged: what a snapshot that stays needs cannot be read; nothing was removed.
        BackupStorageUnusable.
    """
    for snapshot in stay:
        repository.keys.mark_needed(
            object_id(repository.name_of(content)) for content in contents_of(repository, snapshot)
        )
    storage = repository.storage
    storage.delete(f"{SNAPSHOTS}/{name}" for name in removed)
    repository.keys.remove_unneeded()
    useless = [name for name, _size in storage.list(OBJECTS) if repository.keys.find(object_id(name)) is None]
    storage.delete(useless)
    storage.delete_unfinished()
    return len(useless)
