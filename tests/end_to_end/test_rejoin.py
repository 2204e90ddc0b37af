"""A token that was revoked or lost strands nothing: what waits is listed, carried, and sent after joining again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.end_to_end.installation import SHORT, Installation
from tests.support.waiting import until


def code_of(collector: Installation) -> str:
    made = collector.run("collector", "join-code", "--data", str(collector.collector_data), "--json")
    return str(json.loads(made.stdout)["code"])


def deliver(collector: Installation, state: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(collector.run("agent", "deliver", "--state", str(state), "--json").stdout)
    return facts


def held(collector: Installation) -> dict[str, str]:
    """Which device every capture of a collector is of; receipts alone count."""
    rows = collector.rows(
        "SELECT capture.id, capture.device_id FROM capture JOIN receipt ON receipt.capture_id = capture.id"
    )
    return {row["id"]: row["device_id"] for row in rows}


def waiting(installation: Installation, state: Path) -> dict[str, dict[str, Any]]:
    made = installation.run("agent", "spool", "list", "--state", str(state), "--json")
    return {row["capture"]: row for row in json.loads(made.stdout)["captures"]}


def join(collector: Installation, state: Path) -> str:
    """Join and return the device's id."""
    collector.run("agent", "join", collector.url, code_of(collector), "--state", str(state))
    return str(json.loads((state / "device.json").read_text())["device"])


def test_a_revoked_token_strands_nothing(installation: Installation, tmp_path: Path) -> None:
    device = json.loads((installation.state / "device.json").read_text())["device"]
    installation.run("collector", "device", "revoke", device, "--data", str(installation.collector_data))
    installation.start_agent(str(SHORT), "--deliver-seconds", "1", "--no-models")
    facts = installation.finish_agent(code=1)
    assert facts["lost"] == facts["takes"] > 0
    rows = waiting(installation, installation.state)
    assert len(rows) == facts["captures"]
    assert {(row["state"], row["device"]) for row in rows.values()} == {("closed", device)}

    refused = installation.run(
        "agent", "deliver", "--state", str(installation.state), "--deliver-seconds", "3000", check=False
    )  # ended by the refusal: 3000 s are longer than a command may take here
    assert (refused.returncode, "[device-refused]" in refused.stderr) == (3, True), refused.stderr
    said = " ".join(refused.stderr.split())
    assert f"{len(rows)} captures and" in said and "gleaner agent join ADDRESS CODE" in said

    copy = tmp_path / "stick"
    installation.run("agent", "spool", "export", str(copy), "--state", str(installation.state))
    assert waiting(installation, copy) == rows == waiting(installation, installation.state)
    checked = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=copy, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    full = installation.run("agent", "spool", "export", str(copy), "--state", str(installation.state), check=False)
    assert (full.returncode, "is not empty" in full.stderr) == (3, True)

    assert join(installation, installation.state) == device
    assert deliver(installation, installation.state) == {"sent": len(rows), "left": 0, "set_aside": 0}
    assert held(installation) == dict.fromkeys(rows, device)
    sessions = installation.rows("SELECT id, state, device_id FROM session")
    assert [(row["state"], row["device_id"]) for row in sessions] == [("finished", device)]

    elsewhere = Installation(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    try:  # the copy has no token, and another collector knows neither device nor session
        elsewhere.start_collector()
        assert join(elsewhere, copy) == device
        assert deliver(elsewhere, copy) == {"sent": len(rows), "left": 0, "set_aside": 0}
        assert held(elsewhere) == dict.fromkeys(rows, device)
        assert elsewhere.rows("SELECT id, state, device_id FROM session") == sessions
    finally:
        elsewhere.close()


def test_an_agent_at_work_goes_on_with_the_token_of_a_new_code(installation: Installation) -> None:
    """It was revoked in the middle of its session; nobody starts it again."""
    installation.start_agent(str(SHORT), "--no-models")
    until(lambda: installation.rows("SELECT 1 FROM device WHERE heartbeat IS NOT NULL"))
    (device,) = (row["id"] for row in installation.rows("SELECT id FROM device"))
    installation.run("collector", "device", "revoke", device, "--data", str(installation.collector_data))
    assert join(installation, installation.state) == device
    facts = installation.finish_agent()
    assert (facts["lost"], len(held(installation))) == (0, facts["captures"])
