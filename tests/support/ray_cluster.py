"""A Ray cluster of two nodes on this machine, on loopback alone, as `ray start` makes it. Its processes end with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OBJECT_STORE_BYTES = 100 * 2**20


@dataclass
class RayCluster:
    """`address` for the setting; the head has a processor of its own, the other node as many as were asked for."""

    address: str
    _cluster: Any
    _other: Any

    def kill_node(self) -> None:
        """Kill the node that is not the head, with everything that runs on it."""
        self._cluster.remove_node(self._other, allow_graceful=False)


@contextlib.contextmanager
def ray_cluster(processors: int = 1) -> Iterator[RayCluster]:
    """Two nodes with so many processors each."""
    # Read when Ray is imported: no reports to its makers, and 127.0.0.1 is what it says.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    from ray.cluster_utils import Cluster

    # Short, because sockets below it have paths of at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    node = {
        "num_cpus": processors,
        "object_store_memory": OBJECT_STORE_BYTES,
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
    }
    cluster = Cluster(initialize_head=True, head_node_args={**node, "temp_dir": folder})
    try:
        other = cluster.add_node(**{name: value for name, value in node.items() if name != "include_dashboard"})
        yield RayCluster(cluster.address, cluster, other)
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
