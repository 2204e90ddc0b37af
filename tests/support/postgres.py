"""One PostgreSQL server for all processes of a test run: on a socket in a folder of its own, never on a port.

The first process that needs it starts it, and with it a watcher, which ends it when the last process that uses it has
gone, however that went. A database is a copy of one that was migrated once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests.needs import ROOT, need

PACKAGE = "PostgreSQL is missing: sudo make system (or apt-get install postgresql)"
TEMPLATE = "gleaner_template"
# Servers are killed here, machines are not: what the kernel was given is there after that, and hundreds of databases
# are copied.
CARELESS = "-c fsync=off -c full_page_writes=off"
OPTIONS = "-c listen_addresses='' -c max_connections=200 -c shared_buffers=64MB"


def programs() -> Path | None:
    """The folder of the newest server that Debian's package installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def need_postgres() -> None:
    need(programs(), PACKAGE)
    with contextlib.suppress(ImportError):
        import psycopg  # noqa: F401

        return
    need(False, "psycopg is missing: make dev")


class Server:
    """A server in a folder; it may be killed and started again."""

    def __init__(self, folder: Path, options: str = CARELESS) -> None:
        self.folder = folder
        self._options = options
        self._user = "postgres" if os.geteuid() == 0 else None

    @property
    def address(self) -> str:
        user = self._user or pwd.getpwuid(os.geteuid()).pw_name
        return f"postgresql://{user}@/{{name}}?host={self.folder}"

    def create(self) -> None:
        """Raises subprocess.CalledProcessError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        # As UTF8 and sorted by bytes, like SQLite.
        self._run("initdb", "-D", self._data, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
        self.start()

    def start(self) -> None:
        """Returns when it answers. Raises subprocess.CalledProcessError."""
        options = f"-k {self.folder} {OPTIONS} {self._options}"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", f"{self.folder}/log", "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """`immediate`: at once, as if it was killed. Nothing happens where none runs."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def _run(self, program: str, *words: str) -> None:
        found = programs()
        assert found is not None
        subprocess.run(
            [found / program, *words],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
            cwd="/", user=self._user, group=self._user, extra_groups=None if self._user is None else [],
        )  # fmt: skip


def new_address(*, migrated: bool = True) -> str:
    """The address of a new database on the server of this run: with the tables of this version, or empty."""
    server = shared_server()
    name = f"t{token_hex(8)}"
    source = TEMPLATE if migrated else "template0"
    as_admin(server, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY wal_log")
    return server.address.format(name=name)


def drop(address: str) -> None:
    """Remove a database of the server of this run, whoever is still connected."""
    name = address.split("?")[0].rsplit("/", 1)[1]
    as_admin(shared_server(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def own_server(options: str = CARELESS) -> Iterator[Server]:
    """A server of its own, for a test that kills it or a benchmark."""
    need_postgres()
    with tempfile.TemporaryDirectory(prefix="gleaner-pg-", dir="/tmp") as name:
        server = Server(Path(name) / "s", options)
        Path(name).chmod(0o755)
        server.create()
        _make_template(server)
        try:
            yield server
        finally:
            server.stop()


@cache
def shared_server() -> Server:
    """That of this run. It lives as long as a process that called this."""
    need_postgres()
    place = _place()
    place.mkdir(mode=0o755, exist_ok=True)
    with _locked(place / "starting"):
        users = os.open(place / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody uses one: what is there is over
            server = Server(place / f"s{token_hex(4)}")
            server.create()
            _make_template(server)
            (place / "server.json").write_text(json.dumps(str(server.folder)))
            fcntl.flock(users, fcntl.LOCK_SH)
            subprocess.Popen(
                [sys.executable, "-m", __name__, str(place), str(server.folder)],
                cwd=ROOT, start_new_session=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            return server
        fcntl.flock(users, fcntl.LOCK_SH)
        return Server(Path(json.loads((place / "server.json").read_text())))


def _place() -> Path:
    """A folder of this run: short, for the name of a socket has a hundred characters."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    return Path("/tmp") / f"gleaner-pg-{os.geteuid()}-{run[:12]}"


def _make_template(server: Server) -> None:
    from collector.store.open import open_database

    as_admin(server, f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    with tempfile.TemporaryDirectory() as folder:
        open_database(folder, server.address.format(name=TEMPLATE)).close()


def as_admin(server: Server, sql: str) -> None:
    import psycopg

    with psycopg.connect(server.address.format(name="postgres"), autocommit=True) as conn:
        conn.execute(sql)  # type: ignore[call-overload]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _watch(place: Path, folder: Path) -> None:
    """Wait until nobody uses the server of a run, then end it and remove its folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with (place / "users").open("r+") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        Server(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            shutil.rmtree(place)


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    _watch(Path(arguments[0]), Path(arguments[1]))
