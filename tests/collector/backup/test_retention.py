"""Which snapshots stay, and that pruning takes nothing that one of them needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backup.check import check_repository
from collector.backup.folder import LocalBackupFolder
from collector.backup.problems import BackupDamaged
from collector.backup.restore import restore_snapshot
from collector.backup.retention import Retention, prune_repository, retained
from tests.collector.backup.saving import files_of, furnish, opened, save
from tests.collector.review.filled import Filled

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def daily(days: int) -> dict[str, datetime]:
    return {f"{day:03d}": NOON - timedelta(days=day) for day in range(days)}


@pytest.mark.parametrize(
    ("retention", "stay"),
    [
        (Retention(), {0}),
        (Retention(last=3), {0, 1, 2}),
        (Retention(daily=2), {0, 1}),
        (Retention(weekly=3), {0, 1, 8}),  # 30 November 2026 is a Monday
        (Retention(monthly=2), {0, 30}),
        (Retention(last=2, daily=3, weekly=2, monthly=3), {0, 1, 2, 30, 61}),
    ],
    ids=str,
)
def test_the_newest_of_each_period_stay(retention: Retention, stay: set[int]) -> None:
    assert retained(daily(100), retention) == {f"{day:03d}" for day in stay}


def test_two_of_one_day_count_as_one_day() -> None:
    times = {"morning": NOON - timedelta(hours=6), "noon": NOON, "yesterday": NOON - timedelta(days=1)}
    assert retained(times, Retention(daily=2)) == {"noon", "yesterday"}


@given(
    hours=st.lists(st.integers(0, 20_000), max_size=30),
    retention=st.builds(Retention, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
)
def test_the_newest_always_stays_and_pruning_twice_is_pruning_once(hours: list[int], retention: Retention) -> None:
    times = {f"{number}": NOON - timedelta(hours=hour) for number, hour in enumerate(hours)}
    stay = retained(times, retention)
    assert stay <= set(times)
    if times:
        assert max(times.values()) in {times[name] for name in stay}
    assert retained({name: times[name] for name in stay}, retention) == stay


def test_pruning_removes_only_what_no_snapshot_needs(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    erased = filled.rows("SELECT blob FROM derived WHERE kind = 'original' LIMIT 1")[0].blob
    filled.execute("DELETE FROM derived WHERE blob = :blob", blob=erased)
    newest = save(filled, tmp_path / "r").snapshot
    with opened(tmp_path / "r") as repository:
        gone = repository.name_of(erased)
    assert gone in files_of(tmp_path / "r")
    with opened(tmp_path / "r", for_pruning=True) as repository:
        pruned = prune_repository(repository, Retention())
    assert pruned.kept == (newest.id,) and len(pruned.removed) == 1 and pruned.objects >= 1
    assert gone not in files_of(tmp_path / "r")
    with opened(tmp_path / "r") as repository:
        assert not repository.has(erased)
        found = check_repository(repository)
        assert found.damaged == found.leftovers == ()
        assert restore_snapshot(repository, newest, tmp_path / "to").digest == newest.digest


def test_an_object_that_was_copied_away_cannot_be_read_once_it_is_pruned(filled: Filled, tmp_path: Path) -> None:
    """Erasing a person from backups: the keys are gone, also for objects on a disk that cannot be changed."""
    furnish(filled)
    save(filled, tmp_path / "r")
    erased = filled.rows("SELECT blob FROM derived WHERE kind = 'original' LIMIT 1")[0].blob
    with opened(tmp_path / "r") as repository:
        name = repository.name_of(erased)
    copied = (tmp_path / "r" / name).read_bytes()
    filled.execute("DELETE FROM derived WHERE blob = :blob", blob=erased)
    save(filled, tmp_path / "r")
    with opened(tmp_path / "r", for_pruning=True) as repository:
        prune_repository(repository, Retention())
    (tmp_path / "r" / name).write_bytes(copied)
    with opened(tmp_path / "r") as repository, pytest.raises(BackupDamaged, match="The key"):
        repository.read_bytes(erased)


class DyingFolder(LocalBackupFolder):
    """A repository whose process is killed before the n-th time that it writes or deletes."""

    def __init__(self, root: Path, steps: int) -> None:
        super().__init__(root)
        self._steps = steps

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise KeyboardInterrupt

    def write(self, name: str, data: bytes) -> None:
        self._step()
        super().write(name, data)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._step()
            super().delete([name])


@pytest.mark.parametrize("steps", range(0, 12, 2))
def test_pruning_that_is_killed_leaves_every_listed_snapshot_whole(filled: Filled, tmp_path: Path, steps: int) -> None:
    from collector.backup.repository import open_repository
    from tests.collector.backup.saving import PASSPHRASE

    furnish(filled, takes=2)
    for name in ("bea", "cem", "dot"):
        filled.person(name)
        filled.execute("DELETE FROM derived WHERE blob = (SELECT max(blob) FROM derived)")
        save(filled, tmp_path / "r")
    folder = DyingFolder(tmp_path / "r", steps)
    with pytest.raises(KeyboardInterrupt), open_repository(folder, PASSPHRASE, for_pruning=True) as repository:
        prune_repository(repository, Retention())
    with opened(tmp_path / "r") as repository:
        assert check_repository(repository).damaged == ()
        assert repository.snapshot_ids()
    with opened(tmp_path / "r", for_pruning=True) as repository:
        prune_repository(repository, Retention())
    with opened(tmp_path / "r") as repository:
        found = check_repository(repository)
        assert (found.snapshots, found.damaged, found.leftovers) == (1, (), ())
