"""How labels name the settings of their model: optional, known by hash, and never lost on the way through a page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.documents import golden
from wire.canonical import canonical_json, document_hash
from wire.errors import BadDocument
from wire.labels import Label, LabelsDocument, Source

PLAIN = Source(kind="model", name="yolox-nano", version="1", sha256="a" * 64)
SETTINGS: dict[str, Any] = {"thresholds": {"score": 0.35}}


NUMBERS = st.floats(-(2**20), 2**20)
SIZES = st.floats(0, 2**20)
COUNTS = st.integers(0, 2**53 - 1)
TEXTS = st.text(max_size=4)
ATTRIBUTES = st.dictionaries(TEXTS, st.none() | st.booleans() | NUMBERS | TEXTS | st.just({}) | st.just([]), max_size=2)
SOURCES = st.sampled_from(
    [
        PLAIN.to_json(),
        {**PLAIN.to_json(), "package": "c" * 64},
        {**PLAIN.to_json(), "settings": "d" * 64},
        {"kind": "person", "name": "ann", "version": None, "sha256": None},
    ]
)
ON_FRAME = {"frame": st.none() | COUNTS, "start_us": st.none() | COUNTS}
WORDS = st.fixed_dictionaries({"text": TEXTS, "start_us": COUNTS, "end_us": COUNTS, "score": st.none() | st.just(0.5)})
# Of each kind the members that it has to have, and those that may be left out.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "box": (
        {"x": NUMBERS, "y": NUMBERS, "width": SIZES, "height": SIZES},
        {**ON_FRAME, "rotation": st.none() | NUMBERS},
    ),
    "polygon": ({"points": st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=2, max_size=3)}, ON_FRAME),
    "polyline": ({"points": st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=2, max_size=3)}, ON_FRAME),
    "keypoints": (
        {"points": st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from([0, 1, 2])).map(list), min_size=1, max_size=3)},
        ON_FRAME,
    ),
    "mask": ({"rle": st.fixed_dictionaries({"size": st.just([2, 2]), "counts": TEXTS})}, ON_FRAME),
    "track": (
        {
            "keyframes": st.fixed_dictionaries(
                {"frame": COUNTS, "start_us": COUNTS, "x": NUMBERS, "y": NUMBERS, "width": SIZES, "height": SIZES}
                | {"visible": st.booleans(), "attributes": ATTRIBUTES}
            ).map(lambda row: [row])
        },
        {},
    ),
    "interval": (
        {"start_us": st.integers(-9, 9), "end_us": st.integers(10, 99)},
        {
            "text": st.none() | TEXTS,
            "expected": st.none() | TEXTS,
            "channel": st.none() | COUNTS,
            "words": st.none() | st.lists(WORDS, max_size=2),
        },
    ),
    "span": ({"start": st.just(0), "end": st.just(1), "parent": st.just("text")}, {}),
    "text": ({"text": TEXTS}, {"language": st.none() | TEXTS}),
    "choice": ({}, {}),
}
COMMON = {
    "score": st.none() | st.floats(0, 1),
    "source": st.none() | SOURCES,
    "edited": st.booleans(),
    "parent": st.none() | st.just("p1"),
    "attributes": ATTRIBUTES,
}


@st.composite
def labels_of_a_kind(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A label as JSON; what may be left out is there, null or missing."""
    needed, optional = KINDS[kind]
    silent = {**{name: value for name, value in COMMON.items() if name not in needed}, **optional}
    members = draw(st.fixed_dictionaries(needed, optional=silent))
    return {"id": "l1", "kind": kind, "label": "cup", **members}


def body(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(golden("LabelsDocument-2"))
    return {**found, **changes}


@given(package=st.booleans(), settings=st.booleans(), stated=st.sampled_from([None, 1, 2]), on_label=st.booleans())
def test_a_document_is_of_schema_1_unless_a_source_says_more(
    package: bool, settings: bool, stated: int | None, on_label: bool
) -> None:
    source = {
        **PLAIN.to_json(),
        **({"package": "c" * 64} if package else {}),
        **({"settings": "d" * 64} if settings else {}),
    }
    label = {"id": "b1", "kind": "box", "label": "cup", "x": 0, "y": 0, "width": 1, "height": 1}
    found: dict[str, Any] = {"capture": "cap-1", "source": PLAIN.to_json() if on_label else source}
    found["labels"] = [{**label, "source": source}] if on_label else [label]
    if stated is not None:
        found["schema"] = stated
    written = LabelsDocument.read(found).to_json()
    assert written["schema"] == max(stated or 1, 2 if package or settings else 1)
    assert LabelsDocument.read(written).to_json() == written


@pytest.mark.parametrize("stated", [None, 1, 2, 3])
def test_a_document_that_says_when_it_was_made_is_of_schema_3(stated: int | None) -> None:
    made: dict[str, Any] = {**json.loads(golden("LabelsDocument-3")), "schema": stated}
    if stated is None:
        del made["schema"]
    assert canonical_json(LabelsDocument.read(made)) == golden("LabelsDocument-3")
    later = LabelsDocument.read(body()).model_copy(update={"inference": LabelsDocument.read(made).inference})
    assert canonical_json(later) == golden("LabelsDocument-3")
    with pytest.raises(BadDocument, match="only a model has an inference"):
        LabelsDocument.read({**made, "source": {"kind": "person", "name": "ann"}})


def test_labels_that_are_put_into_another_document_raise_its_number() -> None:
    kept: Label = LabelsDocument.read(body()).labels[1]
    assert kept.source is not None and kept.source.package == "d" * 64
    revision = LabelsDocument.read(
        {"schema": 1, "capture": "cap-1", "source": {"kind": "person", "name": "ann"}, "labels": []}
    ).model_copy(update={"labels": [kept]})
    assert revision.to_json()["schema"] == 2
    assert LabelsDocument.read(canonical_json(revision)).labels == [kept]


def test_a_page_from_before_an_upgrade_may_send_labels_back() -> None:
    """It states schema 1, and its labels name their models as they came."""
    sent = {"schema": 1, "capture": "cap-1", "source": {"kind": "person", "name": "ann"}, "labels": body()["labels"]}
    assert LabelsDocument.read(sent).schema_number == 2


@pytest.mark.parametrize("kind", ["person", "script"])
@pytest.mark.parametrize("member", ["package", "settings"])
def test_only_a_model_has_settings(kind: str, member: str) -> None:
    with pytest.raises(BadDocument, match="only a model"):
        LabelsDocument.read(body(source={"kind": kind, "name": "ann", member: "c" * 64}))


def test_settings_are_those_that_their_hash_names() -> None:
    LabelsDocument.read(body()).check_settings()
    LabelsDocument.read(body(settings={document_hash(SETTINGS): SETTINGS})).check_settings()
    with pytest.raises(BadDocument, match="have the hash"):
        LabelsDocument.read(body(settings={"e" * 64: SETTINGS})).check_settings()
    with pytest.raises(BadDocument, match="no canonical JSON"):
        LabelsDocument.read(body(settings={"e" * 64: {"score": 2**60}})).check_settings()


def test_sources_under_other_settings_are_not_the_same() -> None:
    one = PLAIN.model_copy(update={"package": "c" * 64, "settings": "d" * 64})
    assert one.ran_as(one.model_copy(update={"version": "2"}))
    assert not one.ran_as(PLAIN)
    assert not one.ran_as(one.model_copy(update={"settings": "e" * 64}))
    assert not one.ran_as(one.model_copy(update={"package": "e" * 64}))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), source=SOURCES, settings=st.booleans(), inference=st.booleans())
def test_what_says_nothing_is_left_out_and_nothing_else(
    kind: str, data: st.DataObject, source: dict[str, Any], settings: bool, inference: bool
) -> None:
    """A frame 0, an empty text and no words at all say something; null, `false` and no attributes do not."""
    label = data.draw(labels_of_a_kind(kind))
    parent = {"id": "text", "kind": "text", "label": "written", "text": "ab", "score": None}
    found: dict[str, Any] = {"capture": "cap-1", "source": source, "labels": [label, parent]}
    if settings:
        found["settings"] = {"d" * 64: SETTINGS}
    if inference and source["kind"] == "model":
        found["inference"] = {"began_at": "2026-01-31T12:00:00.000000Z", "computed_ms": 0}
    document = LabelsDocument.read(found)
    said = {
        name: value
        for name, value in ({"score": None} | label).items()
        if name == "score" or not (value is None or value is False or value == {})
    }
    is_configured = any(name in one for one in (source, said.get("source", {})) for name in ("package", "settings"))
    number = 3 if "inference" in found else 2 if settings or is_configured else 1
    assert document.to_json() == {**found, "schema": number, "labels": [said, parent]}
    assert json.loads(document.model_dump_json(by_alias=True)) == document.to_json()
    assert LabelsDocument.read(document.model_dump_json(by_alias=True)) == document
