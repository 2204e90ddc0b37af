"""docs/models.md says what the code says."""

from __future__ import annotations

import re

from prelabel.checks.samples import PICTURES, SOUNDS
from prelabel.models import catalogue
from prelabel.models.families import FAMILIES
from prelabel.models.manifest import Manifest, manifest_of, read_table
from tests import needs

TEXT = (needs.ROOT / "docs/models.md").read_text(encoding="utf-8")


def test_the_example_is_a_manifest() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    assert isinstance(manifest_of(read_table(example, "docs/models.md"), "docs/models.md"), Manifest)


def test_every_item_is_listed_with_its_licence() -> None:
    listed = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]+\| ([^|]+) \| (?:package|github)", TEXT, re.M))
    assert listed == {item.name: item.licence for item in catalogue.items()}


def test_every_family_is_listed_with_its_roles() -> None:
    section = TEXT[TEXT.index("| family |") : TEXT.index("## What a model costs")]
    for family, rules in FAMILIES.items():
        (row,) = re.findall(rf"^\| `{family}` \|([^|]+)\|([^|]+)\|", section, re.M)
        assert set(re.findall(r"`(\w+)`", row[0])) == rules.inputs | rules.more_inputs
        assert set(re.findall(r"`(\w+)`", row[1])) == rules.outputs | rules.more_outputs


def test_every_field_of_decode_is_listed() -> None:
    section = TEXT[TEXT.index("| family |") : TEXT.index("## What a model costs")]
    for family, rules in FAMILIES.items():
        (row,) = re.findall(rf"^\| `{family}` \|(?:[^|]+\|){{3}}([^|]*)\|", section, re.M)
        fields = set() if rules.decode is None else set(rules.decode.model_fields)
        assert set(re.findall(r"`(\w+)`", row)) == fields, family


def test_the_golden_samples_are_listed() -> None:
    section = TEXT[TEXT.index("### The golden sample") : TEXT.index("### Time and boards")]
    listed = set(re.findall(r"`(\w+)`", section)) - {"sample"}
    assert listed == {*PICTURES, *SOUNDS}
