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
