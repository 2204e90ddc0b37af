"""A model's files on another machine: found there by their hashes, and removed when nobody uses them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from prelabel.labelling import model_files as module
from prelabel.labelling.model_files import UNUSED_SECONDS, ModelFiles, model_files, use_copied
from prelabel.models.catalogue import ModelCorrupt
from tests.support.other_model import package


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "OWN_CACHE", tmp_path / "cache")
    for name in ("GLEANER_MODELS", "GLEANER_CACHE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # what `use_copied` sets ends with the test
    new_process(monkeypatch)
    return tmp_path / "cache" / "copied"


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_checked", set())


def files_of(folder: Path) -> tuple[ModelFiles, dict[str, bytes]]:
    files, paths = model_files(str(package(folder)))
    return files, {name: path.read_bytes() for name, path in paths.items()}


def test_files_are_fetched_once_a_machine_and_looked_at_once_a_process(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, bodies = files_of(tmp_path / "one")
    fetched = []

    def fetch() -> dict[str, bytes]:
        fetched.append(1)
        return bodies

    model = use_copied(files, fetch)
    assert Path(model).parent == cache and use_copied(files, fetch) == model and len(fetched) == 1
    new_process(monkeypatch)
    assert use_copied(files, fetch) == model and len(fetched) == 1
    name = next(iter(files.sha256))
    Path(model, name).write_bytes(b"damaged")
    new_process(monkeypatch)
    assert use_copied(files, fetch) == model and len(fetched) == 2
    assert Path(model, name).read_bytes() == bodies[name]


def test_what_changed_on_its_way_is_not_used(tmp_path: Path, cache: Path) -> None:
    files, bodies = files_of(tmp_path / "one")
    for name in bodies:
        with pytest.raises(ModelCorrupt, match="has changed on its way"):
            use_copied(files, lambda name=name: {**bodies, name: bodies[name] + b"."})  # type: ignore[misc]


def test_copies_that_nobody_uses_go_when_another_comes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, bodies = files_of(tmp_path / "one")
    copied = Path(use_copied(files, lambda: bodies))
    old, older = cache / "old", cache / "older"
    for folder, age in ((old, UNUSED_SECONDS - 3600), (older, UNUSED_SECONDS + 3600), (copied, UNUSED_SECONDS + 3600)):
        folder.mkdir(exist_ok=True)
        os.utime(folder, (time.time() - age,) * 2)
    new_process(monkeypatch)
    use_copied(files, lambda: bodies)  # it is used again
    other = ModelFiles("other", "", files.sha256)
    use_copied(other, lambda: bodies)
    assert copied.is_dir() and old.is_dir() and not older.exists()
