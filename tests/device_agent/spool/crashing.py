"""A program that spools until it is killed: `python -m tests.device_agent.spool.crashing ROOT SEED`.

First it recovers, as an agent does. Every line on standard output is a promise: `durable CAPTURE BYTES` that many
bytes of noise(seed of the capture) are on the disk, `closed CAPTURE` its manifest is.
"""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path

from device_agent.record.times import pack_point
from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from tests.device_agent.spool.making import header, noise, recorded
from wire.parent import end_with_parent


def promise(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def watch(spool: Spool) -> None:
    told: dict[str, int] = {}
    seen = -1
    while True:
        seen = spool.wait(10, seen)
        for row in spool.pending():
            size, _ = spool.durable(row.capture, "media")
            if size > told.get(row.capture, -1):
                told[row.capture] = size
                promise(f"durable {row.capture} {size}")


def main() -> None:
    root, seed = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(seed)
    spool = Spool(root, reserve_bytes=0)
    for torn in recover(spool):
        promise(f"torn {torn.capture} {torn.bytes} {torn.dropped}")
    threading.Thread(target=watch, args=(spool,), daemon=True).start()
    promise("ready")
    number = 0
    while True:
        number += 1
        own = seed * 1000 + number
        size = chance.randrange(0, 400_000)
        data = noise(own, size)
        capture = spool.open_capture(header("audio", capture=f"cap-{own}", take=f"take-{own}"))
        media, times = capture.sink("media"), capture.sink("times")
        times.write(pack_point(0, 1_000_000))
        for start in range(0, size, 8192):
            media.write(data[start : start + 8192])
        media.close()
        times.close()
        capture.put("labels:vad", b"{}" * chance.randrange(1, 500))
        if chance.random() < 0.2:
            capture.close_torn("a person said so")
        else:
            capture.finish(recorded(data))
        promise(f"closed {capture.header.capture}")


if __name__ == "__main__":
    end_with_parent()
    main()
