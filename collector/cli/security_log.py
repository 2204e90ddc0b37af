"""`gleaner collector security-log`: read the log of who was let in and who changed what, and check that it is whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.cli.times import FORMATS, parser
from collector.local_service import require_data
from collector.security.chain import check_chain, parsed_line
from collector.security.files import read_lines
from collector.security.sender import read_sent
from collector.settings import load_settings
from wire.base import format_utc
from wire.errors import GleanerError

MAX_FAULTS_SHOWN = 20


class SecurityLogDamaged(GleanerError):
    code = "security-log-damaged"
    exit_code = 1
    hint = "Compare it with a backup; somebody with access to the data folder has changed it."


def security_log(
    since: Annotated[
        datetime | None, typer.Option(parser=parser(UTC), metavar="TIME", help=f"Only from then on (UTC): {FORMATS}.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check that no line was changed or removed.")] = False,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Show the security log: sign-ins, refusals, joins, tokens, revocations and commands."""
    settings = load_settings({"data": data}, settings_file)
    folder = settings.logs_folder
    if not folder.is_dir():
        require_data(settings)
    if check:
        end, faults = check_chain(read_lines(folder))
        for fault in faults[:MAX_FAULTS_SHOWN]:
            typer.echo(f"line {fault.line}: {fault.why}", err=True)
        if faults:
            raise SecurityLogDamaged(f"The security log has {len(faults)} places where lines were changed or removed.")
        typer.echo(f"The security log is whole. Its newest line: number {end.number}, hash {end.chain}")
        sent = read_sent(folder)
        if sent is not None:
            trouble = f", and since {sent.since} no further: {sent.problem}" if sent.problem else ""
            typer.echo(f"Sent to {sent.to} up to number {sent.number}{trouble}.")
        return
    begin = "" if since is None else format_utc(since)
    for line in read_lines(folder):
        found = parsed_line(line)
        if found is not None and str(found.get("at", "")) >= begin:
            typer.echo(line.decode(errors="replace").rstrip() if as_json else _shown(found))


def _shown(found: dict[str, Any]) -> str:
    members = {name: value for name, value in found.items() if name not in ("n", "at", "event", "chain")}
    rest = " ".join(
        f"{name}={value if isinstance(value, str) and value.isprintable() else json.dumps(value)}"
        for name, value in members.items()
    )
    return f"{str(found.get('at'))[:19]} {found.get('event')} {rest}".rstrip()
