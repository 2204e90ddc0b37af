"""What a model costs on this machine: it is loaded, tried out and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from prelabel.audio.vad import RATE, WINDOW
from prelabel.checks.any_model import AnyModel, open_any_model
from prelabel.checks.samples import SampleSound
from prelabel.media.pictures import Image
from prelabel.models.package import ModelPackage, open_model
from prelabel.models.runtime import Graph, Meter, metered

PICTURES = ((640, 360), (1280, 720))
IDLE_SECONDS = 0.3
_MIB = 2**20


@dataclass(frozen=True)
class Timing:
    """Wall milliseconds of one unit of work, over `runs` of them.

    `cpu_ms` is processor time of the whole process for one unit, `outside_ms` the part of it outside the network:
    bringing the picture in, decoding what comes out.
    """

    what: str
    median_ms: float
    p90_ms: float
    worst_ms: float
    cpu_ms: float
    outside_ms: float
    runs: int


@dataclass(frozen=True)
class Cost:
    """What loading and running a model took.

    load_ms       until the model has been tried out
    graph         whether an optimised copy of the network was loaded, made, or neither
    memory_mib    resident memory of the whole process afterwards; `peak_mib` the most it ever was
    idle_ms       processor time in the 300 ms after a run, when nothing should happen
    """

    load_ms: float
    graph: Graph
    memory_mib: float
    peak_mib: float
    idle_ms: float
    timings: tuple[Timing, ...]


def measure(
    package: ModelPackage, threads: int = 1, runs: int = 20, sizes: Sequence[tuple[int, int]] = PICTURES
) -> Cost:
    """Load a model, hold it against its manifest, and time it on noise.

    Raises:
        ModelRefused: it does not load or does not do what its manifest states.
    """
    return load_and_measure(package, threads, runs, sizes)[1]


def load_and_measure(
    package: ModelPackage, threads: int = 1, runs: int = 20, sizes: Sequence[tuple[int, int]] = PICTURES
) -> tuple[AnyModel, Cost]:
    """`measure`, and the loaded model. `sizes` of pictures are width x height in pixels."""
    with metered() as meter:
        started = time.perf_counter()
        model = open_any_model(package, threads)
        load_ms = _since(started)
        timings = [_timed(what, work, runs, meter) for what, work in _units(model, sizes)]
        before = time.process_time()
        time.sleep(IDLE_SECONDS)
        idle_ms = (time.process_time() - before) * 1000
    return model, Cost(
        load_ms=load_ms,
        graph=meter.graphs[0] if meter.graphs else "original",
        memory_mib=psutil.Process().memory_info().rss / _MIB,
        peak_mib=peak_mib(),
        idle_ms=idle_ms,
        timings=tuple(timings),
    )


def bench(inputs: dict[str, Any]) -> dict[str, Any]:
    """`measure` as a piece of work for a process of its own, whose memory is then the model's.

    Args:
        inputs: `model` as `open_model` takes it, `threads`, `runs`, `sizes`.
    """
    bare_mib = psutil.Process().memory_info().rss / _MIB
    sizes = [(int(width), int(height)) for width, height in inputs["sizes"]]
    cost = measure(open_model(inputs["model"]), inputs["threads"], inputs["runs"], sizes)
    return {**asdict(cost), "bare_mib": bare_mib}


def peak_mib() -> float:
    """The most resident memory this process ever had, without what its parent had before it."""
    row = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(row.split()[1]) / 1024


def _units(model: AnyModel, sizes: Sequence[tuple[int, int]]) -> list[tuple[str, Callable[[], object]]]:
    """What the model does again and again: a picture of each size, a block of sound."""
    generator = np.random.default_rng(1)
    if model.sounds is not None:
        rate = model.package.manifest.audio.rate
        if model.package.family == "vad":
            stream = model.sounds.listen(RATE)
            block = generator.normal(0, 0.1, WINDOW).astype(np.float32)
            return [(f"{1000 * WINDOW // RATE} ms of sound", lambda: stream.push(block))]
        second = SampleSound(generator.normal(0, 0.1, rate).astype(np.float32), rate)
        return [("second of sound", lambda: model.labels(second))]
    pictures: list[Image] = [generator.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in sizes]
    return [
        (f"picture of {width} x {height}", lambda picture=picture: model.labels(picture))  # type: ignore[misc]
        for (width, height), picture in zip(sizes, pictures, strict=True)
    ]


def _timed(what: str, work: Callable[[], object], runs: int, meter: Meter) -> Timing:
    work()  # the first run allocates
    spent = []
    inside, cpu = meter.cpu_seconds, time.process_time()
    for _ in range(runs):
        started = time.perf_counter()
        work()
        spent.append(_since(started))
    cpu = time.process_time() - cpu
    inside = meter.cpu_seconds - inside
    return Timing(
        what=what,
        median_ms=float(np.median(spent)),
        p90_ms=float(np.percentile(spent, 90)),
        worst_ms=max(spent),
        cpu_ms=cpu * 1000 / runs,
        outside_ms=max(0.0, cpu - inside) * 1000 / runs,
        runs=runs,
    )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
