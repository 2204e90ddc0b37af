"""The wheel and the sdist carry the built review page; an editable install does not wait for it (`make web` builds)."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def page_builder(root: str) -> ModuleType:
    """`collector/web/build.py` as a module, without importing the collector."""
    path = Path(root) / "collector" / "web" / "build.py"
    spec = importlib.util.spec_from_file_location("gleaner_page_build", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks its own module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class PageBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node.js as a package where the machine has none, and only when there is something to build.

        hatchling does not say for which kind of build it asks; an editable one needs none, and would download it
        into an isolated environment for nothing.
        """
        if any(frame.name == "get_requires_for_build_editable" for frame in traceback.extract_stack()):
            return []
        builder = page_builder(self.root)
        return [] if builder.is_built() or builder.find_node() else [builder.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        builder = page_builder(self.root)
        try:
            builder.build(self.app.display_info)
        except builder.BuildFailed as failure:
            self.app.abort(str(failure))
