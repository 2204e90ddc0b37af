"""Nobody is participant-1 of home-1: without names, each device has pseudonyms of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.agent import Agent
from device_agent.labelling.models import Models
from device_agent.session.pseudonyms import PSEUDONYMS, own_pseudonyms
from device_agent.session.resume import SessionOfAnother
from device_agent.settings import AgentSettings
from tests.device_agent.masked_agent import CREDENTIALS
from tests.support.journals import PLAN, recording, written
from wire.base import is_id


def agent(state: Path, pseudonym: str | None = None, home: str | None = None) -> Agent:
    settings = AgentSettings(
        state=state,
        script="greeting",
        camera="none",
        microphone="none",
        page_port=0,
        pseudonym=pseudonym,
        home=home,
    )
    return Agent(settings, CREDENTIALS, PLAN, Models(), lambda _line: None)


def people(made: Agent) -> tuple[str, str]:
    header = made.runner.replayed.header
    made.stop()
    return header.participant, header.home


def test_devices_differ_and_one_device_stays_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    mine = people(agent(first))
    assert people(agent(first)) == mine and all(is_id(name) for name in mine)
    others = people(agent(second))
    assert others[0] != mine[0] and others[1] != mine[1]
    assert (first / PSEUDONYMS).stat().st_mode & 0o777 == 0o600


def test_who_is_named_is_taken(tmp_path: Path) -> None:
    assert people(agent(tmp_path, "p-7", "h-3")) == ("p-7", "h-3")
    participant, home = people(agent(tmp_path, pseudonym="p-8"))
    assert participant == "p-8" and home == own_pseudonyms(tmp_path).home


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"participant": "a b", "home": "h"}', '{"participant": 3, "home": 4}']
)
def test_a_file_that_cannot_be_read_is_made_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / PSEUDONYMS).write_text(text)
    made = own_pseudonyms(tmp_path)
    assert is_id(made.participant) and is_id(made.home) and own_pseudonyms(tmp_path) == made


def test_a_session_goes_on_with_its_own_people_when_nobody_is_named(tmp_path: Path) -> None:
    header = recording()[0]
    here = header.model_copy(update={"device": CREDENTIALS.device})  # type: ignore[attr-defined]
    written(tmp_path / "sessions" / "ses-1" / "journal.jsonl", [here, *recording()[1:4]])
    assert people(agent(tmp_path)) == (here.participant, here.home)
    with pytest.raises(SessionOfAnother):
        agent(tmp_path, pseudonym="p-other")
