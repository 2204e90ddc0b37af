"""A script without a finding, and files of scripts."""

from __future__ import annotations

from pathlib import Path

from scripts import check
from scripts.findings import Finding

GOOD = """\
id: try-out
version: "1.0"
title: Try out
language: en
study: kitchen
consent:
  text: We record you.
  uses: [video, audio, image, text]
labels:
  boxes: [person, cup]
steps:
  - id: greet
    kind: say
    prompt: Say hello.
    expected: Hello.
    record: [audio, video]
    seconds: 4
    reviews: [speech]
  - id: cup
    kind: show
    prompt: Hold up a cup.
    objects: [cup]
    record: [image]
    reviews: [boxes]
  - id: drink
    kind: answer
    prompt: What do you drink?
    record: [text]
    reviews: [text]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def findings_of(tmp_path: Path, text: str | bytes) -> list[Finding]:
    path = tmp_path / "script.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return check(path)
