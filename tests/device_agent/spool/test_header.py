"""What the header knows is in the manifest: a capture that was torn says where it belongs like any other."""

from __future__ import annotations

from tests.device_agent.spool.making import header
from wire.capture import CaptureManifest, Counts, DeviceFacts, Part

PART = Part(name="media", sealed_sha256="0" * 64, sealed_bytes=3)


def test_a_manifest_has_every_member_of_its_header() -> None:
    facts = DeviceFacts(agent_version="0.1.0", board="a board")
    opened = header("audio").model_copy(update={"device_facts": facts, "sensor_settings": {"gain": 2}, "sequence": 4})
    closed = opened.manifest(
        parts=[PART], clock_map=[(0, 5)], complete=True, sha256="1" * 64, size=3, duration_us=9, frames=None,
        counts=Counts(),
    )  # fmt: skip
    shared = (type(opened).model_fields.keys() & CaptureManifest.model_fields.keys()) - {"schema_number"}
    assert {name: getattr(closed, name) for name in shared} == {name: getattr(opened, name) for name in shared}
    assert len(shared) > 10 and not hasattr(closed, "sequence")
