"""What a device does while the collector dies again and again: ask, resume, repeat, until a receipt is there."""

from __future__ import annotations

import contextlib
import json
import time

import httpx

from tests.collector.running import DeviceClient
from tests.collector.samples import Sample, SampleTake, session_record

AGAIN_SECONDS = 0.05


def resume(device: DeviceClient, capture: str, part: str, data: bytes, chunk: int, *, checksum: bool) -> None:
    """Ask for the offset, go on from there, until everything is there."""
    while True:
        with contextlib.suppress(httpx.HTTPError, KeyError):
            created = device.create(capture, part, len(data))
            location, at = created.headers["Location"], int(created.headers["Upload-Offset"])
            while at < len(data):
                reply = device.patch(location, at, data[at : at + chunk], checksum=checksum)
                if reply.status_code != 204:
                    break
                at = int(reply.headers["Upload-Offset"])
            else:
                return
        time.sleep(AGAIN_SECONDS)


def settle(device: DeviceClient, one: Sample) -> httpx.Response:
    """Close a capture whose parts are sent; returns the answer with its receipt."""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if device.put_manifest(one).status_code == 202:
                reply = device.receipt(one.id)
                if reply.status_code == 200:
                    return reply
        time.sleep(AGAIN_SECONDS)


def announce(device: DeviceClient, session: str, takes: list[SampleTake]) -> None:
    """The record of a session, with which its takes become tasks once their captures are there."""
    body = json.dumps(session_record(device.id, takes, session).to_json())
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if device.call("PUT", f"/api/sessions/{session}", content=body).status_code == 200:
                return
        time.sleep(AGAIN_SECONDS)
