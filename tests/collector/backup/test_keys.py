"""Pages of keys: in them as long as they are needed, gone from every file afterwards."""

from __future__ import annotations

from pathlib import Path

from collector.backup.encryption import new_key
from collector.backup.folder import LocalBackupFolder
from collector.backup.keys import PAGE_ENTRIES, ObjectKeys

PAGES_KEY = new_key()


def loaded(folder: Path) -> ObjectKeys:
    keys = ObjectKeys(LocalBackupFolder(folder), PAGES_KEY)
    assert keys.load() == []
    return keys


def names(start: int, end: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in range(start, end)]


def test_keys_are_found_by_the_next_process(tmp_path: Path) -> None:
    keys = loaded(tmp_path)
    made = {name: new_key() for name in names(0, PAGE_ENTRIES + 10)}
    for name, key in made.items():
        keys.add(name, key)
    keys.save()
    assert len(list((tmp_path / "keys").iterdir())) == 2
    again = loaded(tmp_path)
    assert {name: again.find(name) for name in made} == made
    assert not again.is_saved(names(0, 1)[0])
    again.mark_here(names(0, 1))
    assert again.is_saved(names(0, 1)[0])


def test_keys_that_are_not_needed_are_in_no_page_any_more(tmp_path: Path) -> None:
    keys = loaded(tmp_path)
    for start in (0, 10, 20):
        for name in names(start, start + 10):
            keys.add(name, new_key())
        keys.save()
    untouched = (tmp_path / "keys/00000003").read_bytes()
    keys.mark_needed(names(5, 30))
    keys.remove_unneeded()
    again = loaded(tmp_path)
    assert [again.find(name) is not None for name in names(0, 30)] == [False] * 5 + [True] * 25
    assert (tmp_path / "keys/00000003").read_bytes() == untouched
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["00000002", "00000003", "00000004"]


def test_a_damaged_page_is_named(tmp_path: Path) -> None:
    keys = loaded(tmp_path)
    keys.add(names(0, 1)[0], new_key())
    keys.save()
    page = tmp_path / "keys/00000001"
    page.rename(page.with_name("00000002"))  # a page of another name is no page
    assert ObjectKeys(LocalBackupFolder(tmp_path), PAGES_KEY).load() == ["keys/00000002"]
