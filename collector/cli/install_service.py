"""`gleaner collector install-service`: a systemd unit that runs the collector with few rights and limited resources."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from collector.master_key import CREDENTIAL
from wire.errors import GleanerError
from wire.files import write_whole

NAME = "gleaner-collector.service"
UNIT = """\
# Made by: gleaner collector install-service
[Unit]
Description=Gleaner collector
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=notify
User={user}
ExecStart={command}
WorkingDirectory={data}
UMask=0077
{secrets}
# It notifies systemd once it answers, and then after each check that rows and files can be written.
WatchdogSec=120
TimeoutStartSec=1800
TimeoutStopSec=60
Restart=on-failure
RestartSec=5
KillMode=mixed

# Limits. A worker that takes too much memory is ended alone; the service tries its job again.
LimitNOFILE=65536
MemoryMax={memory}
TasksMax=512
OOMPolicy=continue

# It writes into its data folder and nowhere else, sees no homes, devices or other processes, and gains no rights.
ProtectSystem=strict
ReadWritePaths={folder}{shared_tmp}
ProtectHome={home}
PrivateTmp={private_tmp}
PrivateDevices=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
CREDENTIAL_LINES = """
# The master key: systemd opens it with the TPM or the key of this machine, for this service alone. One that another
# secrets manager writes as a plain file is loaded with LoadCredential={name}:PATH instead.
LoadCredentialEncrypted={name}:{file}
# In memory: the certificate's key, which the server reads as a plain file.
RuntimeDirectory=%N
RuntimeDirectoryMode=0700
"""


# What ProtectHome and PrivateTmp hide from a service.
HOMES = ("/home", "/root", "/run/user")
TEMPORARY = ("/tmp", "/var/tmp")


class UnitUnwritable(GleanerError):
    """The unit cannot be written to its folder."""

    code = "unit-unwritable"
    exit_code = 3
    hint = "Run it as root, or with --print and put the output where it belongs."


def install_service(
    data: Annotated[Path, typer.Option(help="Folder of database, blobs and keys.")] = Path("/var/lib/gleaner"),
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="A TOML file with settings (docs/collector.md).")
    ] = None,
    user: Annotated[str, typer.Option(help="The user that it runs as.")] = "gleaner",
    memory: Annotated[str, typer.Option(help="The most memory of the service and its workers together.")] = "8G",
    credential: Annotated[
        Path | None,
        typer.Option(help="The master key, encrypted by systemd-creds: all other keys are encrypted with it."),
    ] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the unit and write nothing.")] = False,
    folder: Annotated[Path, typer.Option("--to", help="Folder of the unit.")] = Path("/etc/systemd/system"),
) -> None:
    """Write a systemd unit for this installation, with limits, hardening and a watchdog."""
    unit = unit_text(data, settings_file, user, memory, credential)
    for sentence in _weaker(_paths(data, settings_file, credential)):
        typer.echo(sentence, err=True)
    if only_print:
        typer.echo(unit, nl=False)
        return
    try:
        write_whole(folder / NAME, unit.encode(), mode=0o644)
    except OSError as error:
        raise UnitUnwritable(f"{folder / NAME} cannot be written: {error.strerror}.") from error
    typer.echo(f"Wrote {folder / NAME}. Then, as root:")
    typer.echo(f"  id {user} || useradd --system --home-dir {data.absolute()} --shell /usr/sbin/nologin {user}")
    typer.echo(f"  install -d -o {user} -g {user} -m 0700 {data.absolute()}")
    if credential is not None:
        typer.echo(f"  install -d {shlex.quote(str(credential.absolute().parent))}")
        typer.echo(f"  {encrypt_line(credential)}")
    typer.echo(f"  systemctl daemon-reload && systemctl enable --now {NAME}")
    if credential is not None:
        typer.echo("Commands of this user and of root find the master key, while the service runs, by:")
        typer.echo(f"  export GLEANER_COLLECTOR_MASTER_KEY=/run/credentials/{NAME}/{CREDENTIAL}")


def encrypt_line(credential: Path) -> str:
    """What makes a master key and encrypts it for this machine; in plain it is in a pipe alone."""
    make = f"{shlex.quote(sys.executable)} -c 'import secrets; print(secrets.token_hex(32))'"
    return f"{make} | systemd-creds encrypt --name={CREDENTIAL} - {shlex.quote(str(credential.absolute()))}"


def unit_text(data: Path, settings_file: Path | None, user: str, memory: str, credential: Path | None = None) -> str:
    """The unit for the Python that runs this command."""
    words = [sys.executable, "-m", "gleaner", "collector", "serve", "--data", str(data.absolute())]
    words += [] if settings_file is None else ["--settings", str(settings_file.absolute())]
    paths = _paths(data, settings_file, credential)
    needs_tmp = bool(_below(paths, TEMPORARY))
    command = " ".join(_quoted(word) for word in words)
    return UNIT.format(
        user=user,
        command=command,
        data=_escaped(str(data.absolute())),
        folder=_quoted(str(data.absolute())),
        memory=memory,
        secrets=""
        if credential is None
        else CREDENTIAL_LINES.format(name=CREDENTIAL, file=_escaped(str(credential.absolute()))),
        home="read-only" if _below(paths, HOMES) else "yes",
        private_tmp="no" if needs_tmp else "yes",
        shared_tmp="".join(f" {folder}" for folder in TEMPORARY) if needs_tmp else "",
    )


def _paths(data: Path, settings_file: Path | None, credential: Path | None) -> list[Path]:
    """What the service reads, by every name: Python may be a link into a home, and this program be elsewhere."""
    named = [data, Path(sys.executable), Path(sys.base_prefix), Path(__file__), settings_file, credential]
    whole = [path.absolute() for path in named if path is not None]
    return list(dict.fromkeys([*whole, *(path.resolve() for path in whole)]))


def _below(paths: list[Path], folders: tuple[str, ...]) -> list[Path]:
    return [path for path in paths if any(path.is_relative_to(folder) for folder in folders)]


def _weaker(paths: list[Path]) -> Iterator[str]:
    """What of the hardening is left out, since the service would not find its own files, and what follows from that."""
    if found := _below(paths, HOMES):
        yield f"{found[0]} is in a home, so the service may read homes (ProtectHome=read-only). Better: /opt, /var/lib."
    if found := _below(paths, TEMPORARY):
        yield (
            f"{found[0]} is in a folder for temporary files, which systemd empties at a start or after some days: put"
            " it elsewhere, such as into /opt or /var/lib. The service shares these folders (PrivateTmp=no)."
        )


def _quoted(word: str) -> str:
    """A word of a command line as systemd reads it."""
    plain = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{plain}"' if any(sign.isspace() or sign in "\"'\\;" for sign in word) else plain


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
