"""The `gleaner` command: the names of its verbs and where they live, imported on use, nothing else."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import stat
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wire.core_dumps import forbid_core_dumps
from wire.errors import GleanerError, Unexpected
from wire.interrupted import interrupt
from wire.parent import end_with_parent

VERBS = {
    "demo": ("hardware.demo", "A whole installation on this machine: collector, device, session, review."),
    "collector": ("collector.cli", "The service, its people, its reports and exports."),
    "agent": ("device_agent.cli", "The smart camera: join a collector, run a session."),
    "prelabel": ("prelabel.cli", "Models on the device: list, pull, check, run, redact, bench."),
    "scripts": ("scripts.cli", "Scripts (SOPs): check, compile, show, list."),
    "hardware": ("hardware.cli", "A device on the bench: measurements with limits."),
}


_FULL_DEVICE = os.makedev(1, 7)  # /dev/full on Linux


class VerbGroup(TyperGroup):
    """Imports a program only when its verb is used: `gleaner agent` on a Pi loads no database and no web server."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        return typer.main.get_command(typer.Typer(name=cmd_name, help=VERBS[cmd_name][1], callback=lambda: None))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        if name is None:
            return name, None, rest
        command = typer.main.get_command(importlib.import_module(VERBS[name][0]).app)
        command.name = name
        return name, command, rest


app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Gleaner: guided data collection on smart cameras, pre-labels on the device, people who correct them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from wire.version import installed_version

        typer.echo(f"gleaner {installed_version()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Gleaner: guided data collection on smart cameras, pre-labels on the device, people who correct them."""


def discard_output() -> None:
    """Point standard output at nothing, so that Python's own flush at the end cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_is_full() -> bool:
    """Whether standard output is full: a file on a full disk, or a device that is always full.

    The same error comes from any other full disk; a pipe or a terminal never gives it.
    """
    if sys.stdout is None or sys.stdout.isatty():
        return False
    kind = os.fstat(sys.stdout.fileno())
    if stat.S_ISREG(kind.st_mode):
        return os.fstatvfs(sys.stdout.fileno()).f_bavail == 0
    return stat.S_ISCHR(kind.st_mode) and kind.st_rdev == _FULL_DEVICE


def main() -> None:
    """Run the command. A GleanerError is one sentence on standard error and its own exit code."""
    end_with_parent()
    forbid_core_dumps()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # a full disk behind it shows now, while a sentence can still be written
    except GleanerError as error:
        typer.echo(f"{error} [{error.code}]", err=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:  # one that came before or after a command's own handling
        raise SystemExit(130) from None
    except BrokenPipeError:
        discard_output()
        raise SystemExit(1) from None
    except Exception as error:  # the outermost edge: a person sees a sentence, never a stack
        if os.environ.get("GLEANER_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None and _output_is_full():
            discard_output()
            typer.echo(
                f"The output cannot be written: {error.strerror}. Free space there. [output-unwritable]", err=True
            )
            raise SystemExit(3) from None
        unexpected = Unexpected(error)
        typer.echo(f"{unexpected} [{unexpected.code}]", err=True)
        raise SystemExit(unexpected.exit_code) from None


if __name__ == "__main__":
    main()
