"""An agent in the simulated room that masks: `python -m tests.device_agent.masked_agent STATE` runs until it is killed.

Faces are looked for by CenterFace; nobody is found by the second network, so a face is masked for what it is. The
collector it has joined is not there: what it records stays in its spool.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from device_agent.agent import Agent
from device_agent.labelling.models import Models
from device_agent.settings import AgentSettings
from device_agent.takes.masking import Masking
from device_agent.uplink.pairing import Credentials
from prelabel.image.detector import open_detector
from prelabel.models.catalogue import available
from prelabel.models.package import open_model
from prelabel.redaction.people_finder import PeopleFinder
from scripts import load
from tests import needs
from tests.device_agent import planted
from wire.parent import end_with_parent
from wire.script import Plan

CREDENTIALS = Credentials(
    device="dev-1", token="none", url="http://127.0.0.1:9", verify_key="00" * 32, collector="nowhere"
)
SCRIPT = """\
id: masked
version: "1"
title: Masked
language: en
study: kitchen
consent:
  text: We record you. Faces are masked.
  uses: [video, image]
redaction:
  faces: everyone
  margin_seconds: 1
steps:
  - id: cup
    kind: show
    prompt: Hold up a cup.
    record: [image]
    countdown_seconds: 0.2
  - id: walk
    kind: do
    prompt: Walk through the picture.
    record: [video]
    countdown_seconds: 0.2
    seconds: {seconds}
"""


def need_models() -> None:
    for name in ("photo-person", "photo-cup", "centerface"):
        needs.need(available(name), f"{name} is not here: gleaner prelabel pull {name}")


def plan(folder: Path, seconds: float) -> Plan:
    path = folder / "masked.yaml"
    path.write_text(SCRIPT.format(seconds=seconds), encoding="utf-8")
    return load(path)


def settings(state: Path) -> AgentSettings:
    return AgentSettings(state=state, script="masked", microphone="none", participant="simulated", page_port=0)


def agent(folder: Path, seconds: float, page_host: str = "127.0.0.1") -> Agent:
    """An agent over FOLDER/state, its networks beside it."""

    def masking(plan: Plan) -> Masking | None:
        assert plan.redaction is not None
        finder = PeopleFinder(open_detector(open_model("centerface")), planted.people(folder, (640, 360)))
        return Masking(plan.redaction, finder, None)

    told = replace(settings(folder / "state"), page_host=page_host)
    return Agent(told, CREDENTIALS, plan(folder, seconds), Models(), lambda _: None, masking)


if __name__ == "__main__":
    end_with_parent()
    running = agent(Path(sys.argv[1]), 30)
    running.start()
    running.run()
