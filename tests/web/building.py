"""`collector/web/build.py` as the tests call it."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.needs import ROOT


def builder() -> ModuleType:
    name = "gleaner_page_build"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "collector" / "web" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
