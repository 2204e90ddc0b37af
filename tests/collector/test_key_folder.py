"""Key files under a master key: encrypted where they lie, readable at every moment, and plain only without one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from collector.key_folder import MARK, KeyFolder
from collector.master_key import MasterKeyMissing, MasterKeyWrong, write_master_key

PLAIN = {"receipt.key": "ab" * 32, "authority.key": "-----BEGIN\nx\n", "admin.key": "cd" * 32}
OTHERS = {"authority.pem": "public", "server.key": "short-lived", "server.pem": "public", "receipt.key.1a.old": "ef"}


class Keys:
    """A folder as a collector without a master key leaves it, and a master key."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.master = folder / "keys", folder / "master.key"
        for name, content in (PLAIN | OTHERS).items():
            KeyFolder(self.folder).write(name, content)
        write_master_key(self.master)

    def under(self, name: str = "master.key") -> KeyFolder:
        return KeyFolder(self.folder, self.master.with_name(name))

    def raw(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_plain_keys_are_encrypted_and_read_as_before(keys: Keys) -> None:
    assert not keys.under().has_encrypted() and keys.under().read("admin.key") == PLAIN["admin.key"]
    keys.under().encrypt_plain()
    assert keys.under().has_encrypted()
    for name, content in PLAIN.items():
        assert keys.raw(name).startswith(MARK) and content not in keys.raw(name)
        assert keys.under().read(name) == content
    assert keys.raw("receipt.key.1a.old").startswith(MARK)
    assert [keys.raw(name) for name in ("authority.pem", "server.key", "server.pem")] == [
        "public", "short-lived", "public",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in keys.folder.iterdir()} == {0o600}
    before = {name: keys.raw(name) for name in PLAIN}
    keys.under().encrypt_plain()
    assert {name: keys.raw(name) for name in PLAIN} == before, "done once"


def test_new_keys_are_encrypted_from_the_start(keys: Keys) -> None:
    keys.under().write("admin.key", "new")
    assert keys.raw("admin.key").startswith(MARK) and keys.under().read("admin.key") == "new"
    KeyFolder(keys.folder).encrypt_plain()
    assert keys.raw("receipt.key") == PLAIN["receipt.key"], "without a master key nothing is"


def test_the_master_key_in_the_same_folder_is_not_encrypted_with_itself(keys: Keys) -> None:
    file = keys.folder / "master.key"
    write_master_key(file)
    before = file.read_text()
    KeyFolder(keys.folder, file).encrypt_plain()
    assert file.read_text() == before and KeyFolder(keys.folder, file).read("admin.key") == PLAIN["admin.key"]


@pytest.mark.parametrize("steps", range(12))
def test_a_power_cut_while_they_are_encrypted_loses_none(
    keys: Keys, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends at any call that changes the disk; the next start finds each key, and goes on."""
    left = steps

    class PowerCut(BaseException):
        pass

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*given: object, **more: object) -> object:
            nonlocal left
            if left == 0:
                raise PowerCut
            left -= 1
            return real(*given, **more)

        monkeypatch.setattr(os, name, call)

    with monkeypatch.context():
        for name in ("fsync", "write"):
            counted(name)
        with contextlib.suppress(PowerCut):
            keys.under().encrypt_plain()
        monkeypatch.undo()
    assert {name: keys.under().read(name) for name in PLAIN} == PLAIN
    keys.under().encrypt_plain()
    assert {name: keys.under().read(name) for name in PLAIN} == PLAIN
    assert all(keys.raw(name).startswith(MARK) for name in PLAIN)


def test_without_its_master_key_nothing_is_opened_and_nothing_made(keys: Keys) -> None:
    keys.under().encrypt_plain()
    with pytest.raises(MasterKeyMissing, match="are encrypted, and no master key is named") as refused:
        KeyFolder(keys.folder).read("receipt.key")
    assert "setting master_key" in refused.value.hint
    with pytest.raises(MasterKeyMissing, match="is not there"):
        keys.under("none.key").read("receipt.key")
    write_master_key(keys.master.with_name("other.key"))
    with pytest.raises(MasterKeyWrong, match=r"receipt\.key cannot be opened"):
        keys.under("other.key").read("receipt.key")


def test_a_key_in_the_place_of_another_is_refused(keys: Keys) -> None:
    keys.under().encrypt_plain()
    (keys.folder / "admin.key").write_text(keys.raw("receipt.key"))
    with pytest.raises(MasterKeyWrong, match=r"holds something else: receipt\.key"):
        keys.under().read("admin.key")


def test_a_damaged_file_holds_up_no_other(keys: Keys) -> None:
    (keys.folder / "admin.key").write_bytes(b"\xff\x00")
    keys.under().encrypt_plain()
    keys.under().encrypt_anew([keys.master])
    assert (keys.folder / "admin.key").read_bytes() == b"\xff\x00"
    assert keys.under().read("receipt.key") == PLAIN["receipt.key"]


def test_a_newer_format_is_refused_and_left(keys: Keys) -> None:
    newer = "gleaner-key 2 something\n"
    (keys.folder / "admin.key").write_text(newer)
    with pytest.raises(MasterKeyWrong, match="newer version"):
        keys.under().read("admin.key")
    keys.under().encrypt_plain()
    assert keys.raw("admin.key") == newer


def test_another_master_key_takes_over_also_after_an_interruption(keys: Keys) -> None:
    keys.under().encrypt_plain()
    new = keys.master.with_name("new.key")
    write_master_key(new)
    under_new = KeyFolder(keys.folder, new)
    under_new.write("admin.key", PLAIN["admin.key"])  # as far as it came
    with pytest.raises(MasterKeyWrong, match="none of the master keys"):
        under_new.encrypt_anew([new])
    assert keys.under().read("receipt.key") == PLAIN["receipt.key"], "nothing has changed"
    under_new.encrypt_anew([keys.master, new])
    keys.master.unlink()
    assert {name: under_new.read(name) for name in PLAIN} == PLAIN


def test_a_key_that_was_set_aside_and_cannot_be_opened_holds_up_nothing(keys: Keys) -> None:
    keys.under().encrypt_plain()
    other = keys.master.with_name("other.key")
    write_master_key(other)
    KeyFolder(keys.folder, other).write("receipt.key.2b.old", "lost")
    lost = keys.raw("receipt.key.2b.old")
    assert dict(keys.under().contents())["receipt.key.2b.old"] == lost.encode()
    keys.under().encrypt_anew([keys.master])
    assert keys.raw("receipt.key.2b.old") == lost


def test_a_backup_is_given_them_in_plain(keys: Keys) -> None:
    keys.under().encrypt_plain()
    assert dict(keys.under().contents()) == {name: text.encode() for name, text in (PLAIN | OTHERS).items()}
    with pytest.raises(MasterKeyMissing):
        list(KeyFolder(keys.folder).contents())
