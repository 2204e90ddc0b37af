"""What a model costs on this machine: it is loaded, tried out and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from prelabel.audio.vad import RATE, WINDOW, VadModel, VadStream
from prelabel.detection import Detector, open_detector
from prelabel.package import ModelPackage

PICTURES = ((640, 360), (1280, 720))
_MIB = 2**20


@dataclass(frozen=True)
class Timing:
    """Wall milliseconds of one unit of work, over `runs` of them."""

    what: str
    median_ms: float
    worst_ms: float
    runs: int


@dataclass(frozen=True)
class Cost:
    """What loading and running a model took; `memory_mib` is resident memory of the whole process afterwards."""

    load_ms: float
    memory_mib: float
    timings: tuple[Timing, ...]


def measure(package: ModelPackage, threads: int = 1, runs: int = 20) -> Cost:
    """Load a model, hold it against its manifest, and time it on noise.

    Raises:
        ModelRefused: it does not load or does not do what its manifest says.
    """
    started = time.perf_counter()
    if package.family == "vad":
        model = VadModel(package, threads)
        load_ms = _since(started)
        timings = [_time_speech(model, runs)]
    else:
        detector = open_detector(package, threads)
        load_ms = _since(started)
        timings = [_time_picture(detector, width, height, runs) for width, height in PICTURES]
    memory = psutil.Process().memory_info().rss / _MIB
    return Cost(load_ms=load_ms, memory_mib=memory, timings=tuple(timings))


def _time_picture(detector: Detector, width: int, height: int, runs: int) -> Timing:
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return _timed(f"picture of {width} x {height}", lambda: detector.detect(image), runs)


def _time_speech(model: VadModel, runs: int) -> Timing:
    stream = VadStream(model, RATE)
    samples = np.random.default_rng(1).normal(0, 0.1, WINDOW).astype(np.float32)
    return _timed(f"{1000 * WINDOW // RATE} ms of sound", lambda: stream.push(samples), runs)


def _timed(what: str, work: Callable[[], object], runs: int) -> Timing:
    work()  # the first run allocates
    spent = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        spent.append(_since(started))
    return Timing(what=what, median_ms=float(np.median(spent)), worst_ms=max(spent), runs=runs)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
