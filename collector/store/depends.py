"""How a route asks for the store: `def route(db: Db, blobs: Blobs)`. `create_app` puts them on `app.state`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from collector.store.blobs import BlobStore
from collector.store.database import Database


async def _database(request: Request) -> Database:
    database: Database = request.app.state.db
    return database


async def _blobs(request: Request) -> BlobStore:
    blobs: BlobStore = request.app.state.blobs
    return blobs


Db = Annotated[Database, Depends(_database)]
Blobs = Annotated[BlobStore, Depends(_blobs)]
