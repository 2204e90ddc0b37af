"""The script language: YAML source -> checked -> compiled plan with a hash, and the scripts that ship with it."""

from __future__ import annotations

from scripts.check import check
from scripts.findings import Finding, ScriptInvalid, ScriptMissing
from scripts.library import load, playing_seconds, shipped

__all__ = ["Finding", "ScriptInvalid", "ScriptMissing", "check", "load", "playing_seconds", "shipped"]
