"""Keys that processes have in common: made once, the same everywhere, and of no use to who has the database alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from collector.key_folder import MARK, KeyFolder
from collector.keys import RECEIPT_KEY, ReceiptKeyReplaced, load_receipt_key, new_receipt_key
from collector.master_key import MasterKeyMissing, MasterKeyWrong, write_master_key
from collector.settings import Settings
from collector.shared_keys import SharedKeyDiffers, SharedKeys, change_master_key
from collector.store.database import Database
from collector.store.sql import text
from collector.tls.authority import AUTHORITY, SERVER
from collector.tls.service import share_authority, tls_files
from tests.collector.running import Collector
from tests.support.databases import on_both, only_sqlite

ROWS = text("SELECT name, body FROM wrapped_key")


class Site:
    """Folders of processes on one database."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder
        self.master = folder / "master.key"

    def share(self, process: str, master: Path | None = None, *, may_make: bool = True) -> str | None:
        """Its receipt key after it took part."""
        keys = self.keys(process, master)
        SharedKeys(self.db, keys).share("receipt", (RECEIPT_KEY,), new_receipt_key if may_make else None)
        return keys.read(RECEIPT_KEY) if keys.exists(RECEIPT_KEY) else None

    def keys(self, process: str, master: Path | None = None) -> KeyFolder:
        return KeyFolder(self.folder / process, master or self.master)


@pytest.fixture
def site(db: Database, tmp_path: Path) -> Site:
    return Site(db, tmp_path)


@on_both
def test_the_first_makes_a_key_and_the_others_have_it(site: Site) -> None:
    key = site.share("a")
    assert key is not None and len(key) == 64
    assert [site.share("b"), site.share("c", may_make=False), site.share("a")] == [key] * 3
    assert {(site.folder / name / RECEIPT_KEY).stat().st_mode & 0o777 for name in "abc"} == {0o600}
    (row,) = site.db.read_sync(lambda conn: conn.execute(ROWS).all())
    assert key not in row.body and site.master.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_there_before_becomes_that_of_all(site: Site) -> None:
    before = load_receipt_key(KeyFolder(site.folder / "a"), site.db)
    key = site.share("a", may_make=False)
    assert site.share("b", may_make=False) == key
    assert load_receipt_key(site.keys("b"), site.db) == before


def test_where_devices_know_a_key_none_is_made(site: Site) -> None:
    load_receipt_key(KeyFolder(site.folder / "a"), site.db)
    assert site.share("b", may_make=False) is None
    with pytest.raises(ReceiptKeyReplaced):
        load_receipt_key(KeyFolder(site.folder / "b"), site.db)


def test_another_key_is_not_overwritten(site: Site) -> None:
    (site.folder / "b").mkdir()
    (site.folder / "b" / RECEIPT_KEY).write_text("ab" * 32)
    site.share("a")
    with pytest.raises(SharedKeyDiffers):
        site.share("b")
    assert (site.folder / "b" / RECEIPT_KEY).read_text() == "ab" * 32


def test_the_master_key_is_asked_for_and_not_made_anew(site: Site) -> None:
    site.share("a")
    with pytest.raises(MasterKeyMissing, match="not there"):
        site.share("b", site.folder / "elsewhere.key")
    other = site.folder / "other.key"
    other.write_text("cd" * 32)
    with pytest.raises(MasterKeyMissing, match="read by others"):
        other.chmod(0o644)
        site.share("b", other)
    other.chmod(0o600)
    with pytest.raises(MasterKeyWrong, match="cannot be opened with this master key"):
        site.share("b", other)
    other.write_text("no key")
    with pytest.raises(MasterKeyMissing, match="holds no master key"):
        site.share("b", other)


def test_a_row_in_the_place_of_another_is_refused(site: Site) -> None:
    site.share("a")
    site.db.write_sync(lambda conn: conn.execute("UPDATE wrapped_key SET name = 'authority'").rowcount)
    keys = SharedKeys(site.db, site.keys("b"))
    with pytest.raises(MasterKeyWrong, match="something else"):
        keys.share("authority", (RECEIPT_KEY,), None)


def test_processes_with_https_of_their_own_have_one_authority(site: Site) -> None:
    now = datetime.now(UTC)
    found = []
    for name in "ab":
        settings = Settings(data=site.folder / name, host="0.0.0.0", master_key=site.master)
        share_authority(settings, SharedKeys(site.db, settings.keys), now)
        made = tls_files(settings, now)
        assert made is not None
        found.append((settings.keys_folder / AUTHORITY).read_text())
        certificate = x509.load_pem_x509_certificate((settings.keys_folder / SERVER).read_bytes())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(found[-1].encode()))
    assert found[0] == found[1]


@on_both
def test_a_new_master_key_reaches_the_others_with_the_old_one(site: Site) -> None:
    key = site.share("a")
    site.share("b")
    rows = {"receipt": (RECEIPT_KEY,)}
    new = site.folder / "new.key"
    write_master_key(new)
    change_master_key(site.db, site.keys("a", new), [site.master, new], rows)
    assert site.share("a", new) == key == site.share("c", new)
    with pytest.raises(MasterKeyWrong):
        site.share("b", new)
    change_master_key(site.db, site.keys("b", new), [new, site.master], rows)
    assert site.share("b", new) == key


@only_sqlite
def test_the_master_key_is_made_at_the_first_start_and_anew_by_a_command(tmp_path: Path) -> None:
    master = tmp_path / "master.key"
    running = Collector(tmp_path, GLEANER_COLLECTOR_MASTER_KEY=str(master))
    running.start()
    device = running.device()
    running.stop()
    before = master.read_text()
    made = running.run("new-master-key", "--yes")
    assert made.returncode == 0, made.stderr
    assert master.read_text() != before and (tmp_path / "master.key.old").read_text() == before
    running.start()
    assert device.call("GET", "/api/captures/none/receipt").json()["code"] == "capture-unknown"
    running.stop()
    now = master.read_text()
    master.write_text(before)
    refused = running.run("serve", "--port", "0")
    assert refused.returncode == 3 and "master-key-wrong" in refused.stderr
    old = tmp_path / "until-now.key"
    old.write_text(now)
    old.chmod(0o600)
    changed = running.run("new-master-key", "--yes", "--old", str(old))
    assert changed.returncode == 0, changed.stderr
    old.unlink()
    assert running.run("verify").returncode == 0
    (running.data / "keys" / RECEIPT_KEY).unlink()
    master.unlink()
    assert "master-key-missing" in running.run("serve", "--port", "0").stderr


@only_sqlite
def test_keys_of_before_are_encrypted_at_the_start_and_every_command_reads_them(tmp_path: Path) -> None:
    """On one machine, without PostgreSQL: started in plain, then with a master key, saved, moved to another machine."""
    plain = Collector(tmp_path)
    plain.start()
    device = plain.device()
    plain.stop()
    keys = plain.data / "keys"
    before = {path.name: path.read_text() for path in keys.iterdir()}
    assert set(before) == {RECEIPT_KEY, "admin.key"}
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple")
    passphrase.chmod(0o600)
    saving = ("--passphrase-file", str(passphrase))
    running = Collector(tmp_path, GLEANER_COLLECTOR_MASTER_KEY=str(tmp_path / "master.key"))
    running.start()
    assert all(path.read_text().startswith(MARK) for path in keys.iterdir())
    assert running.device().verify_key == device.verify_key
    assert running.run("join-code").returncode == 0, "the key of commands is read"
    assert "master-key-missing" in plain.run("join-code").stderr
    for words in (("verify",), ("backup", str(tmp_path / "saved"), *saving)):
        done = running.run(*words)
        assert done.returncode == 0, done.stderr
    running.stop()
    refused = plain.run("serve", "--port", "0")
    assert refused.returncode == 3 and "no master key is named" in refused.stderr and "master_key" in refused.stderr
    assert running.run("new-receipt-key", "--yes").returncode == 0
    assert all(path.read_text().startswith(MARK) for path in keys.iterdir()) and len(list(keys.iterdir())) == 3
    restored = Collector(tmp_path / "other")
    (tmp_path / "other").mkdir()
    done = restored.run("restore", str(tmp_path / "saved"), *saving)
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in (restored.data / "keys").iterdir()} == before
    assert restored.run("verify").returncode == 0
