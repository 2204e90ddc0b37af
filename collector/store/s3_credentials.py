"""Credentials for S3 in the files of the AWS tools. They are in no setting, no log and no sentence.

Those of the environment, and of the machine or container that AWS runs, are found by obstore.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path


def profile_settings(profile: str | None = None) -> dict[str, str]:
    """Credentials and region from the files of the AWS tools; empty where the environment has credentials and no
    profile is named.
    """
    profile = profile or os.environ.get("AWS_PROFILE")
    if os.environ.get("AWS_ACCESS_KEY_ID") and not profile:
        return {}
    name = profile or "default"
    found = configparser.ConfigParser(interpolation=None)
    home = Path("~/.aws").expanduser()
    files = configparser.ConfigParser(interpolation=None)
    files.read(os.environ.get("AWS_CONFIG_FILE", home / "config"), encoding="utf-8")
    found.read(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", home / "credentials"), encoding="utf-8")
    values: dict[str, str] = {}
    for parser, section in ((files, "default" if name == "default" else f"profile {name}"), (found, name)):
        if parser.has_section(section):
            values |= dict(parser.items(section))
    wanted = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "region": "region",
    }
    return {ours: values[theirs] for theirs, ours in wanted.items() if values.get(theirs)}
