"""A rehearsal behind a real page server, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from device_agent.page.server import PageServer
from hardware.ports import free_port
from tests.device_agent.page.rehearsal import Rehearsal
from tests.support import local_http
from wire.script import ConsentText, Plan, PlanStep

KEY = "a-key-for-tests"


class HandClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def plan() -> Plan:
    """One step of each kind."""
    return Plan(
        id="page-test",
        version="1.0.0",
        title="A small session",
        language="en-GB",
        study="tests",
        consent=ConsentText(
            text="We keep what you allow.\nNothing else.\n\n- film\n- sound\n\n<b>You</b> may stop.",
            uses=["video", "audio", "image", "text"],
        ),
        steps=[
            PlanStep(
                id="greet",
                kind="say",
                title="Greet",
                prompt="Read this aloud: Hello.",
                expected="Hello.",
                record=["audio", "video"],
                countdown_seconds=2,
                seconds=4,
            ),
            PlanStep(id="walk", kind="do", title="Walk", prompt="Walk through.", record=["video"], seconds=6),
            PlanStep(id="cup", kind="show", title="Cup", prompt="Hold up a cup.", record=["image"]),
            PlanStep(id="drink", kind="answer", title="Drink", prompt="What do you drink?", record=["text"]),
        ],
    )


@dataclass
class Stage:
    rehearsal: Rehearsal
    clock: HandClock
    server: PageServer
    url: str

    def client(self, **settings: object) -> httpx.Client:
        """A program that looks at the page, not yet let in."""
        return local_http.Client(base_url=self.server.address, timeout=60, **settings)  # type: ignore[arg-type]

    def friend(self) -> httpx.Client:
        """A program with the key."""
        return self.client(headers={"Authorization": f"Bearer {KEY}", "X-Gleaner-Page": "1"})


@contextmanager
def stage(script: Plan | None = None, **settings: object) -> Iterator[Stage]:
    clock = HandClock()
    rehearsal = Rehearsal(script or plan(), clock=clock, **settings)  # type: ignore[arg-type]
    # A port that stays free while the page is away.
    server = PageServer(rehearsal.read, rehearsal.post, rehearsal.preview, port=free_port(), key=KEY)
    try:
        yield Stage(rehearsal, clock, server, server.start())
    finally:
        server.stop()
