"""What the running service has opened, typed: routes ask for it by `db: Db`, `blobs: Blobs` or `services_of(request)`.

What folders of a higher rank made for themselves (upload locks, the report worker, …) is found by its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Request

from collector.keys import ReceiptKey
from collector.settings import Settings
from collector.store.blobs import BlobStore
from collector.store.database import Database

T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    """`parts`: one object per class."""

    settings: Settings
    db: Database
    blobs: BlobStore
    receipt_key: ReceiptKey
    admin_key: str
    parts: Mapping[type, object] = field(default_factory=dict)

    def get(self, part: type[T]) -> T:
        """The one of this class. Raises KeyError: a mistake in the program, the service was started without it."""
        found = self.parts[part]
        assert isinstance(found, part), f"{found!r} is filed under {part}"
        return found


def set_services(app: FastAPI, services: Services) -> None:
    """Make them what `services_of` finds."""
    app.state.services = services


def services_of(holder: Request | FastAPI) -> Services:
    """Those of the app that is running, or that a request came to."""
    app = holder if isinstance(holder, FastAPI) else holder.app
    services: Services = app.state.services
    return services


async def _database(request: Request) -> Database:
    return services_of(request).db


async def _blobs(request: Request) -> BlobStore:
    return services_of(request).blobs


Db = Annotated[Database, Depends(_database)]
Blobs = Annotated[BlobStore, Depends(_blobs)]
