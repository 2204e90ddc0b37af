"""What pre-labelling a picture costs beside the network itself, next to how others do it; memory and idle CPU.

A YOLO head [1, 84, 8400] with twelve planted objects behind a network that takes time: every way of preparing the
picture and of reading the head must find exactly those twelve before it is timed. Processor time outside the session,
one core, one thread, the ways taking turns so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Figure

WIDTH, HEIGHT, SIDE = 1280, 720, 640
CELLS, CLASSES, OBJECTS = 8400, 80, 12
SCORE, IOU = 0.25, 0.45
ROUNDS = 40
IDLE_ROUNDS = 7
NANO_SIDE = 416
# One thread for all; memory that was freed stays with the process, else the ways that allocate pay for its return.
STEADY = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "268435456", "MALLOC_TRIM_THRESHOLD_": "268435456",
}  # fmt: skip
Way = Callable[[np.ndarray], list[tuple[int, list[float]]]]


def measure() -> list[Figure]:
    """Overhead beside the fastest of the other ways; peak memory and idle CPU of a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = plant(folder / "planted")
        (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
        nano(folder / "nano")
        overhead = child("overhead", folder, STEADY | {"GLEANER_CACHE": str(folder / "cache")})
        process = child("process", folder, {})
    ours = overhead.pop("Gleaner")
    fastest = min(overhead, key=lambda way: overhead[way])
    rows = ", ".join(f"{way} {spent:.2f} ms" for way, spent in sorted(overhead.items(), key=lambda row: row[1]))
    print(f"Outside the network for a picture of {WIDTH} x {HEIGHT}: Gleaner {ours:.2f} ms, {rows}")
    return [
        Figure(f"a picture outside its network, beside {fastest}", round(ours, 3), "ms", round(overhead[fastest], 3)),
        Figure(f"whole process with {process['model']}", round(process["peak_mib"], 1), "MiB", 200),
        Figure("CPU in the 300 ms after a run, 2 threads", round(process["idle_ms"], 3), "ms", 1),
    ]


def child(what: str, folder: Path, more: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.prelabel_overhead", what, str(folder)],
        env=os.environ | more,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


# ---------------------------------------------------------------- networks
def plant(folder: Path) -> list[tuple[int, list[float]]]:
    """A package whose head holds twelve objects, each among thirteen weaker boxes near it; the objects themselves."""
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(23)
    head = np.empty((1, 4 + CLASSES, CELLS), np.float32)
    head[0, :4], head[0, 4:] = rng.uniform(30, 610, (4, CELLS)), rng.uniform(0, 0.02, (CLASSES, CELLS))
    scale = SIDE / WIDTH
    top = (SIDE - HEIGHT * scale) / 2
    cells = iter(rng.permutation(CELLS).tolist())
    truth = []
    for number in range(OBJECTS):
        row, column = divmod(number, 4)
        box = np.array([(column + 0.5) * WIDTH / 4, (row + 0.5) * HEIGHT / 3, WIDTH / 5, HEIGHT / 4])
        label = int(rng.integers(CLASSES))
        for rank in range(14):
            cell = next(cells)
            near = box + (0 if rank == 0 else rng.uniform(-4, 4, 4))
            head[0, :4, cell] = near * scale + (0, top, 0, 0)
            head[0, 4 + label, cell] = 0.9 - 0.04 * rank
        truth.append((label, [*(box[:2] - box[2:] / 2).tolist(), *(box[:2] + box[2:] / 2).tolist()]))
    nodes, weights, last, _ = backbone(SIDE, (16, 32, 64, 128))
    weights += [numpy_helper.from_array(head, "head"), numpy_helper.from_array(np.array(0, np.float32), "nothing")]
    nodes += [
        helper.make_node("ReduceMean", [last], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["head", "zero"], ["output"]),
    ]
    decode = f'[input]\nsize = [{SIDE}, {SIDE}]\n[decode]\nhead = "anchor-free"\ntask = "detect"\n'
    names = [f"thing {number}" for number in range(CLASSES)]
    thresholds = f"[thresholds]\nscore = {SCORE}\niou = {IOU}\n"
    save(folder, nodes, weights, SIDE, [1, 4 + CLASSES, CELLS], "yolo", names, decode + thresholds)
    return truth


def nano(folder: Path) -> None:
    """A package of the size and shape of a nano detector, for machines that have none; it finds nothing."""
    from onnx import helper, numpy_helper

    nodes, weights, last, maps = backbone(NANO_SIDE, (16, 32, 64, 128, 256))
    del last
    rows = []
    for stride, (tensor, channels) in maps.items():
        kernel = np.random.default_rng(stride).normal(0, 0.01, (5 + CLASSES, channels, 1, 1)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel_{stride}"))
        weights.append(numpy_helper.from_array(np.array([1, 5 + CLASSES, -1], np.int64), f"shape_{stride}"))
        nodes += [
            helper.make_node("Conv", [tensor, f"kernel_{stride}"], [f"map_{stride}"]),
            helper.make_node("Reshape", [f"map_{stride}", f"shape_{stride}"], [f"rows_{stride}"]),
        ]
        rows.append(f"rows_{stride}")
    nodes += [
        helper.make_node("Concat", rows, ["all"], axis=2),
        helper.make_node("Transpose", ["all"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Sigmoid", ["turned"], ["output"]),
    ]
    cells = sum((NANO_SIDE // stride) ** 2 for stride in (8, 16, 32))
    names = [f"thing {number}" for number in range(CLASSES)]
    save(folder, nodes, weights, NANO_SIDE, [1, cells, 5 + CLASSES], "yolox", names, "")


def backbone(side: int, widths: tuple[int, ...]) -> tuple[list[Any], list[Any], str, dict[int, tuple[str, int]]]:
    """Convolutions that halve the picture again and again: nodes, weights, the last tensor, tensors by stride."""
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(11)
    nodes, weights, tensor, channels, stride = [], [], "image", 3, 1
    maps = {}
    for width in widths:
        for step in (2, 1):
            name = f"conv_{width}_{step}"
            kernel = rng.normal(0, (2 / (channels * 9)) ** 0.5, (width, channels, 3, 3)).astype(np.float32)
            weights.append(numpy_helper.from_array(kernel, f"{name}_kernel"))
            nodes.append(helper.make_node("Conv", [tensor, f"{name}_kernel"], [name], strides=[step] * 2, pads=[1] * 4))
            nodes.append(helper.make_node("Relu", [name], [f"{name}_out"]))
            tensor, channels, stride = f"{name}_out", width, stride * step
        maps[stride] = (tensor, channels)
    return nodes, weights, tensor, {stride: maps[stride] for stride in maps if stride >= 8}


def save(
    folder: Path,
    nodes: list[Any],
    weights: list[Any],
    side: int,
    shape: list[int],
    family: str,
    names: list[str],
    more: str,
) -> None:
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "measured", [image], [output], weights)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    folder.mkdir()
    (folder / "model.onnx").write_bytes(data)
    (folder / "model.toml").write_text(
        f'name = "{folder.name}"\nversion = "1"\nfamily = "{family}"\nlicence = "Apache-2.0"\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\nnames = {json.dumps(names)}\n'
        f'[inputs]\nimage = "image"\n[outputs]\npredictions = "output"\n{more}',
        encoding="utf-8",
    )


# ---------------------------------------------------------------- the other ways
class Others:
    """Three common ways to bring a picture to such a network, and the usual reading of its head in numpy."""

    def __init__(self, model: Path) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.inside = 0.0
        self._scale = min(SIDE / WIDTH, SIDE / HEIGHT)
        self._size = round(WIDTH * self._scale), round(HEIGHT * self._scale)
        self._left, self._top = ((SIDE - side) // 2 for side in self._size)
        self._canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        self._planes = np.empty((1, 3, SIDE, SIDE), np.float32)

    def plain(self, image: np.ndarray) -> np.ndarray:
        import cv2

        canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        canvas[self._top : self._top + self._size[1], self._left : self._left + self._size[0]] = cv2.resize(
            image, self._size
        )
        planes = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1))
        return (planes.astype(np.float32) / 255)[np.newaxis]

    def reused(self, image: np.ndarray) -> np.ndarray:
        import cv2

        inner = self._canvas[self._top : self._top + self._size[1], self._left : self._left + self._size[0]]
        cv2.resize(image, self._size, dst=inner)
        for channel in range(3):
            plane = cv2.extractChannel(self._canvas, 2 - channel)
            np.multiply(plane, np.float32(1 / 255), out=self._planes[0, channel], casting="unsafe")
        return self._planes

    def blob(self, image: np.ndarray) -> np.ndarray:
        import cv2

        below, right = SIDE - self._size[1] - self._top, SIDE - self._size[0] - self._left
        canvas = cv2.copyMakeBorder(
            cv2.resize(image, self._size), self._top, below, self._left, right, cv2.BORDER_CONSTANT, value=(114,) * 3
        )
        return np.asarray(cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True))

    def ways(self) -> dict[str, Way]:
        prepared = {"plain numpy": self.plain, "reused buffers": self.reused, "cv2.dnn.blobFromImage": self.blob}
        return {name: self._way(prepare) for name, prepare in prepared.items()}

    def _way(self, prepare: Callable[[np.ndarray], np.ndarray]) -> Way:
        return lambda image: self._read(prepare(image))

    def _read(self, tensor: np.ndarray) -> list[tuple[int, list[float]]]:
        started = time.process_time()
        head = self._session.run(["output"], {"image": tensor})[0][0]
        self.inside += time.process_time() - started
        best = head[4:].max(axis=0)
        good = best > SCORE
        x, y, w, h = head[:4, good]
        scores, labels = best[good], head[4:, good].argmax(axis=0)
        boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
        boxes = (boxes - (self._left, self._top) * 2) / self._scale
        kept = self._merge(boxes + labels[:, np.newaxis] * 10_000.0, scores)
        boxes = boxes[kept].clip(0, (WIDTH, HEIGHT) * 2)
        return [(int(label), box.tolist()) for label, box in zip(labels[kept], boxes, strict=True)]

    @staticmethod
    def _merge(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        order, kept = np.argsort(-scores), []
        while order.size:
            best, rest = order[0], order[1:]
            kept.append(int(best))
            low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
            inner = np.clip(high - low, 0, None).prod(axis=1)
            order = rest[inner / (areas[best] + areas[rest] - inner) <= IOU]
        return kept


# ---------------------------------------------------------------- what the children do
def overhead_of(folder: Path) -> dict[str, float]:
    """Milliseconds of CPU outside the session, by way: the median of all rounds."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import cv2

    from prelabel.image.detector import open_detector
    from prelabel.models.package import open_model
    from prelabel.models.runtime import metered

    cv2.setNumThreads(1)
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (9, 9), 0))
    truth = [(label, box) for label, box in json.loads((folder / "truth.json").read_text(encoding="utf-8"))]
    detector = open_detector(open_model(folder / "planted"))
    others = Others(folder / "planted" / "model.onnx")

    def ours(picture: np.ndarray) -> list[tuple[int, list[float]]]:
        return [
            (detector.names.index(one.label), [one.x, one.y, one.x + one.width, one.y + one.height])
            for one in detector.detect(picture)
        ]

    ways = others.ways()
    for name, way in {"Gleaner": ours, **ways}.items():
        require_same(name, way(image), truth)
    spent: dict[str, list[float]] = {name: [] for name in ("Gleaner", *ways)}
    with metered() as meter:
        for _ in range(ROUNDS):
            before, started = meter.cpu_seconds, time.process_time()
            detector.detect(image)
            spent["Gleaner"].append(time.process_time() - started - (meter.cpu_seconds - before))
            for name, way in ways.items():
                inside, started = others.inside, time.process_time()
                way(image)
                spent[name].append(time.process_time() - started - (others.inside - inside))
    return {name: 1000 * statistics.median(rows) for name, rows in spent.items()}


def require_same(name: str, found: list[tuple[int, list[float]]], truth: list[tuple[int, list[float]]]) -> None:
    """A way that does not find exactly the planted objects is not worth timing."""
    by_place = sorted(truth, key=lambda row: (round(row[1][1]), round(row[1][0])))
    rows = sorted(found, key=lambda row: (round(row[1][1]), round(row[1][0])))
    same = len(rows) == len(by_place) and all(
        one[0] == true[0] and np.abs(np.subtract(one[1], true[1])).max() < 0.01
        for one, true in zip(rows, by_place, strict=True)
    )
    if not same:
        raise SystemExit(f"{name} does not find the planted objects: {rows}")


def process_of(folder: Path) -> dict[str, Any]:
    """Peak memory of this process with a nano detector, and CPU while it sleeps after a picture, median."""
    from prelabel.image.detector import open_detector
    from prelabel.models import catalogue
    from prelabel.models.package import open_model

    here = catalogue.locate("yolox-nano")
    detector = open_detector(open_model("yolox-nano" if here else folder / "nano"), threads=2)
    idle = []
    for _ in range(IDLE_ROUNDS):
        detector.detect(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        started = time.process_time()
        time.sleep(0.3)
        idle.append(time.process_time() - started)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    name = "yolox-nano" if here else "a net of a nano detector's size"
    return {"model": name, "peak_mib": int(peak) / 1024, "idle_ms": 1000 * statistics.median(idle)}


if __name__ == "__main__":
    work = {"overhead": overhead_of, "process": process_of}[sys.argv[1]]
    print(json.dumps(work(Path(sys.argv[2]))))
