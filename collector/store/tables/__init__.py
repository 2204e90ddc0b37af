"""Every table, one file a family, on one MetaData. A file in this folder belongs to the schema.

Times are text by `wire.base.format_utc`, so text order is time order; documents are JSON text as received or written.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from collector.store.tables.base import metadata

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["metadata"]
