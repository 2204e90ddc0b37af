"""Sending what waits on a device without a session: no sensor, no page."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from device_agent.session.resume import save_ended
from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.pairing import load, newest
from device_agent.uplink.uplink import Uplink
from wire.version import installed_version


class Delivery:
    """A spool and its uplink, as a context: started inside, ended behind."""

    def __init__(self, state: Path, bandwidth: int | None = None) -> None:
        """Take the spool and close what was interrupted.

        Raises:
            NotJoined, SpoolInUse, SpoolUnusable; SpoolFailed: the disk's answer.
        """
        credentials = load(state)
        self.spool = Spool(state / "spool")
        recover(self.spool)
        save_ended(self.spool, state, credentials.device)
        self.uplink = Uplink(
            self.spool,
            lambda: CollectorClient(newest(credentials, state)),
            lambda _: None,
            bandwidth,
            agent_version=installed_version(),
        )
        self.uplink.report_session("delivering", None)

    def __enter__(self) -> Self:
        self.uplink.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.uplink.stop()
        self.spool.close()
