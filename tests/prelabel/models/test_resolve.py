"""What decides what a model is: the manifest, then the file's metadata, then shapes; and what nothing decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from prelabel.models.exporter_metadata import as_name, read_metadata
from prelabel.models.families import DetrDecode
from prelabel.models.manifest import LicenceMissing, Manifest, ManifestInvalid
from prelabel.models.onnx_file import ModelRefused, describe_onnx
from prelabel.models.package import open_model
from prelabel.models.resolve import ModelUndecided, resolve
from prelabel.models.runtime import Session
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.declared import COCO8, Shape, declared, save, ultralytics

IMAGE: dict[str, Shape] = {"images": [1, 3, 640, 640]}
WORDS = {"name": "own", "version": "1", "licence": "MIT", "sha256": "0" * 64}


def facts(tmp_path: Path, *args: Any, **kwargs: Any) -> Any:
    return describe_onnx(save(tmp_path / "m.onnx", declared(*args, **kwargs)))


def decided(tmp_path: Path, table: dict[str, Any], *args: Any, **kwargs: Any) -> Manifest:
    return resolve({**WORDS, **table}, facts(tmp_path, *args, **kwargs), "model.toml")


# ---------------------------------------------------------------- facts of a file
def test_facts_agree_with_onnxruntime(tmp_path: Path) -> None:
    for number, model in enumerate(
        (graphs.vad(), graphs.yunet(graphs.yunet_maps()), graphs.yolox(64, 96, graphs.yolox_rows(64, 96, 3)))
    ):
        path = save(tmp_path / f"{number}.onnx", model)
        found, session = describe_onnx(path), Session(path, "m")
        for mine, theirs in ((found.inputs, session.inputs), (found.outputs, session.outputs)):
            assert {name: row.shape for name, row in mine.items()} == {name: row.shape for name, row in theirs.items()}
            types = {"tensor(float)": "float32", "tensor(int64)": "int64"}
            assert {name: row.dtype for name, row in mine.items()} == {
                name: types[row.dtype] for name, row in theirs.items()
            }


def test_weights_listed_as_inputs_are_none(tmp_path: Path) -> None:
    path = save(tmp_path / "old.onnx", graphs.centerface(graphs.centerface_maps()))
    assert set(describe_onnx(path).inputs) == {"image"}


def test_metadata_and_free_sizes_are_read(tmp_path: Path) -> None:
    found = facts(tmp_path, {"x": [None, 3, "h", 32], "y": None}, {"z": []}, {"task": "détect", "": "empty key"})
    assert found.metadata == {"task": "détect", "": "empty key"}
    assert found.inputs["x"].shape == (None, 3, None, 32) and found.inputs["y"].shape is None
    assert found.outputs["z"].shape == () and str(found.inputs["x"]) == "[?, 3, ?, 32]"


# ---------------------------------------------------------------- heads of YOLO
@pytest.mark.parametrize(
    ("shape", "more", "head"),
    [
        ([1, 12, 8400], {}, "anchor-free"),
        ([1, 300, 6], {"end2end": True}, "end2end"),
        ([1, 300, 6], {"args": {"nms": True}}, "end2end"),
        ([1, 300, 6], {"end2end": None, "args": None}, "end2end"),
        ([1, 12, 8400], {"end2end": None, "args": None}, "anchor-free"),
        (["batch", 12, "anchors"], {}, "anchor-free"),
        (None, {}, "anchor-free"),
        (None, {"end2end": True}, "end2end"),
    ],
)
def test_the_head_of_an_ultralytics_export(tmp_path: Path, shape: Shape, more: dict[str, Any], head: str) -> None:
    found = resolve({}, facts(tmp_path, IMAGE, {"output0": shape}, ultralytics(**more)), "m", WORDS)
    assert found.family == "yolo" and found.decode is not None
    assert found.decode.to_json() == {"task": "detect", "head": head, "keypoints": None}
    assert found.names == COCO8
    assert (found.input.colour, found.input.fit, found.input.pad, found.input.scale) == (
        "RGB", "letterbox-centre", 114, 1 / 255,
    )  # fmt: skip
    assert (found.input.multiple, found.input.max_side, found.input.upscale) == (32, 640, True)
    assert (found.name, found.version) == ("yolo11n", "ultralytics-8.4.190")
    assert found.licence.startswith("AGPL-3.0") or found.licence == "MIT"


@pytest.mark.parametrize(
    ("task", "outputs", "more", "decode"),
    [
        (
            "segment",
            {"output0": [1, 44, 8400], "output1": [1, 32, 160, 160]},
            {},
            {"task": "segment", "head": "anchor-free"},
        ),
        (
            "segment",
            {"output0": [1, 28, 8400], "output1": [1, 16, 160, 160]},
            {},
            {"task": "segment", "head": "anchor-free"},
        ),
        ("pose", {"output0": [1, 63, 8400]}, {"kpt_shape": [17, 3]}, {"head": "anchor-free", "keypoints": [17, 3]}),
        ("pose", {"output0": [1, 300, 57]}, {"kpt_shape": [17, 3], "end2end": True}, {"head": "end2end"}),
        ("obb", {"output0": [1, 13, 8400]}, {}, {"task": "obb", "head": "anchor-free"}),
        ("obb", {"output0": [1, 300, 7]}, {"end2end": True}, {"task": "obb", "head": "end2end"}),
    ],
)
def test_the_tasks_of_an_ultralytics_export(
    tmp_path: Path, task: str, outputs: dict[str, Shape], more: dict[str, Any], decode: dict[str, Any]
) -> None:
    found = resolve({}, facts(tmp_path, IMAGE, outputs, ultralytics(task, **more)), "m", WORDS)
    assert found.decode is not None and decode.items() <= found.decode.to_json().items()
    assert set(found.outputs) == ({"predictions", "prototypes"} if task == "segment" else {"predictions"})


@pytest.mark.parametrize(
    ("names", "shape", "head"),
    [(8, [1, 25200, 13], "anchor"), (8, [1, 12, 8400], "anchor-free"), (8, [1, 300, 6], "end2end")],
)
def test_the_head_by_shape_when_the_family_is_said(tmp_path: Path, names: int, shape: Shape, head: str) -> None:
    found = decided(tmp_path, {"family": "yolo", "names": COCO8[:names]}, IMAGE, {"out": shape})
    assert found.decode is not None and found.decode.to_json()["head"] == head


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["anchor", "anchor-free", "end2end"]), st.integers(1, 90), st.sampled_from([0, 1, 32, 51]))
def test_a_stated_head_is_taken_exactly_when_the_shape_is_its_own(head: str, classes: int, extra: int) -> None:
    """Against the formulas of the heads written out, and every wrong number of names."""
    from prelabel.models.exporter_metadata import ExporterMetadata
    from prelabel.models.onnx_file import Declared
    from prelabel.models.resolve_yolo import resolve_yolo

    shape = {
        "anchor": (1, 25200, 5 + classes + extra), "anchor-free": (1, 4 + classes + extra, 8400),
        "end2end": (1, 300, 6 + extra),
    }[head]  # fmt: skip
    given_table = {
        0: {"task": "detect"}, 1: {"task": "obb"}, 32: {"task": "segment"}, 51: {"task": "pose", "keypoints": [17, 3]},
    }[extra]  # fmt: skip
    prototypes = Declared((1, 32, 160, 160), "float32") if extra == 32 else None
    found = resolve_yolo(
        {**given_table, "head": head}, ExporterMetadata(), classes, Declared(shape, "float32"), prototypes, "m"
    )  # fmt: skip
    assert found.table["head"] == head and not found.missing
    if head != "end2end":
        with pytest.raises(ModelRefused, match=f"for {classes + 1} names"):
            resolve_yolo(
                {**given_table, "head": head},
                ExporterMetadata(),
                classes + 1,
                Declared(shape, "float32"),
                prototypes,
                "m",
            )


def test_one_class_looks_like_two_heads_and_is_not_guessed(tmp_path: Path) -> None:
    table = {"family": "yolo", "names": ["cup"]}
    with pytest.raises(ModelUndecided, match=r"decode\.head is not said") as caught:
        decided(tmp_path, table, IMAGE, {"out": [1, 300, 6]})
    assert 'head = "anchor"' in caught.value.hint
    found = decided(tmp_path, {**table, "decode": {"head": "end2end"}}, IMAGE, {"out": [1, 300, 6]})
    assert found.decode is not None and found.decode.to_json()["head"] == "end2end"


@pytest.mark.parametrize("name", ["yolox.onnx", "yolov5s.onnx", "yolov8n.onnx"])
def test_3549_rows_alone_are_refused_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, declared({"images": [1, 3, 416, 416]}, {"output": [1, 3549, 85]}))
    with pytest.raises(ModelUndecided, match="family, names and licence are not said") as caught:
        open_model(path)
    assert "Put it into a folder as model.onnx" in caught.value.hint and 'family = "' in caught.value.hint


def test_a_lone_file_is_told_what_it_has_and_what_there_is(tmp_path: Path) -> None:
    faces = {f"{kind}_{stride}": [1, 40, 4] for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)}
    path = save(tmp_path / "face.onnx", declared({"input": [1, 3, 160, 160]}, faces))
    with pytest.raises(ModelUndecided) as caught:
        open_model(path)
    assert "those of yunet" in caught.value.hint and "input [1, 3, 160, 160]" in caught.value.hint
    path = save(tmp_path / "any.onnx", declared({"x": [1, 3, 64, 64]}, {"y": [1, 7]}))
    with pytest.raises(ModelUndecided) as caught:
        open_model(path)
    assert "one of yolo, yolox, ssd" in caught.value.hint and "gives y [1, 7]" in caught.value.hint


def test_a_rule_that_is_broken_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        decided(tmp_path, {"speech": {"on": 0.2, "off": 0.4}}, IMAGE, {"output0": [1, 12, 8400]}, ultralytics())
    assert "Value error" not in str(caught.value) and "is not valid: speech.off is above speech.on." in str(
        caught.value
    )


# ---------------------------------------------------------------- contradictions name both
@pytest.mark.parametrize(
    ("table", "inputs", "outputs", "metadata", "words"),
    [
        ({"decode": {"head": "end2end"}}, IMAGE, [1, 12, 8400], ultralytics(), r"head end2end .*shape \[1, 12, 8400\]"),
        ({}, IMAGE, [1, 12, 8400], ultralytics(end2end=True), r"metadata .* say end2end .*\[1, 12, 8400\]"),
        ({}, IMAGE, [1, 300, 6], ultralytics(), r"metadata .* say a raw head .*\[1, 300, 6\]"),
        ({"names": ["a", "b"]}, IMAGE, [1, 12, 8400], ultralytics(), r"for 2 names, .*\[1, 12, 8400\]"),
        ({"family": "yolox"}, IMAGE, [1, 12, 8400], ultralytics(), "says family yolox, the metadata .* say yolo"),
        (
            {"input": {"size": [320, 640]}},
            IMAGE,
            [1, 12, 8400],
            ultralytics(),
            r"takes pictures of \[640, 640\], its model.toml says \[320, 640\]",
        ),
        (
            {"input": {"layout": "NHWC"}},
            IMAGE,
            [1, 12, 8400],
            ultralytics(),
            r"says layout NHWC .*takes \[1, 3, 640, 640\]",
        ),
        ({"input": {"dtype": "float16"}}, IMAGE, [1, 12, 8400], ultralytics(), "says dtype float16, .* takes float32"),
        (
            {"input": {"colour": "GRAY"}},
            IMAGE,
            [1, 12, 8400],
            ultralytics(),
            r"takes \[1, 3, 640, 640\], not a picture of one channel",
        ),
        ({}, {"images": [1, 4, 64, 64]}, [1, 12, 84], ultralytics(), r"\[1, 4, 64, 64\], not a picture of three"),
        ({}, {"images": [8, 3, 64, 64]}, [8, 12, 84], ultralytics(), "takes 8 pictures at once"),
        ({}, {"images": [3, 64, 64]}, [1, 12, 84], ultralytics(), r"takes \[3, 64, 64\], not a picture"),
        ({}, IMAGE, [1, 12, 84], ultralytics("depth"), "say task 'depth', which is not read"),
    ],
)
def test_a_contradiction_names_both_sides(
    tmp_path: Path, table: dict[str, Any], inputs: dict[str, Shape], outputs: Shape, metadata: Any, words: str
) -> None:
    with pytest.raises(ModelRefused, match=words):
        decided(tmp_path, table, inputs, {"output0": outputs}, metadata)


def test_a_type_no_picture_has(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="takes values of type float64"):
        decided(tmp_path, {}, IMAGE, {"output0": [1, 12, 84]}, ultralytics(), dtype=TensorProto.DOUBLE)


# ---------------------------------------------------------------- words may be overruled
def test_the_manifest_overrules_the_words_of_the_file(tmp_path: Path) -> None:
    words = [f"thing {number}" for number in range(8)]
    table = {"names": words, "licence": "Bought-1", "version": "7", "input": {"pad": 0}, "attribution": "us"}
    found = decided(tmp_path, table, IMAGE, {"output0": [1, 12, 8400]}, ultralytics())
    assert (found.names, found.licence, found.version, found.attribution) == (words, "Bought-1", "7", "us")
    assert found.input.pad == 0 and found.input.fit == "letterbox-centre"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{1: 'b', 0: 'a'}", ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("{0: 'crane', 1: 'cup', 2: 'crane'}", ["crane (0)", "cup", "crane (2)"]),
        ("{0: 'a', 2: 'b'}", None),
        ("{0: 'a', 1: 7}", None),
        ("{0: ''}", None),
        ("[]", None),
        ("__import__('os')", None),
        ("{0: 'a'", None),
        ("[" * 5000 + "]" * 5000, None),
    ],
)
def test_names_in_metadata(text: str, names: list[str] | None) -> None:
    said = read_metadata({"stride": "32", "names": text}, None)
    assert said.table.get("names") == names
    assert said.unreadable == (() if names else ("names",))


def test_names_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUndecided, match=r"head and names are not said, nor by .* \(its metadata names cannot"):
        decided(tmp_path, {"family": "yolo"}, IMAGE, {"output0": None}, {"stride": "32", "names": "oops"})


# ---------------------------------------------------------------- other exporters
def test_an_ultralytics_rt_detr(tmp_path: Path) -> None:
    found = decided(tmp_path, {}, IMAGE, {"output0": [1, 300, 12]}, ultralytics(head="RTDETRDecoder"))
    assert (found.family, found.outputs, found.input.fit) == ("detr", {"boxes": "output0"}, "stretch")
    assert found.decode == DetrDecode(form="joined", box="cxcywh", unit="normalised")


@pytest.mark.parametrize(
    ("names", "columns", "version", "form"),
    [
        (COCO8, 6, "8.4.190", "rows"),
        (COCO8, 6, None, "rows"),
        (COCO8, 12, "8.4.190", "joined"),
        (["cup"], 5, "8.3.9", "joined"),
        (["cup"], 6, "8.4.47", "rows"),
        (["cup", "plate"], 6, "8.4.47", "rows"),
        (["cup", "plate"], 6, "8.4.46", "joined"),
        (["cup", "plate"], 6, "8.10.0", "rows"),
        (["cup", "plate"], 6, "9.0.1", "rows"),
    ],
)
def test_the_form_of_an_rt_detr_is_that_of_its_shape_and_version(
    tmp_path: Path, names: list[str], columns: int, version: str | None, form: str
) -> None:
    metadata = ultralytics(names=names, head="RTDETRDecoder", version=version)
    found = decided(tmp_path, {"version": "1"}, IMAGE, {"output0": [1, 300, columns]}, metadata)
    assert isinstance(found.decode, DetrDecode) and found.decode.form == form


def test_an_rt_detr_of_two_names_without_a_version_is_undecided(tmp_path: Path) -> None:
    metadata = ultralytics(names=["cup", "plate"], head="RTDETRDecoder", version=None)
    with pytest.raises(ModelUndecided, match="form") as refused:
        decided(tmp_path, {"version": "1"}, IMAGE, {"output0": [1, 300, 6]}, metadata)
    assert 'form = "joined"' in str(refused.value)


def test_an_ultralytics_classifier(tmp_path: Path) -> None:
    metadata = ultralytics("classify", imgsz=[224, 224], stride=1)
    found = resolve({}, facts(tmp_path, {"images": [1, 3, 224, 224]}, {"output0": [1, 8]}, metadata), "m", WORDS)
    assert found.family == "classification" and found.outputs == {"scores": "output0"}
    picture = found.input
    assert (picture.colour, picture.fit, picture.scale, picture.mean, picture.std, picture.antialias) == (
        "RGB", "crop-centre", 1 / 255, [0.0], [1.0], True,
    )  # fmt: skip


def test_a_grey_model_says_so_itself(tmp_path: Path) -> None:
    metadata = ultralytics(channels=1)
    found = decided(tmp_path, {}, {"images": [1, 1, 640, 640]}, {"output0": [1, 12, 8400]}, metadata)
    assert found.input.colour == "GRAY" and found.input.layout == "NCHW"


def test_the_alphabet_of_a_reader(tmp_path: Path) -> None:
    found = decided(tmp_path, {}, {"x": [None, 3, 48, None]}, {"y": [None, None, 5]}, {"character": "a\nb\n \n"})
    assert found.family == "ocr" and found.decode is not None
    assert found.decode.to_json()["alphabet"] == ["a", "b", " "] and found.decode.to_json()["part"] == "recognition"


def test_what_sherpa_writes(tmp_path: Path) -> None:
    metadata = {"model_type": "EncDecCTCModelBPE", "vocab_size": "4", "subsampling_factor": "8", "blank_id": "3"}
    table = {"family": "ctc", "decode": {"alphabet": ["a", "b", " ", ""]}}
    found = decided(tmp_path, table, {"x": [1, None, 80]}, {"y": [1, None, 4]}, metadata)
    assert found.decode is not None
    assert (found.decode.to_json()["blank"], found.decode.to_json()["frame_ms"]) == (3, 80.0)
    short = {"family": "ctc", "decode": {"alphabet": ["a", "b"]}}
    with pytest.raises(ModelRefused, match=r"alphabet of 2 tokens, the metadata .* say 4"):
        decided(tmp_path, short, {"x": [1, None, 80]}, {"y": [1, None, 4]}, metadata)
    with pytest.raises(ModelRefused, match="stacked features"):
        decided(tmp_path, table, {"x": [1, None, 80]}, {"y": [1, None, 4]}, {**metadata, "lfr_window_size": "7"})
    with pytest.raises(ModelUndecided, match=r"decode\.blank and decode\.frame_ms are not said") as caught:
        decided(tmp_path, table, {"x": [1, None, 80]}, {"y": [1, None, 4]})
    assert "frame_ms = 40" in caught.value.hint


# ---------------------------------------------------------------- tensors and preprocessing
def test_roles_by_name_and_by_being_the_only_one(tmp_path: Path) -> None:
    roles = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in (8, 16, 32)]
    table = {"family": "yunet", "names": ["face"]}
    found = decided(tmp_path, table, {"any": [1, 3, "h", "w"]}, dict.fromkeys([*roles, "kps_8"]))
    assert found.inputs == {"image": "any"} and found.outputs == {role: role for role in roles}
    with pytest.raises(ModelUndecided, match="outputs is not said") as caught:
        decided(tmp_path, {"family": "yolox", "names": ["a"]}, IMAGE, {"one": [1, 2, 6], "two": None})
    assert "the file's outputs: one [1, 2, 6], two [?]" in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ([1, 64, 64, 3], "NHWC"),
        ([1, 3, 64, 64], "NCHW"),
        ([None, None, None, 3], "NHWC"),
        ([1, None, None, None], "NCHW"),
    ],
)
def test_the_layout_by_which_size_is_three(tmp_path: Path, shape: Shape, layout: str) -> None:
    found = decided(tmp_path, {"family": "yolox", "names": ["a"]}, {"image": shape}, {"p": None})
    assert found.input.layout == layout


def test_a_layout_that_could_be_either_is_asked_for(tmp_path: Path) -> None:
    table = {"family": "yolox", "names": ["a"]}
    with pytest.raises(ModelUndecided, match=r"input\.layout is not said"):
        decided(tmp_path, table, {"image": [1, 3, 224, 3]}, {"p": None})
    assert decided(
        tmp_path, {**table, "input": {"layout": "NHWC"}}, {"image": [1, 3, 224, 3]}, {"p": None}
    ).input.layout == "NHWC"  # fmt: skip


def test_bytes_go_in_as_they_are(tmp_path: Path) -> None:
    table = {
        "family": "ssd", "names": ["a"], "decode": {"form": "detections", "box": "yxyx"},
        "outputs": {"boxes": "b", "scores": "s"},
    }  # fmt: skip
    outputs: dict[str, Shape] = {"b": None, "s": None}
    found = decided(tmp_path, table, {"image": [1, 320, 320, 3]}, outputs, dtype=TensorProto.UINT8)
    assert (found.input.dtype, found.input.layout, found.input.scale) == ("uint8", "NHWC", 1.0)


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelUndecided) as caught:
        resolve({"family": "yolo"}, facts(tmp_path, IMAGE, {"a": None, "b": None}), "here/model.toml")
    for part in ("outputs", "decode.head", "names", "sha256", "name", "version", "licence"):
        assert part in caught.value.message
    assert caught.value.hint.startswith("Write into it: [outputs]") and "sha256sum" in caught.value.hint


def test_a_licence_is_asked_for_alone(tmp_path: Path) -> None:
    with pytest.raises(LicenceMissing, match="under which licence"):
        resolve(
            {"licence": ""}, facts(tmp_path, IMAGE, {"o": [1, 12, 8400]}, ultralytics(license=None)), "m", WORDS
        )  # fmt: skip


def test_an_unknown_family_and_field_are_the_schemas(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="family"):
        decided(tmp_path, {"family": "yolo9000"}, IMAGE, {"o": None})
    with pytest.raises(ManifestInvalid, match="colur"):
        decided(tmp_path, {"input": {"colur": "RGB"}}, IMAGE, {"o": [1, 12, 8400]}, ultralytics())


@pytest.mark.parametrize(
    ("text", "name"), [("YOLO11n", "yolo11n"), ("my Model (2)", "my-model-2"), ("Äß", ""), ("a" * 99, "a" * 64)]
)
def test_names_of_models(text: str, name: str) -> None:
    assert as_name(text) == name


# ---------------------------------------------------------------- packages that leave out what the file says
def test_a_lone_export_opens(tmp_path: Path) -> None:
    path = save(tmp_path / "Best.onnx", declared(IMAGE, {"output0": [1, 12, 8400]}, ultralytics()))
    package = open_model(path)
    assert package.name == "yolo11n" and package.source.sha256 == package.sha256
    nameless = save(
        tmp_path / "My Own.onnx", declared(IMAGE, {"o": [1, 12, 8400]}, ultralytics(description=None, version=None))
    )
    package = open_model(nameless)
    assert package.name == "my-own" and package.version == package.sha256[:12]


def test_a_short_manifest_is_completed_by_the_file(tmp_path: Path) -> None:
    data = declared(IMAGE, {"output0": [1, 12, 8400]}, ultralytics()).SerializeToString()
    package = open_model(graphs.save_package(tmp_path / "own", data, 'name = "mine"\nlicence = "us"\n'))
    assert package.name == "mine" and package.manifest.licence == "us" and package.family == "yolo"


def test_real_files_declare_what_the_catalogue_says() -> None:
    folder = needs.testdata("models/yolox_nano.onnx").parent
    for name in ("yolox_nano", "yunet_n_dynamic", "silero_vad"):
        assert open_model(folder / f"{name}.onnx").manifest.inputs
    model = onnx.load(folder / "mnist.onnx", load_external_data=False)
    found = describe_onnx(folder / "mnist.onnx")
    weights = {row.name for row in model.graph.initializer}
    assert set(found.inputs) == {row.name for row in model.graph.input} - weights
