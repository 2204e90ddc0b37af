"""The bills of materials in docs/sbom/ have what is pinned, each with its licence, in the form of CycloneDX."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from tests import sbom

WRITE = "Run `make sbom` and commit docs/sbom/."


def bill(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("path", "version"), [(sbom.PYTHON, SchemaVersion.V1_6), (sbom.PAGE, SchemaVersion.V1_5)])
def test_a_bill_is_cyclonedx_and_says_each_licence(path: Path, version: SchemaVersion) -> None:
    text = path.read_text(encoding="utf-8")
    assert JsonStrictValidator(version).validate_str(text) is None
    components = bill(path)["components"]
    assert [each["name"] for each in components if not each.get("licenses")] == []
    assert {each["scope"] for each in components} <= {"required", "optional", "excluded"}
    # Where a library comes from is a matter of the machine that builds.
    assert not [word for word in ("externalReferences", "resolved", "distribution", "timestamp") if f'"{word}"' in text]


def test_a_bill_that_is_not_cyclonedx_is_found() -> None:
    wrong = bill(sbom.PYTHON)
    wrong["components"][0]["licenses"] = [{"license": {"id": "No such licence"}}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None


def test_the_bill_of_python_has_the_pins() -> None:
    found = {canonicalize_name(each["name"]): each["version"] for each in bill(sbom.PYTHON)["components"]}
    assert found == sbom.pins(), WRITE


def test_scopes_separate_what_ships_from_what_tests_need() -> None:
    scopes = {canonicalize_name(each["name"]): each["scope"] for each in bill(sbom.PYTHON)["components"]}
    assert {name: scopes[name] for name in ("numpy", "pydantic-core", "psycopg", "picamera2", "pytest", "lxml")} == {
        "numpy": "required",
        "pydantic-core": "required",
        "psycopg": "optional",
        "picamera2": "optional",
        "pytest": "excluded",
        "lxml": "excluded",
    }


def test_everything_that_is_installed_for_development_is_pinned() -> None:
    assert sbom.developer_libraries() - set(sbom.pins()) == {"gleaner-suite"} & sbom.developer_libraries()


def test_the_bill_of_the_page_has_the_locked_packages() -> None:
    lock = json.loads((sbom.WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {
        (place.rpartition("node_modules/")[2], row["version"], row["integrity"], not row.get("dev"))
        for place, row in lock.items()
        if place
    }
    found = {
        (each["name"], each["version"], integrity(each["hashes"]), each["scope"] == "required")
        for each in bill(sbom.PAGE)["components"]
    }
    assert found == locked, WRITE


def integrity(hashes: list[dict[str, str]]) -> str:
    """As package-lock.json writes it."""
    (sha512,) = [row["content"] for row in hashes if row["alg"] == "SHA-512"]
    return f"sha512-{base64.b64encode(bytes.fromhex(sha512)).decode()}"
