"""Whom recordings are of where nobody was named: two random pseudonyms, made once for each device.

Fixed ones would be the same on every device, and different families would look like one.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from device_agent.state_files import write_state
from wire.base import is_id

PSEUDONYMS = "pseudonyms.json"


@dataclass(frozen=True)
class OwnPseudonyms:
    participant: str
    home: str


def own_pseudonyms(state: Path) -> OwnPseudonyms:
    """Those of this device; made now if there are none yet, or if the file cannot be read.

    Raises:
        StateUnwritable.
    """
    path = state / PSEUDONYMS
    try:
        found = OwnPseudonyms(**json.loads(path.read_text(encoding="utf-8")))
        if is_id(found.participant) and is_id(found.home):
            return found
    except (OSError, ValueError, TypeError):
        pass
    made = OwnPseudonyms(f"participant-{secrets.token_hex(4)}", f"home-{secrets.token_hex(4)}")
    write_state(path, json.dumps(asdict(made)).encode())
    return made
