"""ONNX sessions: the only import of onnxruntime.

Measured with onnxruntime 1.32 on two x86 cores: with spinning left on, 49 ms of CPU burn after each run; with the
memory arena off, a run of a detector leaves 40 to 100 MB more behind (glibc keeps what malloc fragments), so the
arena and the memory pattern stay on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from prelabel.onnxfile import Dims, NotProtobuf, free_sizes, why_not_onnx
from wire.errors import GleanerError

Array = NDArray[Any]

_FOREIGN: tuple[type[Exception], ...] = tuple(
    error for error in vars(ort_errors).values() if isinstance(error, type) and issubclass(error, Exception)
)
_ONLY_ERRORS = 3


class ModelRefused(GleanerError):
    """A model file does not load, or does not do what its manifest says."""

    code = "model-refused"
    status = 422
    hint = "Check the model file and its model.toml with `gleaner prelabel check`."


@dataclass(frozen=True)
class Tensor:
    """A declared input or output; a free size is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Session:
    """One loaded network on the CPU. `run` may be called from several threads.

    Args:
        model: the file, or its bytes.
        name: how messages call it.
        threads: threads within an operator; spinning is off, so an idle session costs nothing.

    Raises:
        ModelRefused: onnxruntime does not take the file.
    """

    def __init__(self, model: Path | bytes, name: str, threads: int = 1) -> None:
        self.name = name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        source = str(model) if isinstance(model, Path) else model
        try:
            # Named explicitly: libraries that take the first available provider end on other hardware.
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except _FOREIGN as error:
            raise ModelRefused(f"onnxruntime cannot load {name}: {_first_line(error)}.") from error
        self.inputs = {row.name: _tensor(row) for row in self._session.get_inputs()}
        self.outputs = {row.name: _tensor(row) for row in self._session.get_outputs()}

    def run(self, feeds: Mapping[str, Array], wanted: list[str] | None = None) -> dict[str, Array]:
        """The outputs by name, all of them or those `wanted`.

        Raises:
            ModelRefused: the network does not run on these feeds.
        """
        names = list(self.outputs) if wanted is None else wanted
        try:
            values = self._session.run(names, dict(feeds))
        except _FOREIGN as error:
            raise ModelRefused(f"{self.name} does not run: {_first_line(error)}.") from error
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
    """A session of a model file; a damaged file is refused with what is wrong with it.

    Args:
        free: tensors whose declared sizes are replaced before loading, as in `onnxfile.free_sizes`.

    Raises:
        ModelRefused: the file is damaged, no ONNX model, or onnxruntime does not take it.
    """
    try:
        return Session(path if free is None else free_sizes(path.read_bytes(), free), name, threads)
    except (ModelRefused, NotProtobuf) as error:
        reason = why_not_onnx(path)
        if reason is None and isinstance(error, ModelRefused):
            raise
        raise ModelRefused(f"{path} cannot be used as a model: {reason or error}.") from error


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


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")
