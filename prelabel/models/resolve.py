"""What a model is: its `model.toml` first, then what its exporter wrote into the file, then its tensors' shapes.

Words may be overruled (a manifest's names, licence, preprocessing); tensors may not: a manifest that states something
else than the tensors is refused. What nothing decides is refused too, with the lines that would decide it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from prelabel.models.exporter_metadata import ExporterMetadata, read_metadata
from prelabel.models.families import FAMILIES, FamilyRules
from prelabel.models.manifest import LicenceMissing, Manifest, manifest_of
from prelabel.models.onnx_file import Declared, ModelRefused, OnnxDescription
from prelabel.models.paths import MANIFEST_FILE, MODEL_FILE
from prelabel.models.resolve_yolo import resolve_yolo

_PICTURE_DTYPES = ("float32", "float16", "uint8")
_CHANNELS = {1: "one channel", 3: "three channels"}
_NESTED = ("input", "audio", "decode", "thresholds", "speech")
# CenterFace's export pins sizes that its network does not need (image/centerface.py frees them).
_FREED = frozenset({"centerface"})
_NAMES = 'names = ["…", …] (in the order of the channels)'


class ModelUndecided(ModelRefused):
    """Neither the manifest nor the file decides what a model takes and gives; it is never guessed."""

    code = "model-undecided"
    hint = "Add it to its model.toml (docs/models.md)."


def resolve(
    table: Mapping[str, Any], facts: OnnxDescription, place: str, fallback: Mapping[str, Any] | None = None
) -> Manifest:
    """The whole manifest of a model.

    Args:
        table: the content of its `model.toml`, perhaps empty.
        facts: what its file declares.
        place: how messages call it: the path of the manifest, or of the lone file.
        fallback: of a lone file without a manifest: fields taken when it does not state them, such as its name.

    Raises:
        ModelUndecided: something is stated by neither; the hint has the lines to write.
        ModelRefused: manifest and file contradict each other, or the file is of a kind that is not read here.
        LicenceMissing: all is decided but the licence.
        ManifestInvalid: a field is unknown or out of range.
    """
    said = read_metadata(facts.metadata, table.get("family"))
    stated, own = table.get("family"), said.table.get("family")
    if stated is not None and own is not None and stated != own:
        raise ModelRefused(f"{place} says family {stated}, the metadata of its model file say {own}.")
    if said.beyond is not None:
        raise ModelRefused(f"The model of {place} cannot be used: {said.beyond}.")
    merged = _merged(_merged(fallback or {}, said.table), table)
    missing: dict[str, str] = {}
    rules = FAMILIES.get(str(merged.get("family")))
    if rules is None and "family" in merged:
        return manifest_of(merged, place)  # refuses the word, with those there are
    if rules is None:
        missing["family"] = _family_line(facts)
    else:
        _fill_roles(merged, rules, facts, missing)
        _fill_picture(merged, rules, facts, place, missing)
        _fill_decode(merged, said, facts, place, missing)
    if (rules is None or rules.names) and not merged.get("names"):
        missing["names"] = _NAMES
    if "sha256" not in merged:
        missing["sha256"] = 'sha256 = "…" (sha256sum model.onnx prints it)'
    for name in ("name", "version"):
        if name not in merged:
            missing[name] = f'{name} = "…"'
    lone = fallback is not None
    write = f"Put it into a folder as {MODEL_FILE} with a {MANIFEST_FILE} beside it" if lone else "Write into it"
    if missing:
        if not merged.get("licence"):
            missing["licence"] = 'licence = "…"'
        raise ModelUndecided(
            f"{place} does not decide what the model is: {_and(list(missing))} "
            f"{'is' if len(missing) == 1 else 'are'} not said{'' if lone else ', nor by its model file'}"
            f"{_unreadable(said)}.",
            hint=f"{write}: {'; '.join(missing.values())}.",
        )
    if not merged.get("licence"):
        raise LicenceMissing(
            f"Neither {place} nor its metadata say under which licence the model may be used.",
            hint=f'{write}: licence = "…", such as "Apache-2.0".',
        )
    return manifest_of(merged, place)


def _family_line(facts: OnnxDescription) -> str:
    """The line that states the family, with what would decide it: the families there are and the file's tensors."""
    like = [name for name, rules in FAMILIES.items() if len(rules.outputs) > 1 and rules.outputs <= set(facts.outputs)]
    words = f"its outputs are named as those of {_and(like)}" if like else f"one of {', '.join(FAMILIES)}"
    takes, gives = (
        ", ".join(f"{name} {row}" for name, row in tensors.items()) or "nothing"
        for tensors in (facts.inputs, facts.outputs)
    )
    return f'family = "…" ({words}; docs/models.md tells them apart; the file takes {takes} and gives {gives})'


def _merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one; the values of `high` count, field by field within the nested tables."""
    out = {**low, **high}
    for name in _NESTED:
        below, above = low.get(name), high.get(name)
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            out[name] = {**below, **above}
    return out


# ---------------------------------------------------------------- which tensor has which role
def _fill_roles(merged: dict[str, Any], rules: FamilyRules, facts: OnnxDescription, missing: dict[str, str]) -> None:
    for word, tensors, wanted, more in (
        ("inputs", facts.inputs, rules.inputs, rules.more_inputs),
        ("outputs", facts.outputs, rules.outputs, rules.more_outputs),
    ):
        if merged.get(word):
            continue
        found = _roles(tensors, wanted, more)
        if found is None and word == "outputs" and merged["family"] == "yolo":
            found = _yolo_outputs(tensors)
        if found is not None:
            merged[word] = found
            continue
        rows = ", ".join(f'{role} = "…"' for role in sorted(wanted))
        there = ", ".join(f"{name} {row}" for name, row in tensors.items()) or "none"
        missing[word] = f"[{word}] {rows} (the file's {word}: {there})"


def _roles(tensors: Mapping[str, Declared], wanted: frozenset[str], more: frozenset[str]) -> dict[str, str] | None:
    if wanted <= set(tensors):
        return {role: role for role in sorted(wanted | more) if role in tensors}
    if len(wanted) == 1 and len(tensors) == 1:
        return {next(iter(wanted)): next(iter(tensors))}
    return None


def _yolo_outputs(tensors: Mapping[str, Declared]) -> dict[str, str] | None:
    """Predictions are rows of numbers, the prototypes of masks are maps."""
    ranks = {len(row.shape): name for name, row in tensors.items() if row.shape is not None}
    if len(tensors) == 2 and sorted(ranks) == [3, 4]:
        return {"predictions": ranks[3], "prototypes": ranks[4]}
    return None


# ---------------------------------------------------------------- how a picture goes in
def _fill_picture(
    merged: dict[str, Any], rules: FamilyRules, facts: OnnxDescription, place: str, missing: dict[str, str]
) -> None:
    given = merged.get("input", {})
    image = facts.inputs.get(_tensor(merged, "inputs", "image"))
    if rules.modality != "image" or image is None or not isinstance(given, Mapping):
        return
    filled = dict(given)
    merged["input"] = filled
    if image.dtype not in _PICTURE_DTYPES:
        raise ModelRefused(f"The model of {place} takes values of type {image.dtype}, not bytes or floats.")
    if filled.setdefault("dtype", image.dtype) != image.dtype:
        raise ModelRefused(f"{place} says dtype {filled['dtype']}, the model file takes {image.dtype}.")
    if image.dtype == "uint8" and not {"scale", "mean", "std"} & set(given):
        # A byte has no room for fractions: the network does the rest itself.
        filled.update(scale=1.0, mean=[0.0], std=[1.0])
    colour = filled.get("colour", rules.picture.get("colour"))
    if image.shape is None or colour is None:
        return
    if len(image.shape) == 3 and merged["family"] == "ssd":  # torchvision's take a picture without its axis
        image = replace(image, shape=(1, *image.shape))
    _fill_layout(filled, image, 1 if colour == "GRAY" else 3, place, missing)
    _check_size(filled, image, place, merged["family"])


def _fill_layout(filled: dict[str, Any], image: Declared, channels: int, place: str, missing: dict[str, str]) -> None:
    shape = image.shape or ()
    words = _CHANNELS[channels]
    if len(shape) != 4:
        raise ModelRefused(f"The model of {place} takes {image}, not a picture of {words} [N, C, H, W].")
    at = {"NCHW": shape[1], "NHWC": shape[3]}
    possible = [layout for layout, size in at.items() if size in (channels, None)]
    certain = [layout for layout, size in at.items() if size == channels]
    given = filled.get("layout")
    if not possible:
        raise ModelRefused(f"The model of {place} takes {image}, not a picture of {words}.")
    if given in at and given not in possible:
        raise ModelRefused(f"{place} says layout {given} with {words}, the model file takes {image}.")
    if given is None and len(certain) > 1:
        missing["input.layout"] = '[input] layout = "NCHW" (or "NHWC")'
    elif given is None and certain:
        filled["layout"] = certain[0]


def _check_size(filled: Mapping[str, Any], image: Declared, place: str, family: str) -> None:
    shape, size = image.shape or (), filled.get("size")
    if family in _FREED:
        return
    if shape[0] not in (1, None):
        raise ModelRefused(
            f"The model of {place} takes {shape[0]} pictures at once.", hint="Export it for one picture (batch 1)."
        )
    declared = shape[1:3] if filled.get("layout") == "NHWC" else shape[2:4]
    if isinstance(size, list | tuple) and len(size) == 2:
        for own, wanted in zip(declared, size, strict=True):
            if own is not None and own != wanted:
                raise ModelRefused(
                    f"The model takes pictures of {_sizes(declared)}, its model.toml says {list(size)} ({place})."
                )


# ---------------------------------------------------------------- what the numbers mean
def _fill_decode(
    merged: dict[str, Any], said: ExporterMetadata, facts: OnnxDescription, place: str, missing: dict[str, str]
) -> None:
    given = merged.get("decode", {})
    if not isinstance(given, Mapping):
        return
    if merged["family"] == "yolo":
        names = merged.get("names")
        decoded = resolve_yolo(
            given,
            said,
            len(names) if isinstance(names, list) and names else None,
            facts.outputs.get(_tensor(merged, "outputs", "predictions")),
            facts.outputs.get(_tensor(merged, "outputs", "prototypes")),
            place,
        )
        for name, line in decoded.missing.items():
            missing[f"decode.{name}"] = f"[decode] {line}"
        merged["decode"] = decoded.table
    if merged["family"] == "detr" and "form" not in given and said.table.get("family") == "detr":
        form = _rtdetr_form(merged, said, facts)
        if form is None:
            missing["decode.form"] = (
                '[decode] form = "joined" (probabilities of each class; or "rows": score and number)'
            )
        else:
            merged["decode"] = {**given, "form": form}
    alphabet = given.get("alphabet")
    if said.vocabulary and isinstance(alphabet, list) and len(alphabet) != said.vocabulary:
        raise ModelRefused(
            f"{place} has an alphabet of {len(alphabet)} tokens, the metadata of its model file say {said.vocabulary}."
        )
    if merged["family"] == "ctc":
        for name, line in (
            ("alphabet", 'alphabet = ["…", …]'), ("blank", "blank = 0"), ("frame_ms", "frame_ms = 40"),
        ):  # fmt: skip
            if name not in given:
                missing[f"decode.{name}"] = f"[decode] {line}"


def _rtdetr_form(merged: Mapping[str, Any], said: ExporterMetadata, facts: OnnxDescription) -> str | None:
    """Which of ultralytics' two forms: by the width of a row, and where both are as wide by the version."""
    boxes, names = facts.outputs.get(_tensor(merged, "outputs", "boxes")), merged.get("names")
    width = boxes.shape[-1] if boxes is not None and boxes.shape else None
    if width is not None and isinstance(names, list) and len(names) != 2 and width in (6, 4 + len(names)):
        return "rows" if width == 6 else "joined"
    return None if said.ranked is None else ("rows" if said.ranked else "joined")


def _tensor(merged: Mapping[str, Any], word: str, role: str) -> str:
    roles = merged.get(word)
    return str(roles.get(role)) if isinstance(roles, Mapping) else ""


def _unreadable(said: ExporterMetadata) -> str:
    return f" (its metadata {_and(list(said.unreadable))} cannot be read)" if said.unreadable else ""


def _sizes(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
