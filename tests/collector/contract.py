"""Strangers' requests against the OpenAPI document, by schemathesis, with the credentials of every role.

    python -m tests.collector.contract [--examples N]     the long trial of .ci/run, three to four minutes

Every answer has to have a declared status, a declared content type and the declared shape, and none may be a 5xx.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import SampleTake, sample, session_record
from tests.support.waiting import until

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
ROLES = ("nobody", "annotator", "lead", "device")


class Contract:
    """A running collector with captures and tasks in it, and who may ask it."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        device = collector.device()
        people = {role: collector.person(f"{role}-1", role) for role in ("annotator", "lead")}
        _fill(device)
        until(lambda: len(people["lead"].get("/api/tasks").json()["tasks"]) == 2)
        self._headers: dict[str, dict[str, str]] = {
            "nobody": {},
            "device": {"Authorization": f"Bearer {device.token}"},
            **{role: {"Authorization": person.headers["Authorization"]} for role, person in people.items()},
        }

    def tried(self, role: str, folder: Path, examples: int, phases: str) -> subprocess.CompletedProcess[str]:
        """Run schemathesis with a role's credentials; its return code is 0 if every answer was as declared."""
        words = [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{self.collector.url}/api/openapi.json",
            "--max-examples", str(examples), "--checks", CHECKS, "--phases", phases, "--request-timeout", "60",
            "--continue-on-failure", "--seed", "7", "--no-color", "--generation-database", "none",
            "--suppress-health-check", "all", "--warnings", "off",
        ]  # fmt: skip
        for name, value in self._headers[role].items():
            words += ["-H", f"{name}: {value}"]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=580, check=False)


def _fill(device: DeviceClient) -> None:
    picture, answer = sample("image", device.id, take="take-p"), sample("text", device.id, take="take-t")
    takes = [
        SampleTake("take-p", "step-1", [picture], ["boxes"]),
        SampleTake("take-t", "step-2", [answer], ["text"], kind="answer"),
    ]
    for one in (picture, answer):
        device.send(one)
    record = session_record(device.id, takes)
    reply = device.call("PUT", f"/api/sessions/{record.session}", content=json.dumps(record.to_json()))
    assert reply.status_code == 200, reply.text


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the collector's OpenAPI document with every role.")
    parser.add_argument("--examples", type=int, default=5, help="per operation and role")
    examples: int = parser.parse_args().examples
    with tempfile.TemporaryDirectory(prefix="gleaner-contract-") as name:
        folder = Path(name)
        collector = Collector(folder)
        collector.start()
        try:
            contract = Contract(collector)
            bad = 0
            for role in ROLES:
                ran = contract.tried(role, folder, examples, "examples,coverage,fuzzing")
                print(role, ran.stdout if ran.returncode else ran.stdout[ran.stdout.rindex("Test cases") :], flush=True)
                bad += ran.returncode != 0
            if "Traceback" in collector.log:
                print(collector.log)
                bad += 1
        finally:
            collector.stop()
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main())
