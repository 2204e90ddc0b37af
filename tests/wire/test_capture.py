"""What a manifest says of device and sensor: optional, bounded, and written as an older schema where it is missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.documents import manifest
from wire.canonical import canonical_json
from wire.capture import CaptureManifest
from wire.errors import BadDocument

FACTS = {"agent_version": "0.1.0"}


@pytest.mark.parametrize(
    ("more", "schema"),
    [
        ({}, 1),
        ({"redaction": {}}, 2),
        ({"device_facts": FACTS}, 3),
        ({"sensor_settings": {}}, 3),
        ({"sensor_settings": {"gain": 2.5, "mode": "auto", "locked": True, "gains": [1.5, 2]}, "redaction": {}}, 3),
        ({"device_facts": None, "sensor_settings": None}, 1),
    ],
)
def test_a_manifest_has_the_lowest_schema_with_a_place_for_all_of_it(more: dict[str, Any], schema: int) -> None:
    body = manifest(**more)
    del body["schema"]
    read = CaptureManifest.read(body)
    assert read.schema_number == schema
    assert CaptureManifest.read(canonical_json(read)) == read
    if schema > 1:
        with pytest.raises(BadDocument, match=f"schema {schema}"):
            CaptureManifest.read(body | {"schema": schema - 1})


@pytest.mark.parametrize(
    "more",
    [
        {"device_facts": {}},
        {"device_facts": FACTS | {"serial": "10000000a1b2c3d4"}},
        {"device_facts": FACTS | {"board": ""}},
        {"device_facts": FACTS | {"board": "x" * 201}},
        {"device_facts": FACTS | {"boot": "../../etc"}},
        {"sensor_settings": {"Exposure Time": 1}},
        {"sensor_settings": {"gain": None}},
        {"sensor_settings": {"gain": float("nan")}},
        {"sensor_settings": {"gain": {"red": 1}}},
        {"sensor_settings": {"gains": [[1]]}},
        {"sensor_settings": {"gains": [1] * 17}},
        {"sensor_settings": {"mode": "x" * 201}},
        {"sensor_settings": {f"s{number}": number for number in range(65)}},
    ],
    ids=str,
)
def test_what_has_no_place_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadDocument):
        CaptureManifest.read(manifest(schema=3, **more))
