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
    """`address` for the setting; two nodes with so many processors each, of which the head stays."""

    address: str
    _cluster: Any
    _settings: dict[str, Any]
    _other: Any = None

    def have_node(self) -> None:
        """Start the node that is not the head, unless it is there."""
        if self._other is None:
            self._other = self._cluster.add_node(**self._settings)

    def kill_node(self) -> None:
        """Kill it, with everything that runs on it."""
        self._cluster.remove_node(self._other, allow_graceful=False)
        self._other = None


@contextlib.contextmanager
def ray_cluster(processors: int = 1) -> Iterator[RayCluster]:
    """Both nodes are there."""
    # Read when Ray is imported: no reports to its makers, and 127.0.0.1 is what it says.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    from ray.cluster_utils import Cluster

    # Short, because sockets below it have paths of at most 107 bytes. A variable, not the argument `temp_dir`: with
    # that one the address of the cluster would still be written below /tmp/ray, whether it is there or not.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    os.environ["RAY_TMPDIR"] = folder
    node = {
        "num_cpus": processors,
        "object_store_memory": OBJECT_STORE_BYTES,
        "node_ip_address": "127.0.0.1",
    }
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(shutil.rmtree, folder, ignore_errors=True)
        at_the_end.callback(os.environ.pop, "RAY_TMPDIR")
        cluster = Cluster()
        at_the_end.callback(cluster.shutdown)
        cluster.add_node(**node, include_dashboard=False)
        running = RayCluster(cluster.address, cluster, node)
        running.have_node()
        yield running
