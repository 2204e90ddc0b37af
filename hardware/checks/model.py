"""A model on this device: is it fast enough for its pictures or sound."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from device_agent.labelling.labeller import MAX_IDLE_LOOKS_PER_SECOND, MAX_LOOKS_PER_SECOND
from hardware.checks.base import Check, CheckOutcome, Limit, ReportProgress, measured
from prelabel.audio.vad import RATE, WINDOW
from prelabel.checks.timing import measure
from prelabel.models.catalogue import choose
from prelabel.models.package import ModelPackage, open_model

MEASURES = (("time a frame", "ms"), ("worst frame", "ms"), ("memory", "MiB"))
AGENT_MEMORY_MIB = 400


def model_check(model: str = "auto", threads: int = 1, runs: int = 30) -> Check:
    """Time a model of the catalogue, a package folder or a file; `auto` is the one a session would find people with."""
    return Check("model", f"Model {model}", MEASURES, lambda report: _measure(model, threads, runs, report))


def limits(family: str) -> tuple[Limit, Limit]:
    """Milliseconds that one unit of work may take, as a rule and at worst.

    Pictures: as many looks a second as the agent wants while it records; at worst as many as it wants at rest.
    Sound: a third of the time that a block lasts, at worst the whole of it: a model that is slower falls behind.
    """
    if family == "vad":
        block_ms = 1000 * WINDOW / RATE
        return Limit(most=round(block_ms / 3, 1)), Limit(most=block_ms)
    return Limit(most=1000 / MAX_LOOKS_PER_SECOND), Limit(most=1000 / MAX_IDLE_LOOKS_PER_SECOND)


def _measure(model: str, threads: int, runs: int, report: ReportProgress) -> CheckOutcome:
    report(0.0, "model: loading")
    package = open_model(choose("people") if model == "auto" else model)
    report(0.1, f"model: {package.name}, {runs} runs")
    cost = measure(package, threads, runs)
    report(1.0, f"model: {package.name}")
    as_a_rule, at_worst = limits(package.family)
    # The first is the small stream's size, which the agent looks at; larger ones are facts.
    timing = cost.timings[0]
    unit = "block" if package.family == "vad" else "frame"
    rows = (
        measured(f"time a {unit}", timing.median_ms, "ms", as_a_rule, f"{timing.what}, median of {timing.runs}"),
        measured(f"worst {unit}", timing.worst_ms, "ms", at_worst, timing.what),
        measured("memory", cost.memory_mib, "MiB", Limit(most=AGENT_MEMORY_MIB), "of the whole process of this check"),
    )
    about = {**facts(package), "threads": threads, "load_ms": round(cost.load_ms, 1)}
    about["timings"] = [asdict(row) for row in cost.timings]
    return CheckOutcome(rows, about, title=f"Model {package.name}")


def facts(package: ModelPackage) -> dict[str, Any]:
    return {
        "model": package.name,
        "version": package.version,
        "family": package.family,
        "sha256": package.sha256,
    }
