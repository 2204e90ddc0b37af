"""docs/ocr.md says what the code says."""

from __future__ import annotations

import re
import tomllib

from prelabel.models import catalogue
from prelabel.models.families import OcrDecode
from prelabel.text.reader import CATALOGUE_PARTS
from tests import needs

TEXT = (needs.ROOT / "docs/ocr.md").read_text(encoding="utf-8")


def test_the_parts_and_their_sizes() -> None:
    listed = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]+\| ([0-9.]+) MB \|", TEXT, re.M))
    assert listed == {name: f"{catalogue.item(name).size / 1e6:.1f}" for name in CATALOGUE_PARTS}


def test_the_example_has_every_setting_with_its_default() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    table = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", example, flags=re.M))
    decode = table["decode"]
    assert decode.keys() == OcrDecode.model_fields.keys()
    said = {name: value for name, value in decode.items() if name not in ("part", "alphabet", "language")}
    assert said == OcrDecode(part="detection").model_dump(include=set(said))
    detection, recognition = (catalogue.item(name).table for name in (CATALOGUE_PARTS[0], CATALOGUE_PARTS[2]))
    assert table["input"] == detection["input"]
    assert table["thresholds"] == {**recognition["thresholds"], **detection["thresholds"]}
