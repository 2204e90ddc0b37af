"""docs/models.md says what the code says."""

from __future__ import annotations

import re

from prelabel import catalogue
from prelabel.manifest import INPUT_ROLES, OUTPUT_ROLES, Manifest, read_manifest
from tests import needs

TEXT = (needs.ROOT / "docs/models.md").read_text(encoding="utf-8")


def test_the_example_is_a_manifest() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    assert isinstance(read_manifest(example, "docs/models.md"), Manifest)


def test_every_item_is_listed_with_its_licence() -> None:
    listed = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]+\| ([^|]+) \| (?:package|github)", TEXT, re.M))
    assert listed == {item.name: item.licence for item in catalogue.items()}


def test_every_family_is_listed_with_its_roles() -> None:
    section = TEXT[TEXT.index("| family |") : TEXT.index("## What a model costs")]
    for family in INPUT_ROLES:
        (row,) = re.findall(rf"^\| `{family}` \|([^|]+)\|([^|]+)\|", section, re.M)
        assert set(re.findall(r"`(\w+)`", row[0])) == INPUT_ROLES[family]
        assert set(re.findall(r"`(\w+)`", row[1])) == OUTPUT_ROLES[family]
