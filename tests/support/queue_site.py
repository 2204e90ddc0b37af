"""The queue over HTTP, in this process, with a token for each person."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from collector.http.problems import install_problems
from collector.key_folder import KeyFolder
from collector.keys import load_admin_key, load_receipt_key
from collector.people.accounts import new_token
from collector.people.rates import RequestRates
from collector.people.sign_ins import SignIns
from collector.review.routes import router
from collector.review.shown_tasks import ShownTasks
from collector.services import Services, set_services
from collector.settings import Settings
from tests.collector.review.filled import Filled, document


class Site:
    """The queue's routes over a filled data folder, with a bearer token for each person."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        app = FastAPI(separate_input_output_schemas=False)
        keys = filled.folder / "keys"
        made = (RequestRates(), SignIns(filled.db), ShownTasks())
        parts = {type(part): part for part in made}
        settings, key = Settings(data=filled.folder), load_receipt_key(KeyFolder(keys), filled.db)
        set_services(app, Services(settings, filled.db, filled.blobs, key, load_admin_key(KeyFolder(keys)), parts))
        app.include_router(router)
        install_problems(app)
        self.app = app
        self.tokens: dict[str, str] = {}

    def add(self, name: str, role: str = "annotator") -> None:
        self.filled.person(name, role)
        self.tokens[name] = self.filled.db.write_sync(lambda conn: new_token(conn, name))

    def call(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return asyncio.run(self._send(method, path, body, headers))

    async def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, json=body, headers=headers)

    def next(self, who: str, **more: Any) -> list[dict[str, Any]]:
        reply = self.call(who, "POST", "/api/tasks/next", {"client": "page-1", **more})
        assert reply.status_code == 200, reply.text
        tasks: list[dict[str, Any]] = reply.json()["tasks"]
        return tasks

    def submit(
        self,
        who: str,
        task: dict[str, Any],
        labels: list[Any],
        uuid: str | None = None,
        more: dict[str, Any] | None = None,
    ) -> httpx.Response:
        labelled = [row["id"] for row in task["captures"] if row["role"] == "labelled"]
        body = {
            "fence": task["lease"]["fence"],
            "submit": uuid or str(uuid4()),
            "documents": [document(capture, labels) for capture in labelled],
            "opened_at": "2026-11-20T12:00:00.000000Z",
            "first_input_at": "2026-11-20T12:00:01.000000Z",
            "activity": [{"at": "2026-11-20T12:00:01.000000Z", "visible": True, "playing": False}],
            **(more or {}),
        }
        return self.call(who, "POST", f"/api/tasks/{task['id']}/submit", body)
