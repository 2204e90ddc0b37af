"""A repository that is checked: every flipped bit of every file is found, and so is what is missing."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from collector.backup.check import CheckedRepository, check_repository
from collector.backup.problems import BackupDamaged, BackupTooNew, PassphraseWrong
from collector.backup.rows import rows_of
from tests.collector.backup.saving import files_of, furnish, opened, save
from tests.collector.review.filled import Filled
from tests.support.trials import rounds


def checked(repository: Path) -> CheckedRepository:
    with opened(repository) as found:
        return check_repository(found)


def test_a_whole_repository_has_no_problem(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    filled.person("bea")
    save(filled, tmp_path / "r")
    found = checked(tmp_path / "r")
    assert found.damaged == found.leftovers == ()
    assert found.snapshots == 2 and found.objects > 20


@pytest.mark.soak
def test_flipped_bits_are_all_found(filled: Filled, tmp_path: Path) -> None:
    """One bit in each of many files at once, then the same again: over every kind of file, at random places."""
    furnish(filled, takes=2)
    save(filled, tmp_path / "r")
    root, chance = tmp_path / "r", random.Random(1)
    whole = files_of(root)
    kinds: Counter[str] = Counter()
    found_in_all = 0
    wanted = rounds(300, 1000)
    while found_in_all < wanted:
        chosen = chance.sample(sorted(set(whole) - {"repository.json"}), k=min(len(whole) - 1, wanted - found_in_all))
        for name in chosen:
            _flip(root / name, chance)
        with_keys = {name for name in chosen if not name.startswith("keys/")}
        # A page of keys takes its objects with it: they are reported as of no use, and what needs them as missing.
        for name in set(chosen) - with_keys:
            assert name in checked(root).damaged
            (root / name).write_bytes(whole[name])
        assert with_keys <= set(checked(root).damaged)
        for name in chosen:
            (root / name).write_bytes(whole[name])
            kinds[name.split("/")[0]] += 1
        found_in_all += len(chosen)
    assert set(kinds) == {"objects", "keys", "snapshots", "repository.copy.json"}
    assert checked(root).damaged == ()


def _flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def test_every_flipped_bit_of_the_header_is_found(filled: Filled, tmp_path: Path) -> None:
    save(filled, tmp_path / "r")
    header = tmp_path / "r" / "repository.json"
    whole = header.read_bytes()
    for bit in random.Random(2).sample(range(len(whole) * 8), rounds(60, 1000)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        header.write_bytes(changed)
        with pytest.raises((BackupDamaged, BackupTooNew, PassphraseWrong)), opened(tmp_path / "r"):
            pass


def test_what_is_missing_cut_off_or_swapped_is_named(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    names = [name for name in files_of(tmp_path / "r") if name.startswith("objects/")]
    missing, cut, first, second, longer = (tmp_path / "r" / name for name in names[:5])
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:-20])
    longer.write_bytes(longer.read_bytes() + bytes(100))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    found = checked(tmp_path / "r")
    assert {tmp_path / "r" / name for name in found.damaged} == {missing, cut, first, second, longer}


def test_what_is_missing_is_named_also_where_the_list_that_names_it_is_damaged(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    with opened(tmp_path / "r") as found:
        (name,) = found.snapshot_ids()
        blobs = found.find_snapshot(name).blobs
        listed = found.name_of(blobs.segments[0])
        blob = found.name_of(next(iter(rows_of(blobs, found.read_bytes)))[0])
    _flip(tmp_path / "r" / listed, random.Random(5))
    (tmp_path / "r" / blob).unlink()
    assert set(checked(tmp_path / "r").damaged) == {listed, blob}


def test_a_missing_page_of_keys_is_seen_by_what_it_opened(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    for page in (tmp_path / "r" / "keys").iterdir():
        page.unlink()
    assert checked(tmp_path / "r").damaged


def test_the_next_backup_saves_anew_what_was_damaged(filled: Filled, tmp_path: Path) -> None:
    """As the hint of backup-damaged says: move the named files out, back up again."""
    furnish(filled)
    save(filled, tmp_path / "r")
    names = [name for name in files_of(tmp_path / "r") if name.startswith(("objects/", "keys/"))]
    for name in [*names[:3], *(name for name in names if name.startswith("keys/"))]:
        _flip(tmp_path / "r" / name, random.Random(3))
    for name in checked(tmp_path / "r").damaged:
        if (tmp_path / "r" / name).exists():
            (tmp_path / "r" / name).unlink()
    save(filled, tmp_path / "r")
    assert checked(tmp_path / "r").damaged == ()


def test_objects_of_an_interrupted_backup_are_leftovers(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    stray = tmp_path / "r" / "objects" / "ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"stray")
    found = checked(tmp_path / "r")
    assert found.damaged == () and found.leftovers == (f"objects/ab/{'ab' * 32}",)
