"""Wire documents: read through one door, strict, refused with one sentence; times rounded once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.documents import SHA, manifest
from wire.base import WireModel, new_id, shared_members
from wire.canonical import canonical_json, document_hash
from wire.capture import CaptureManifest, device_time_us, sample_time_us
from wire.errors import BadDocument, SchemaTooNew
from wire.labels import LabelsDocument

TIMES = json.loads((Path(__file__).resolve().parents[2] / "wire/conformance/time.json").read_text("utf-8"))["cases"]


def test_a_manifest_survives_the_wire() -> None:
    read = CaptureManifest.read(manifest())
    assert CaptureManifest.read(canonical_json(read)) == read
    assert document_hash(read) == document_hash(CaptureManifest.read(read.to_json()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": None}, "torn"),
        ({"complete": False}, "torn"),
        ({"medium": "video"}, "frames"),
        ({"parts": [{"name": "frames", "sealed_sha256": SHA, "sealed_bytes": 1}]}, "media"),
        ({"clock_map": [[5, 5], [5, 6]]}, "rise"),
        ({"attempt": 0}, "attempt"),
        ({"colour": "red"}, "colour"),
        ({"take": "../../etc"}, "take"),
        ({"wall": {"at": "2026-11-23T10:00:00"}}, "timezone"),
    ],
)
def test_a_bad_manifest_is_one_sentence(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadDocument) as caught:
        CaptureManifest.read(manifest(**changes))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_newer_schema_names_the_highest_read_here() -> None:
    with pytest.raises(SchemaTooNew) as caught:
        CaptureManifest.read(manifest(schema=4))
    assert caught.value.problem()["highest"] == 3


STORED: list[tuple[Any, Any]] = [
    (CaptureManifest, manifest()),
    (LabelsDocument, {"schema": 1, "capture": "cap-1", "source": {"kind": "person", "name": "ann"}, "labels": []}),
]


@pytest.mark.parametrize(("kind", "members"), STORED)
def test_what_is_stored_is_read_as_it_came(kind: Any, members: Any) -> None:
    assert kind.read_stored(json.dumps(members)) == kind.read(members)


@pytest.mark.parametrize(("kind", "members"), STORED)
@given(data=st.data())
def test_what_is_stored_and_cannot_be_read_is_the_same_sentence(kind: Any, members: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*members, "other"]))
    numbers = st.integers(-3, 99) | st.floats(allow_nan=False)
    value = data.draw(st.none() | st.booleans() | numbers | st.text() | st.just([]))
    text = json.dumps({**members, name: value})
    told = []
    for read in (kind.read, kind.read_stored):
        try:
            told.append(str(read(text).to_json()))
        except (BadDocument, SchemaTooNew) as error:
            told.append(str(error))
    assert told[0] == told[1]


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"null", "{"])
def test_what_is_not_a_json_object_is_refused(data: bytes | str) -> None:
    with pytest.raises(BadDocument):
        LabelsDocument.read(data)


def test_labels_leave_out_what_says_nothing_but_keep_zeros_and_scores() -> None:
    document = LabelsDocument.read(
        {
            "schema": 1,
            "capture": "cap-1",
            "source": {"kind": "person", "name": "ada"},
            "labels": [{"id": "b1", "kind": "box", "label": "cup", "x": 0, "y": 0, "width": 1, "height": 2}],
        }
    )
    (label,) = document.to_json()["labels"]
    assert label == {
        "id": "b1", "kind": "box", "label": "cup", "score": None, "x": 0.0, "y": 0.0, "width": 1.0, "height": 2.0,
    }  # fmt: skip
    assert LabelsDocument.read(document.to_json()) == document


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"kind": "interval", "start_us": 5, "end_us": 5}, "ends after"),
        ({"kind": "span", "start": 0, "end": 1}, "parent"),
        ({"kind": "span", "start": 0, "end": 1, "parent": "nobody"}, "no text"),
        ({"kind": "box", "x": float("nan"), "y": 0, "width": 1, "height": 1}, "finite"),
        ({"kind": "box", "x": 0, "y": 0, "width": -1, "height": 1}, "greater"),
        ({"kind": "circle"}, "circle"),
    ],
)
def test_a_bad_label_is_refused(label: dict[str, object], words: str) -> None:
    with pytest.raises(BadDocument) as caught:
        LabelsDocument.read(
            {
                "schema": 1,
                "capture": "cap-1",
                "source": {"kind": "person", "name": "ada"},
                "labels": [{"id": "a", "label": "x", **label}],
            }
        )
    assert words in str(caught.value)


def test_a_model_names_its_hash() -> None:
    with pytest.raises(BadDocument, match="sha256"):
        LabelsDocument.read({"capture": "c", "source": {"kind": "model", "name": "m"}, "labels": []})


@given(st.integers(0, 2**40), st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]))
def test_sample_times_round_half_to_even(sample: int, rate: int) -> None:
    exact = Decimal(sample) * 1_000_000 / Decimal(rate)
    assert sample_time_us(sample, rate) == int(exact.to_integral_value(ROUND_HALF_EVEN))


@pytest.mark.parametrize("case", TIMES)
def test_sample_times_are_what_the_corpus_says(case: dict[str, int]) -> None:
    assert sample_time_us(case["sample"], case["rate"]) == case["us"]


def test_the_clock_map_is_piecewise_linear_and_goes_on() -> None:
    clock_map = [(0, 100), (1000, 1100), (2000, 2200)]
    assert [device_time_us(clock_map, at) for at in (-10, 0, 500, 1500, 3000)] == [90, 100, 600, 1650, 3300]
    assert device_time_us([(10, 50)], 15) == 55


def test_ids_differ() -> None:
    assert len({new_id("cap") for _ in range(1000)}) == 1000


class Wide(WireModel):
    schema_number: int
    name: str
    size: int
    note: str = ""


@dataclass
class Narrow:
    name: str
    size: int
    place: str = "here"


def test_members_that_two_shapes_share_are_copied_by_their_names() -> None:
    wide = Wide(schema_number=3, name="a", size=2)
    assert Narrow(**shared_members(vars(wide), Narrow)) == Narrow("a", 2)
    assert shared_members({"schema_number": 1, "name": "b", "other": 1}, Wide) == {"name": "b"}
