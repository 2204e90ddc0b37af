"""The redaction of a plan and of a manifest: strict, and a document that has none is still what schema 1 wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import GOLDEN, SHA, golden, manifest
from wire.base import Document
from wire.canonical import canonical_json, document_hash
from wire.capture import CaptureManifest, Redacted
from wire.device import JoinRequest
from wire.errors import BadDocument
from wire.labels import LabelsDocument
from wire.script import Plan, Redaction
from wire.session import SessionRecord, TakeDocument

KINDS: dict[str, type[Document]] = {
    kind.__name__: kind for kind in (Plan, CaptureManifest, JoinRequest, SessionRecord, TakeDocument, LabelsDocument)
}
LENIENT = {"LabelsDocument"}  # whose stated number is raised: a page sends labels back with the sources they came with
PART = {"name": "redaction", "sealed_sha256": SHA, "sealed_bytes": 10}
MEDIA = {"name": "media", "sealed_sha256": SHA, "sealed_bytes": 10}


# ------------------------------------------------------------------ golden files: one a schema number
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_there_is_a_golden_file_for_every_schema(kind: str) -> None:
    assert sorted(GOLDEN.glob(f"{kind}-*.json")) == [
        GOLDEN / f"{kind}-{number}.json" for number in range(1, KINDS[kind].SCHEMA + 1)
    ]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_schema_is_read_and_written_back_byte_for_byte(path: Path) -> None:
    kind, number = path.stem.split("-")
    read = KINDS[kind].read(path.read_bytes())
    assert read.schema_number == int(number)
    assert canonical_json(read) == path.read_bytes()


def test_a_plan_of_schema_1_keeps_the_hash_it_was_known_by() -> None:
    sha256 = "0902f2c35c5c6eb4c0b57ddca2a8143cd47b4efdb3b7c4eaee478322fdc81674"
    assert Plan.read(golden("Plan-1")).ref.sha256 == sha256


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_has_no_redaction_is_written_as_schema_1(kind: str) -> None:
    """By the writer of today, without a number given: what an older reader, which refuses unknown members, can read."""
    body = json.loads(golden(f"{kind}-1"))
    del body["schema"]
    made = KINDS[kind].model_validate(body)
    assert canonical_json(made) == golden(f"{kind}-1")


@pytest.mark.parametrize(
    ("kind", "number"),
    [(kind, number) for kind in sorted(KINDS.keys() - LENIENT) for number in range(2, KINDS[kind].SCHEMA + 1)],
)
def test_what_needs_a_schema_gets_it_and_cannot_say_less(kind: str, number: int) -> None:
    body = json.loads(golden(f"{kind}-{number}"))
    del body["schema"]
    assert KINDS[kind].model_validate(body).schema_number == number
    with pytest.raises(BadDocument, match=f"schema {number}"):
        KINDS[kind].read(body | {"schema": number - 1})


def test_the_same_document_is_equal_whoever_gave_the_number() -> None:
    plan = Plan.read(golden("Plan-2"))
    body: dict[str, Any] = {name: value for name, value in plan.to_json().items() if name != "schema"}
    assert Plan.model_validate(body) == plan
    assert document_hash(Plan.model_validate(body)) == plan.ref.sha256


# ------------------------------------------------------------------ what a redaction may say
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "faces, mutes speech"),
        ({"method": "solid"}, "faces, mutes speech"),
        ({"faces": "strangers"}, "bystanders"),
        ({"speech": "always"}, "outside-prompts"),
        ({"faces": "everyone", "zone": [0, 0, 1, 1]}, "bystanders"),
        ({"speech": "outside-prompts", "zone": [0, 0, 1, 1]}, "bystanders"),
        ({"faces": "bystanders", "zone": [0, 0, 1]}, "zone"),
        ({"faces": "bystanders", "zone": [0, 0, 0, 1]}, "inside"),
        ({"faces": "bystanders", "zone": [0.6, 0, 0.5, 1]}, "inside"),
        ({"faces": "bystanders", "zone": [0, -0.1, 1, 1]}, "zone"),
        ({"faces": "bystanders", "zone": [0, 0, 1, float("nan")]}, "zone"),
        ({"faces": "everyone", "method": "blur"}, "mosaic"),
        ({"faces": "everyone", "margin_seconds": 0.4}, "margin_seconds"),
        ({"faces": "everyone", "margin_seconds": 6}, "margin_seconds"),
    ],
)
def test_a_bad_redaction_is_refused_with_the_plan(members: dict[str, Any], words: str) -> None:
    with pytest.raises(BadDocument) as caught:
        Plan.read(json.loads(golden("Plan-1")) | {"schema": 2, "redaction": members})
    assert words in str(caught.value)


@pytest.mark.parametrize("zone", [(0.1, 0.1, 0.9, 0.9), (0.7, 0, 0.3, 1), (0, 0, 1, 1)])
def test_a_zone_may_reach_the_edge(zone: tuple[float, float, float, float]) -> None:
    assert Redaction(faces="bystanders", zone=zone).zone == zone


@pytest.mark.parametrize(
    ("redaction", "parts", "fine"),
    [
        ({"faces": 3, "speech_us": 0}, [MEDIA, PART], True),
        ({"faces": None, "speech_us": None}, [MEDIA], True),  # stopped while it recorded: masked, not counted
        ({}, [MEDIA], True),
        (None, [MEDIA], True),
        (None, [MEDIA, PART], False),
        ({"faces": 3, "speech_us": 0}, [MEDIA], False),
        ({}, [MEDIA, PART], False),
        ({"faces": -1, "speech_us": 0}, [MEDIA, PART], False),
        ({"people": 1}, [MEDIA, PART], False),
    ],
)
def test_a_manifest_counts_what_its_part_lists(redaction: dict[str, Any] | None, parts: list[Any], fine: bool) -> None:
    body = manifest(schema=2, parts=parts, redaction=redaction)
    if not fine:
        with pytest.raises(BadDocument):
            CaptureManifest.read(body)
        return
    read = CaptureManifest.read(body)
    assert (read.redaction is None) == (redaction is None)
    assert CaptureManifest.read(canonical_json(read)) == read


def test_a_masked_capture_that_was_not_counted_says_so() -> None:
    read = CaptureManifest.read(manifest(schema=2, redaction={}))
    assert read.redaction == Redacted() and read.to_json()["redaction"] == {"faces": None, "speech_us": None}
