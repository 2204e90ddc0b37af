"""kill -9 at random moments, of recording and of recovery: what was promised durable is there, nothing twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from tests.device_agent.spool.making import noise
from tests.needs import ROOT
from tests.support.trials import rounds
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest
from wire.parent import bound

ROUNDS = rounds(8, 25)


def run_until_killed(root: Path, seed: int, captures: int, seconds: float) -> list[list[str]]:
    """The promises of a process that was killed `seconds` after it had closed so many captures."""
    command = [sys.executable, "-m", "tests.device_agent.spool.crashing", str(root), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, **bound()) as process:
        assert process.stdout is not None
        first = [process.stdout.readline()]
        while sum(line.startswith("closed") for line in first) < captures:
            first.append(process.stdout.readline())
            assert first[-1], "it ended by itself"
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
    # The last line may be cut by the kill: a promise counts once its line is whole.
    return [line.split() for line in ("".join(first) + rest).splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.soak
def test_kill_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    root = tmp_path / "spool"
    durable: dict[str, int] = {}
    closed: set[str] = set()
    for seed in range(1, ROUNDS + 1):
        # Often so early that the kill meets the recovery of the round before.
        captures = chance.choice([0, 0, 1, 3, 8])
        for words in run_until_killed(root, seed, captures, chance.choice([0.0, 0.01, 0.05])):
            match words:
                case ["durable", capture, size]:
                    durable[capture] = int(size)
                case ["closed", capture]:
                    closed.add(capture)
    spool = Spool(root, reserve_bytes=0)
    recover(spool)
    assert spool.unfinished() == [] and recover(spool) == []
    pending = {row.capture: row for row in spool.pending()}
    for capture, size in durable.items():
        expected = noise(int(capture.removeprefix("cap-")), 400_000)
        if capture not in pending:
            assert size == 0 and spool.state_of(capture) == "dropped"
            continue
        media = (spool.layout.captures / capture / "media").read_bytes()
        assert len(media) >= size and media == expected[: len(media)]
    for capture in closed:
        assert capture in pending or spool.state_of(capture) == "dropped"
    for row in pending.values():
        assert row.manifest is not None
        manifest = CaptureManifest.read(row.manifest)
        for part in manifest.parts:
            data = spool.read(row.capture, part.name, 0, 1 << 30)
            assert (len(data), sha256_hex(data)) == (part.sealed_bytes, part.sealed_sha256)
        if row.capture not in closed:
            continue
        assert manifest.complete or manifest.sha256 is None
    assert len(closed) > ROUNDS
    spool.close()
