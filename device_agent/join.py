"""Joining a collector with what already waits on the device: it stays, under the id it was recorded with."""

from __future__ import annotations

from pathlib import Path

from device_agent.session.resume import device_of_what_waits
from device_agent.spool.inspection import mark_unsent, waiting_of
from device_agent.uplink.pairing import Credentials, NotJoined, join, load
from wire.device import DeviceInfo


def join_again(
    url: str, code: str, info: DeviceInfo, state: Path, insecure: bool = False, authority: str | None = None
) -> tuple[Credentials, int]:
    """Join, for the first time or once more. Returns the credentials and how many captures wait.

    A device with nothing of its own gets a new id. One that holds a session or captures gets the id back that stands in
    their manifests, from the same collector or from another one, which also gets the records of their sessions.

    Raises:
        JoinFailed and what else `pairing.join` raises.
    """
    try:
        before: Credentials | None = load(state)
    except NotJoined:
        before = None
    waiting = waiting_of(state / "spool")
    credentials = join(url, code, info, state, insecure, known_as=device_of_what_waits(state), authority=authority)
    if before is None or before.verify_key != credentials.verify_key:
        mark_unsent(state / "spool", {one.session for one in waiting})
    return credentials, len(waiting)
