"""After any sequence of faults every capture is at the collector once, with equal hashes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.device_agent.spool.making import noise, spooled
from tests.device_agent.uplink.conftest import Line, PeerProcess
from wire.canonical import document_hash

fault = st.one_of(
    st.fixed_dictionaries({"on": st.just("PATCH"), "kind": st.just("cut"), "n": st.integers(0, 120_000)}),
    st.fixed_dictionaries(
        {
            "on": st.sampled_from(["PATCH", "POST", "PUT", "GET"]),
            "kind": st.just("status"),
            "n": st.sampled_from([408, 423, 460, 500, 502, 503]),
        }
    ),
    st.fixed_dictionaries({"on": st.just("PATCH"), "kind": st.just("status"), "n": st.sampled_from([404, 409, 410])}),
    st.fixed_dictionaries(
        {"on": st.just("PATCH"), "kind": st.just("wrong-offset"), "n": st.sampled_from([0, 1, 99_999, 2**40])}
    ),
    st.fixed_dictionaries(
        {"on": st.sampled_from(["PATCH", "POST", "PUT", "GET", "HEAD"]), "kind": st.just("lost"), "n": st.just(0)}
    ),
    st.fixed_dictionaries({"on": st.sampled_from(["PATCH", "GET"]), "kind": st.just("forget"), "n": st.just(0)}),
    st.fixed_dictionaries({"on": st.just("PATCH"), "kind": st.just("slow"), "n": st.integers(0, 30)}),
)


@pytest.fixture(scope="module")
def shared_peer() -> Iterator[PeerProcess]:
    process = PeerProcess()
    yield process
    process.end()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(fault, max_size=8), sizes=st.lists(st.integers(0, 150_000), min_size=1, max_size=3))
def test_any_sequence_of_faults(shared_peer: PeerProcess, faults: list[dict[str, Any]], sizes: list[int]) -> None:
    shared_peer.faults(faults)
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder), shared_peer, chance=lambda: 0.0)
        manifests = [spooled(line.spool, noise(size, size), labels=b"{}") for size in sizes]
        line.uplink.start()
        assert line.uplink.drain(60)
        state = shared_peer.state()
        for manifest in manifests:
            held = state["captures"].get(manifest.capture)
            # A fault may make the peer forget its bytes after the receipt was given: that is the peer's business.
            if held is not None:
                assert held == {part.name: [part.sealed_bytes, part.sealed_sha256] for part in manifest.parts}
            assert state["manifests"][manifest.capture] == document_hash(manifest)
            assert state["journal"].count(f"receipt {manifest.capture}") >= 1
            assert line.spool.state_of(manifest.capture) == "confirmed"
        line.end()
    shared_peer.faults([])
