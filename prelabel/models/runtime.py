"""ONNX sessions: the only import of onnxruntime.

A network is loaded from a copy that onnxruntime has optimised before, if there is one for these bytes, this machine
and these settings (optimised_copies.py).

Measured with onnxruntime 1.32 on two x86 cores: with spinning left on, 49 ms of CPU burn after each run; with the
memory arena off, a run of a detector leaves 40 to 100 MB more behind (glibc keeps what malloc fragments), so the
arena and the memory pattern stay on.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wire.files import file_sha256

# Official builds report to their maker from the import on, unless this is set before it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from prelabel.models.onnx_file import Dims, ModelRefused, free_sizes, has_half_floats, why_not_onnx
from prelabel.models.optimised_copies import MIN_BYTES, OptimisedCopies, key_of
from prelabel.models.protobuf import NotProtobuf

Array = NDArray[Any]
Graph = Literal["original", "copy made", "copy"]

_FOREIGN: tuple[type[Exception], ...] = tuple(
    error for error in vars(ort_errors).values() if isinstance(error, type) and issubclass(error, Exception)
)
_NOTHING = 4  # what fails is raised; onnxruntime would write it to standard error too
_MAX_WORDS = 400
_SETTINGS = {"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0"}
PROVIDER = "CPUExecutionProvider"
RUNTIME = f"onnxruntime {onnxruntime.__version__}"
_meter: Meter | None = None


@dataclass(frozen=True)
class Tensor:
    """A declared input or output; a free size is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass
class Meter:
    """What sessions did while metered: runs, CPU seconds of the whole process within them, and what was loaded."""

    runs: int = 0
    cpu_seconds: float = 0.0
    graphs: list[Graph] = field(default_factory=list)


class Session:
    """One loaded network on the CPU. `run` may be called from several threads.

    Args:
        model: the file, or its bytes.
        name: how messages call it.
        threads: threads within an operator; spinning is off, so an idle session needs no CPU.
        optimised: whether `model` is a copy that is optimised already.
        keep: where onnxruntime writes its optimised copy.

    Raises:
        ModelRefused: onnxruntime does not take the file.
    """

    def __init__(
        self, model: Path | bytes, name: str, threads: int = 1, *, optimised: bool = False, keep: Path | None = None
    ) -> None:
        self.name = name
        self.graph: Graph = "copy" if optimised else "original" if keep is None else "copy made"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _NOTHING
        for entry, value in _SETTINGS.items():
            options.add_session_config_entry(entry, value)
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_DISABLE_ALL if optimised else levels.ORT_ENABLE_ALL
        if keep is not None:
            options.optimized_model_filepath = str(keep)
        source = str(model) if isinstance(model, Path) else model
        try:
            # Named explicitly: libraries that take the first available provider end on other hardware.
            self._session = onnxruntime.InferenceSession(source, options, providers=[PROVIDER])
        except _FOREIGN as error:
            raise _refused(name, error) from error
        self.inputs = {row.name: _tensor(row) for row in self._session.get_inputs()}
        self.outputs = {row.name: _tensor(row) for row in self._session.get_outputs()}

    def run(self, feeds: Mapping[str, Array], wanted: list[str] | None = None) -> dict[str, Array]:
        """The outputs by name, all of them or those `wanted`.

        Raises:
            ModelRefused: the network does not run on these feeds.
        """
        names = list(self.outputs) if wanted is None else wanted
        started = time.process_time() if _meter is not None else 0.0
        try:
            values = self._session.run(names, dict(feeds))
        except _FOREIGN as error:
            raise ModelRefused(f"{self.name} does not run: {_first_line(error)}.") from error
        if _meter is not None:
            _meter.runs += 1
            _meter.cpu_seconds += time.process_time() - started
        return dict(zip(names, values, strict=True))

    def require(self, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        """Refuse a file that lacks a tensor its manifest names (role -> name).

        Raises:
            ModelRefused: with the missing name and the names there are.
        """
        for word, given, there in (("input", inputs, self.inputs), ("output", outputs, self.outputs)):
            for role, name in given.items():
                if name not in there:
                    raise ModelRefused(
                        f"{self.name} has no {word} {name!r} ({role}); its {word}s are {', '.join(sorted(there))}."
                    )


def load(path: Path, name: str, threads: int = 1, free: Mapping[str, Dims] | None = None) -> Session:
    """A session of a model file, from its optimised copy when there is one; without one, a copy is made.

    Args:
        free: tensors whose declared sizes are replaced before loading, as in `onnx_file.free_sizes`.

    Raises:
        ModelRefused: the file is damaged, no ONNX model, or onnxruntime does not take it.
    """
    try:
        # Optimising widens float16 for the processor: a copy twice as large takes about as long to check and read.
        if path.stat().st_size < MIN_BYTES or has_half_floats(path):
            session = Session(_source(path, free), name, threads)
        else:
            session = _from_copy(OptimisedCopies(), path, name, threads, free)
    except (ModelRefused, NotProtobuf) as error:
        reason = why_not_onnx(path)
        if reason is None and isinstance(error, ModelRefused):
            raise
        raise ModelRefused(f"{path} cannot be used as a model: {reason or error}.") from error
    if _meter is not None:
        _meter.graphs.append(session.graph)
    return session


@contextlib.contextmanager
def metered() -> Iterator[Meter]:
    """Count what all sessions of this process use; not for two callers at once."""
    global _meter
    _meter = meter = Meter()
    try:
        yield meter
    finally:
        _meter = None


def _from_copy(
    copies: OptimisedCopies, path: Path, name: str, threads: int, free: Mapping[str, Dims] | None
) -> Session:
    key = key_of(file_sha256(path), RUNTIME, _SETTINGS, free)
    copy = copies.find(key)
    if copy is not None:
        try:
            return Session(copy, name, threads, optimised=True)
        except ModelRefused:
            # Whole, and yet onnxruntime does not take it: make another.
            with contextlib.suppress(OSError):
                copy.unlink()
    made: list[Session] = []

    def write(place: Path) -> None:
        made.append(Session(_source(path, free), name, threads, keep=place))

    try:
        copies.save(key, write)
    except (OSError, ModelRefused):
        # No room, no right, or the network itself is bad: then loading the original reports the reason.
        if made:
            made[0].graph = "original"
            return made[0]
        return Session(_source(path, free), name, threads)
    return made[0]


def _source(path: Path, free: Mapping[str, Dims] | None) -> Path | bytes:
    return path if free is None else free_sizes(path.read_bytes(), free)


def check_finite(name: str, outputs: Mapping[str, Array]) -> None:
    """Refuse a network whose dry run gives NaN or infinity.

    Raises:
        ModelRefused: with the name of the output.
    """
    for output, value in outputs.items():
        if not np.isfinite(value).all():
            raise ModelRefused(f"{name} gives values that are not finite in its output {output!r}.")


def _tensor(row: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in row.shape)
    return Tensor(name=row.name, shape=shape, dtype=row.type)


def _refused(name: str, error: Exception) -> ModelRefused:
    """Why onnxruntime does not load a file; a short message for files newer than our onnxruntime."""
    newer = re.search(r"[Oo]pset (\d+) is under development|Unsupported model IR version: (\d+)", str(error))
    if newer is None:
        return ModelRefused(f"onnxruntime cannot load {name}: {_first_line(error)}.")
    what = f"opset {newer[1]}" if newer[1] else f"version {newer[2]} of the format"
    return ModelRefused(
        f"onnxruntime cannot load {name}: onnxruntime {onnxruntime.__version__} does not support {what}.",
        hint="Export it for an older one, or upgrade onnxruntime.",
    )


def _first_line(error: Exception) -> str:
    """What onnxruntime complains of, without its codes and the places in its source."""
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error))
    text = re.sub(r"Non-zero status code returned while running (\w+) node\. Name:'.*?' Status Message:", r"\1:", text)
    text = re.sub(r"/\S+\.(?:cc|h):\d+ [^()]*\([^()]*\)(?: const)? ?", " ", text)
    text = " ".join(text.split())
    return (text[:_MAX_WORDS] or type(error).__name__).rstrip(". ")
