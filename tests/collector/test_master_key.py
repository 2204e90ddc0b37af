"""The master key's file: whose it may be, who may read it, and what is encrypted with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.master_key import (
    CREDENTIAL,
    MasterKey,
    MasterKeyMissing,
    MasterKeyWrong,
    credential_file,
    read_master_key,
    write_master_key,
)
from collector.settings import load_settings
from tests.needs import need


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secrets" / "master.key"
    write_master_key(made)
    return made


def test_one_of_our_own_is_for_us_alone(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    read_master_key(file)
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(MasterKeyMissing, match="can be read by others") as refused:
            read_master_key(file)
        assert refused.value.hint == f"Run: chmod 600 {file}"


@pytest.mark.parametrize(("mode", "is_good"), [(0o440, True), (0o444, False), (0o460, False)])
def test_one_of_a_secrets_manager_may_be_read_by_a_group(file: Path, mode: int, *, is_good: bool) -> None:
    """Its files belong to root, and a group or an access list lets the service read them."""
    need(os.geteuid() == 0, "only root can give a file to another user")
    os.chown(file, 0, os.getgid())
    file.chmod(mode)
    file.parent.chmod(0o755)
    assert _reads_as_nobody(file) is is_good


def _reads_as_nobody(file: Path) -> bool:
    """In a child that is another user, of the file's group."""
    folders = [folder for folder in file.parents if not folder.stat().st_mode & 0o011]
    for folder in folders:  # pytest's own are for its user alone
        folder.chmod(folder.stat().st_mode | 0o011)
    child = os.fork()
    if child == 0:
        code = 2
        try:
            os.setgid(file.stat().st_gid)
            os.setuid(65534)
            read_master_key(file)
            code = 0
        except MasterKeyMissing as error:
            code = 1 if "read by others" in error.message else 3
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for folder in folders:
        folder.chmod(folder.stat().st_mode & ~0o011)
    assert code in (0, 1)
    return code == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", b"ab" * 31, b"ab" * 33, b"\xff" * 64])
def test_what_is_no_key_is_one_sentence(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(MasterKeyMissing, match="holds no master key"):
        read_master_key(file)
    file.unlink()
    with pytest.raises(MasterKeyMissing, match="is not there"):
        read_master_key(file)


def test_a_name_is_inside_and_another_key_opens_nothing() -> None:
    key = MasterKey(b"a" * 32)
    body = key.encrypt("receipt.key", "secret")
    assert "secret" not in body and body != key.encrypt("receipt.key", "secret")
    assert key.decrypt("receipt.key", body, "x") == "secret"
    with pytest.raises(MasterKeyWrong, match="x holds something else"):
        key.decrypt("admin.key", body, "x")
    for wrong in (body[:-8], body[:-1] + "A", "", "nonsense"):
        with pytest.raises(MasterKeyWrong, match="cannot be opened"):
            key.decrypt("receipt.key", wrong, "x")
    with pytest.raises(MasterKeyWrong):
        MasterKey(b"b" * 32).decrypt("receipt.key", body, "x")


def test_a_credential_of_systemd_is_found_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert load_settings().master_key is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert credential_file() is None and load_settings().master_key is None
    write_master_key(tmp_path / CREDENTIAL)
    assert load_settings().master_key == tmp_path / CREDENTIAL
    monkeypatch.setenv("GLEANER_COLLECTOR_MASTER_KEY", "/etc/other.key")
    assert load_settings().master_key == Path("/etc/other.key")
