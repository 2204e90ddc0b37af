"""The settings with which a model labels, as plain JSON that is known by its hash.

Two devices with other thresholds, two releases of the runtime: what differs in here may label differently, and the
quality report separates them. Threads within a network are left out: answers are the same with any number of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prelabel.models.package import ModelPackage
from prelabel.models.runtime import PROVIDER, RUNTIME
from wire.canonical import document_hash
from wire.labels import LabelsDocument, Source

Settings = dict[str, Any]
MAX_NAMES = 100  # a longer list of names is given by its length and hash


def package_settings(package: ModelPackage, **run: Any) -> Settings:
    """The settings of a package, with what is decided for each run.

    Args:
        run: JSON values such as `looks_per_second`, under the names by which they are recorded.
    """
    manifest = package.manifest
    found: Settings = {"family": package.family, "runtime": RUNTIME, "provider": PROVIDER, **run}
    if manifest.names:
        found["names"] = _listed(manifest.names)
    if manifest.rules.modality == "image":
        found["input"] = manifest.input.to_json()
    else:
        found["audio"] = manifest.audio.to_json()
    if manifest.decode is not None:
        # An alphabet has thousands of characters and belongs to the weights; the package's hash covers it.
        found["decode"] = {name: value for name, value in manifest.decode.to_json().items() if name != "alphabet"}
    if package.family == "vad":
        found["speech"] = manifest.speech.to_json()
    elif package.family != "ctc":
        found["thresholds"] = manifest.thresholds.to_json()
    return found


def with_settings(document: LabelsDocument, used: Mapping[Source, Settings], **run: Any) -> LabelsDocument:
    """The document with the hash of its settings in every source that is among `used`, and the settings themselves.

    Args:
        used: sources as labels name them, without settings.
        run: what was decided for this document alone; it counts for the document's own source.
    """
    settings = {source: {**found, **run} if source == document.source else found for source, found in used.items()}
    named = {source: source.model_copy(update={"settings": document_hash(found)}) for source, found in settings.items()}
    present = {document.source, *(label.source for label in document.labels if label.source is not None)}
    return document.model_copy(
        update={
            "source": named.get(document.source, document.source),
            "labels": [
                label if label.source not in named else label.model_copy(update={"source": named[label.source]})
                for label in document.labels
            ],
            "settings": {str(named[source].settings): settings[source] for source in settings if source in present},
        }
    )


def _listed(names: list[str]) -> Any:
    return names if len(names) <= MAX_NAMES else {"count": len(names), "sha256": document_hash(names)}
