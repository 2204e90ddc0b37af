"""The systemd unit: accepted by systemd, closed enough, and for the installation that wrote it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app, install_service
from collector.cli.install_service import NAME, UnitUnwritable, encrypt_line, unit_text
from collector.master_key import CREDENTIAL, read_master_key
from tests.needs import need

DATA = Path("/var/lib/gleaner")
MAX_EXPOSURE = 2.0  # of 10, by systemd's own scale


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    need(shutil.which("systemd-analyze"), "systemd-analyze is missing: apt-get install systemd")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("credential", [None, Path("/etc/gleaner/50% master.cred")])
def test_systemd_accepts_the_unit_and_calls_it_closed(tmp_path: Path, credential: Path | None) -> None:
    unit = tmp_path / NAME
    unit.write_text(unit_text(DATA, None, "root", "8G", credential))
    checked = analyze("verify", "--man=no", str(unit))
    assert (checked.returncode, checked.stderr) == (0, "")
    shown = analyze("security", "--offline=true", str(unit))
    found = re.search(r"exposure level for \S+: ([\d.]+)", shown.stdout)
    assert found is not None, shown.stdout + shown.stderr
    assert float(found[1]) <= MAX_EXPOSURE


def test_a_unit_with_a_mistake_is_not_accepted(tmp_path: Path) -> None:
    unit = tmp_path / NAME
    unit.write_text(unit_text(DATA, None, "root", "much"))
    assert "Invalid memory limit" in analyze("verify", "--man=no", str(unit)).stderr


def test_it_is_written_for_this_installation_and_its_folders(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["install-service", "--to", str(tmp_path), "--user", "curator"])
    assert done.exit_code == 0 and "useradd" in done.output and "enable --now" in done.output
    text = (tmp_path / NAME).read_text()
    assert f"ExecStart={sys.executable} -m gleaner collector serve --data /var/lib/gleaner\n" in text
    assert "User=curator\n" in text and "ReadWritePaths=/var/lib/gleaner\n" in text
    printed = CliRunner().invoke(app, ["install-service", "--print", "--user", "curator", "--to", "/nowhere"])
    assert printed.stdout == text


@pytest.mark.parametrize(
    ("data", "home", "tmp", "writes", "warned"),
    [
        ("/var/lib/gleaner", "yes", "yes", "/var/lib/gleaner", None),
        ("/home/ann/gleaner", "read-only", "yes", "/home/ann/gleaner", "homes"),
        ("/root/gleaner", "read-only", "yes", "/root/gleaner", "homes"),
        ("/var/tmp/gleaner", "yes", "no", "/var/tmp/gleaner /tmp /var/tmp", "empties"),
        ("/tmp/gleaner", "yes", "no", "/tmp/gleaner /tmp /var/tmp", "empties"),
    ],
)
def test_what_hardening_would_hide_from_the_service_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, data: str, home: str, tmp: str, writes: str, warned: str | None
) -> None:
    for name in ("executable", "base_prefix"):
        monkeypatch.setattr(sys, name, "/opt/gleaner/bin/python")
    monkeypatch.setattr(install_service, "__file__", "/opt/gleaner/lib/install_service.py")
    done = CliRunner().invoke(app, ["install-service", "--print", "--data", data])
    assert f"\nProtectHome={home}\n" in done.stdout and f"\nPrivateTmp={tmp}\n" in done.stdout
    assert f"\nReadWritePaths={writes}\n" in done.stdout
    assert done.stderr == "" if warned is None else (data in done.stderr and warned in done.stderr)


@pytest.mark.parametrize("place", ["/home/ann", "/tmp"])
def test_a_python_that_is_a_link_into_a_home_or_a_temporary_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(install_service, "__file__", "/opt/gleaner/lib/install_service.py")
    monkeypatch.setattr(sys, "executable", "/opt/gleaner/bin/python")
    monkeypatch.setattr(sys, "base_prefix", f"{place}/python")
    text = unit_text(DATA, None, "gleaner", "8G")
    assert ("ProtectHome=read-only" if place == "/home/ann" else "PrivateTmp=no") in text


def test_with_a_credential_systemd_gives_the_master_key(tmp_path: Path) -> None:
    file = tmp_path / "of gleaner" / "master.cred"
    words = ["install-service", "--to", str(tmp_path), "--credential", str(file)]
    done = CliRunner().invoke(app, words)
    text = (tmp_path / NAME).read_text()
    assert f"\nLoadCredentialEncrypted=gleaner-master-key:{file}\n" in text and "RuntimeDirectory=%N\n" in text
    assert f"  {encrypt_line(file)}\n" in done.output
    assert f"MASTER_KEY=/run/credentials/{NAME}/gleaner-master-key\n" in done.output
    without = unit_text(DATA, None, "gleaner", "8G")
    assert "Credential" not in without and "RuntimeDirectory" not in without


def test_what_the_printed_line_makes_is_a_master_key_for_the_service(tmp_path: Path) -> None:
    """systemd-creds opens it as systemd does; with a host's key of the test's own."""
    need(shutil.which("systemd-creds"), "systemd-creds is missing: apt-get install systemd")
    environment = {**os.environ, "SYSTEMD_CREDENTIAL_SECRET": str(tmp_path / "host.secret")}
    encrypted, opened = tmp_path / "of gleaner.cred", tmp_path / CREDENTIAL
    line = encrypt_line(encrypted).replace("encrypt --name", "encrypt --with-key=host --name")
    subprocess.run(["sh", "-c", line], env=environment, check=True, timeout=60, capture_output=True)
    words = ["systemd-creds", "decrypt", f"--name={CREDENTIAL}", str(encrypted), str(opened)]
    subprocess.run(words, env=environment, check=True, timeout=60, capture_output=True)
    assert (tmp_path / "host.secret").exists()
    assert opened.read_bytes() not in encrypted.read_bytes()
    opened.chmod(0o400)
    read_master_key(opened)


@pytest.mark.parametrize(
    ("folder", "written"),
    [("/srv/a b", '"/srv/a b"'), ("/srv/50%", "/srv/50%%"), ("/srv/$HOME", "/srv/$$HOME"), ('/srv/"', '"/srv/\\""')],
)
def test_odd_names_reach_the_service_as_they_are(folder: str, written: str) -> None:
    text = unit_text(Path(folder), None, "gleaner", "8G")
    assert f" --data {written}\n" in text


def test_homes_are_hidden_unless_the_data_is_there() -> None:
    assert "ProtectHome=read-only\n" in unit_text(Path("/home/ana/gleaner"), None, "ana", "8G")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["install-service", "--to", str(tmp_path / "none" / "here")])
    assert isinstance(done.exception, UnitUnwritable) and "cannot be written" in str(done.exception)
