"""Files written whole: whatever fails or is killed, the target is the old file or the new one."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wire.files import LEFTOVER, file_sha256, locked, put_in_place, sync_file, sync_folder, write_whole

ROOT = Path(__file__).parents[2]
STEPS = ("open", "write", "fchmod", "fsync", "replace")
KILLED = 9
PROGRAMS = ("collector", "device_agent", "hardware", "http_shell", "prelabel", "scripts", "wire")
# What is appended to, copied piece by piece, or written only to see whether it can be.
SYNCED_BY_HAND = {
    "collector/client/download.py", "collector/store/staging_local.py", "collector/store/blobs_local.py",
    "device_agent/session/journal.py", "device_agent/spool/export.py", "prelabel/labelling/run_journal.py",
    "wire/files.py",
}  # fmt: skip


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("old", [b"old", None])
def test_a_failed_step_leaves_the_target_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str, number: int, old: bytes | None
) -> None:
    target = tmp_path / "key"
    if old is not None:
        target.write_bytes(old)
    with monkeypatch.context() as broken:
        broken.setattr(*((Path, step) if step == "replace" else (os, step)), failing(number))
        with pytest.raises(OSError) as failed:
            write_whole(target, b"new", 0o644)
    assert failed.value.errno == number
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == ({} if old is None else {"key": old})


def test_a_disk_that_fills_up_in_the_middle_of_a_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, room = os.write, [3, 2]

    def short(handle: int, data: memoryview) -> int:
        return whole(handle, data[: room.pop(0)]) if room else int(failing(errno.ENOSPC)())

    (target := tmp_path / "key").write_bytes(b"old")
    with monkeypatch.context() as broken, pytest.raises(OSError):
        broken.setattr(os, "write", short)
        write_whole(target, b"longer than the room")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"old"}


def test_short_writes_are_gone_on_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:2]))
    write_whole(tmp_path / "key", b"seven b")
    assert (tmp_path / "key").read_bytes() == b"seven b"


def test_a_folder_that_cannot_be_synced_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sync, calls = os.fsync, iter((False, True))
    monkeypatch.setattr(os, "fsync", lambda handle: failing(errno.EIO)() if next(calls) else sync(handle))
    with pytest.raises(OSError):
        write_whole(tmp_path / "key", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"new"}


KILL = """
import os, sys
from pathlib import Path
from wire.files import write_whole
step, when, target = sys.argv[1], sys.argv[2], Path(sys.argv[3])
owner = Path if step == "replace" else os
real = getattr(owner, step)
count = [0]
def killed(*given, **named):
    count[0] += 1
    found = real(*given, **named) if when == "after" else None
    if not step.startswith("fsync") or count[0] == int(sys.argv[4]):
        os._exit(9)
    return found if when == "after" else real(*given, **named)
setattr(owner, step, killed)
write_whole(target, b"new and longer", 0o644)
"""


@pytest.mark.parametrize(
    ("step", "when", "number", "found"),
    [
        ("write", "before", 1, b"old"),
        ("write", "after", 1, b"old"),
        ("fchmod", "after", 1, b"old"),
        ("fsync", "after", 1, b"old"),
        ("replace", "before", 1, b"old"),
        ("replace", "after", 1, b"new and longer"),
        ("fsync", "before", 2, b"new and longer"),
        ("fsync", "after", 2, b"new and longer"),
    ],
)
def test_a_kill_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, step: str, when: str, number: int, found: bytes
) -> None:
    (target := tmp_path / "key").write_bytes(b"old")
    command = [sys.executable, "-c", KILL, step, when, str(target), str(number)]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == KILLED
    assert target.read_bytes() == found
    left = [path.name for path in tmp_path.iterdir() if path != target]
    assert all(name.startswith(".key.") and name.endswith(LEFTOVER) for name in left)
    assert len(left) == (found == b"old")
    if left:
        (tmp_path / left[0]).chmod(0o644)
    write_whole(target, b"again")
    assert target.read_bytes() == b"again" and target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"], "what the kill has left is gone"


def test_what_is_synced_before_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sync, rename, steps = os.fsync, Path.replace, []
    places = {tmp_path.stat().st_ino: "folder"}

    def synced(handle: int) -> None:
        steps.append(f"sync {places.get(os.fstat(handle).st_ino, 'file')}")
        sync(handle)

    def renamed(path: Path, target: Path) -> Path:
        steps.append(f"{target.name} appears")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_whole(tmp_path / "key", b"new")
    (tmp_path / "made").write_bytes(b"whole")
    put_in_place(tmp_path / "made", tmp_path / "model")
    assert steps == ["sync file", "key appears", "sync folder", "sync file", "model appears", "sync folder"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"new", "model": b"whole"}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_modes_whatever_the_umask_is(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "new", b"", mode)
        (tmp_path / "old").touch(0o666)
        write_whole(tmp_path / "old", b"", mode)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [mode, mode]


def test_nobody_else_may_read_it_while_it_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sync, modes = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda handle: modes.append(os.fstat(handle).st_mode & 0o777) or sync(handle))
    write_whole(tmp_path / "key", b"secret")
    assert modes[0] == 0o600


def test_a_file_system_without_modes_takes_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "fchmod", failing(errno.EPERM))
    write_whole(tmp_path / "key", b"new", 0o644)
    assert (tmp_path / "key").read_bytes() == b"new"


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    (tmp_path / "far").write_bytes(b"far")
    (tmp_path / "key").symlink_to(tmp_path / "far")
    write_whole(tmp_path / "key", b"new")
    assert (tmp_path / "far").read_bytes() == b"far" and not (tmp_path / "key").is_symlink()


def test_many_writers_of_one_file(tmp_path: Path) -> None:
    contents = [bytes([number]) * 40_000 for number in range(8)]
    threads = [threading.Thread(target=write_whole, args=(tmp_path / "key", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").read_bytes() in contents


def test_who_comes_while_another_process_writes_takes_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".key.part").write_bytes(b"half of what another")
    with (tmp_path / ".key.part").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        write_whole(tmp_path / "key", b"mine")
        assert (tmp_path / ".key.part").read_bytes() == b"half of what another"
    assert (tmp_path / "key").read_bytes() == b"mine"
    write_whole(tmp_path / "key", b"mine again")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"not ours")
    (tmp_path / ".key.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        write_whole(tmp_path / "key", b"mine")
    assert (tmp_path / "elsewhere").read_bytes() == b"not ours"


def test_what_is_not_there(tmp_path: Path) -> None:
    for refused in (
        lambda: write_whole(tmp_path / "no" / "key", b""),
        lambda: put_in_place(tmp_path / "no", tmp_path / "key"),
        lambda: sync_file(tmp_path / "no"),
        lambda: sync_folder(tmp_path / "no"),
        lambda: file_sha256(tmp_path / "no"),
    ):
        with pytest.raises(FileNotFoundError):
            refused()
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5_000
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


LOCK = """
import sys
from pathlib import Path
from wire.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_the_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    path, got = tmp_path / "lock", threading.Event()
    command = [sys.executable, "-c", LOCK, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"

        def wait() -> None:
            with locked(path):
                got.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.2)
        other.kill()
        waiting.join(20)
    assert got.is_set() and path.exists()


def test_files_are_written_whole_in_one_place_only() -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for program in PROGRAMS
        for path in (ROOT / program).rglob("*.py")
        if "node_modules" not in path.parts
    }
    assert {name for name, text in texts.items() if "os.fsync(" in text} == SYNCED_BY_HAND
    assert [name for name, text in texts.items() if "file_digest(" in text] == ["wire/files.py"]
