"""In which settings models of one file differ, in a few words: why a report has two rows where one was expected."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from wire.canonical import document_hash
from wire.labels import Source

NOT_RECORDED = "settings not recorded"
MAX_DIFFERENCES = 4  # told of one model; a page has a line for them
_MAX_VALUE = 32
_TABLES = ("thresholds", "input", "audio", "decode", "speech")  # whose fields are known by their own names
_NAMES = {"looked_at": "picture size", "max_looks_per_second": "looks per second", "words": "followed words"}
_Flat = dict[str, str]


def configurations(models: Mapping[Source, Mapping[str, Any] | None]) -> dict[Source, str]:
    """Of each model with another of the same name, version and file: what is its own.

    `score 0.4`, or `settings not recorded`.

    Args:
        models: with the settings they ran with; None where these were not recorded.
    """
    alike: dict[tuple[str, str | None, str | None], list[Source]] = defaultdict(list)
    for source in models:
        alike[source.name, source.version, source.sha256].append(source)
    return {
        source: text
        for sources in alike.values()
        if len(sources) > 1
        for source, text in _distinguished({source: models[source] for source in sources}).items()
    }


def named(model: Source, told: Mapping[Source, str]) -> str:
    """A model as a sentence calls it."""
    return f"{model.name}, {told[model]}" if model in told else model.name


def _distinguished(sources: Mapping[Source, Mapping[str, Any] | None]) -> dict[Source, str]:
    flat = {source: None if settings is None else _flat(settings) for source, settings in sources.items()}
    known = [row for row in flat.values() if row is not None]
    names = dict.fromkeys(name for row in known for name in row)
    differing = [name for name in names if len({row.get(name) for row in known}) > 1]
    packages = {source.package for source in sources if source.is_configured}
    return {source: _text(source, row, differing, len(packages) > 1) for source, row in flat.items()}


def _text(source: Source, settings: _Flat | None, differing: list[str], by_package: bool) -> str:
    if settings is None and not source.is_configured:
        return NOT_RECORDED
    parts = [] if settings is None else [_part(name, settings.get(name)) for name in differing]
    if len(parts) > MAX_DIFFERENCES:
        parts = [*parts[:MAX_DIFFERENCES], f"{len(parts) - MAX_DIFFERENCES} more"]
    if not parts and by_package and source.package is not None:
        parts = [f"package {source.package[:8]}"]
    if not parts:
        parts = [f"settings {(source.settings or 'unknown')[:8]}"]
    return ", ".join(parts)


def _part(name: str, value: str | None) -> str:
    return f"{_short(name)} not set" if value is None else f"{_short(name)} {value}"


def _flat(settings: Mapping[str, Any]) -> _Flat:
    return {name: _shown(value) for name, value in _leaves(settings, "")}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything that is no object; an empty object says nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        text = ", ".join(value)
        return text if len(text) <= _MAX_VALUE else f"{len(value)} ({document_hash(value)[:6]})"
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value):
        return f"{value[0]} × {value[1]}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else document_hash(value)[:8]


def _short(path: str) -> str:
    if path in _NAMES:
        return _NAMES[path]
    table, _, rest = path.partition(".")
    return rest.replace("_", " ") if rest and table in _TABLES else path.replace("_", " ")
