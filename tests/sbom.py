"""Writes the bills of materials in docs/sbom/, CycloneDX 1.6 (Python) and 1.5 (the page), from what is pinned.

python -m tests.sbom        writes both; `tests/test_sbom.py` compares them with constraints.txt and package-lock.json

Addresses are left out: where a library is fetched from is a matter of the machine that builds. So are times and random
numbers: the same pins make the same files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from collector.web.build import WEB, find_node

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "sbom"
PYTHON, PAGE = FOLDER / "python.cdx.json", FOLDER / "page.cdx.json"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$", re.MULTILINE)
# Those whose metadata say no licence, or not in a way that the tool reads; each read from the project's own files.
LICENCES = {
    "asttokens": "Apache-2.0",
    "espeakng-loader": "MIT AND GPL-3.0-or-later",  # the second: the library espeak-ng inside
    "faster-coco-eval": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "ray": "Apache-2.0",
}
# Those that are not installed where this runs: on a Raspberry Pi alone, or with another Python.
ELSEWHERE = {
    "editables": "MIT",
    "libarchive-c": "CC0-1.0",
    "openexr": "BSD-3-Clause",
    "picamera2": "BSD-2-Clause",
    "pidng": "MIT",
    "piexif": "MIT",
    "python-prctl": "GPL-3.0-or-later",
    "simplejpeg": "MIT",
    "videodev2": "BSD-3-Clause",
}
FOR_DEVICE = frozenset(ELSEWHERE) - {"editables"}
Component = dict[str, Any]


class NotPinned(Exception):
    """One sentence: what has to be done before a bill can be made."""


def pins() -> dict[str, str]:
    """Versions by name (as `canonicalize_name` writes it)."""
    found = PIN.findall((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    return {canonicalize_name(name): version for name, version in found}


def required_by(requirements: Iterable[str]) -> set[str]:
    """The names of these libraries and of all that they need on this machine, as far as they are installed here."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), wanted)
            if key in found:
                continue
            found.add(key)
            try:
                inside = metadata.requires(requirement.name) or []
            except metadata.PackageNotFoundError:
                continue
            waiting += [(Requirement(line), wanted) for line in inside]
    return {name for name, _ in found}


def scopes() -> dict[str, str]:
    """`required`, `optional` (an extra needs it), by name; the others are for building and testing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra, lines in project["optional-dependencies"].items() if extra != "dev" for line in lines]
    found = dict.fromkeys(required_by(extras) | FOR_DEVICE, "optional")
    return found | dict.fromkeys(required_by(project["dependencies"]), "required")


def developer_libraries() -> set[str]:
    """Everything that `make dev` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return required_by([*project["dependencies"], *project["optional-dependencies"]["dev"]])


def python_bill() -> dict[str, Any]:
    """Raises NotPinned: what is installed is not what is pinned."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--sv", "1.6"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    bill: dict[str, Any] = json.loads(ran.stdout)
    pinned, scope = pins(), scopes()
    found = {canonicalize_name(component["name"]): component for component in bill["components"]}
    for name in ELSEWHERE.keys() - found.keys():
        purl = f"pkg:pypi/{name}@{pinned[name]}"
        found[name] = {"type": "library", "bom-ref": purl, "name": name, "version": pinned[name], "purl": purl}
    wrong = sorted(name for name, version in pinned.items() if found.get(name, {}).get("version") != version)
    if wrong:
        raise NotPinned(f"Not installed as constraints.txt has them: {', '.join(wrong)}. Run `make dev`.")
    for name, component in found.items():
        said = LICENCES.get(name) or ELSEWHERE.get(name)
        if said is not None:
            component["licenses"] = [{"expression": said, "acknowledgement": "declared"}]
        component["scope"] = scope.get(name, "excluded")
    bill["components"] = [found[name] for name in sorted(pinned)]
    return cleaned(bill)


def page_bill() -> dict[str, Any]:
    """Those in the page are `required`; those that build it are `excluded`."""
    node = find_node()
    if node is None:
        raise NotPinned("Node.js is missing. Run `make web`.")
    command = [*node.npm, "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]
    ran = subprocess.run(command, cwd=WEB, env=node.environment(), capture_output=True, text=True, check=True)
    bill: dict[str, Any] = json.loads(ran.stdout)
    for component in bill["components"]:
        if any(row["name"] == "cdx:npm:package:development" for row in component["properties"]):
            component["scope"] = "excluded"
    return cleaned(bill)


def cleaned(bill: dict[str, Any]) -> dict[str, Any]:
    """Without addresses, times, random numbers and the versions of this machine's tools, in one order."""
    bill.pop("serialNumber", None)
    bill["metadata"].pop("timestamp", None)
    bill["metadata"].pop("tools", None)
    refs = {component["bom-ref"] for component in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    for component in [*bill["components"], bill["metadata"]["component"]]:
        component.pop("externalReferences", None)
    bill["dependencies"] = [
        {**row, "dependsOn": sorted(set(row["dependsOn"]) & refs)} if "dependsOn" in row else row
        for row in sorted(bill["dependencies"], key=lambda row: str(row["ref"]))
        if row["ref"] in refs
    ]
    return bill


def written(bill: dict[str, Any]) -> str:
    return json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    try:
        for path, bill in ((PYTHON, python_bill()), (PAGE, page_bill())):
            path.write_text(written(bill), encoding="utf-8")
            sys.stderr.write(f"{path.relative_to(ROOT)}: {len(bill['components'])} libraries\n")
    except NotPinned as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
