"""Models that are on the collector's machine: nothing here waits for a download."""

from __future__ import annotations

from prelabel.labelling.one_file import ModelDescription, describe
from prelabel.models import catalogue
from wire.errors import GleanerError


class ModelNotPulled(GleanerError):
    """A model of the catalogue that is not on the collector's machine yet; a request does not wait for a download."""

    code = "model-not-pulled"
    status = 409
    exit_code = 3
    hint = "Run `gleaner prelabel pull` with its name on the collector's machine, then ask again."


def known_model(name: str) -> ModelDescription:
    """What is known of a model that is on this machine.

    Raises:
        ModelNotPulled: it would have to be downloaded first. And what `open_model` raises.
    """
    if any(item.name == name for item in catalogue.items()) and catalogue.locate(name) is None:
        raise ModelNotPulled(f"The model {name} is not on the collector's machine.")
    return describe(name)
