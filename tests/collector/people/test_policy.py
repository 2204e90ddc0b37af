"""Who may do what: an admin looks after the installation and is given nothing of people."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from collector.app import create_app
from collector.people.policy import ROLES
from collector.settings import Settings
from tests.collector.review.whole_line import next_tasks, send_takes
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import SampleTake, sample
from tests.needs import ROOT
from tests.support.routes import documented_routes, policies
from tests.support.waiting import until
from wire.base import format_utc, new_id

PARAMETER = r"\{\w+(:\w+)?\}"
# Of these none answers with media, labels, answers, consent or what is in an export.
FOR_ADMINS = {
    "GET /api/me", "GET /api/me/browser-storage", "GET /api/me/tokens", "POST /api/me/tokens/{token}/revoke",
    "POST /api/me/leave-others", "POST /api/leave",
    "GET /api/users", "POST /api/users/{name}/disable", "POST /api/users/{name}/enable", "POST /api/users/{name}/role",
    "GET /api/users/{name}/tokens", "POST /api/users/{name}/tokens/{token}/revoke",
    "GET /api/devices", "POST /api/devices/{device}/revoke", "PATCH /api/devices/{device}",
    "GET /api/installation", "GET /api/failed-jobs", "POST /api/failed-jobs/again", "GET /api/storage",
    "GET /api/manifest-conflicts",
}  # fmt: skip


def test_what_admins_may_ask_for_is_a_closed_list() -> None:
    found = policies(create_app(Settings()))
    assert {route for route, who in found.items() if who is not None and "admin" in who} == FOR_ADMINS


_ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^`? ]*)`")
# What its own check narrows further, as the page says: a role may open recordings, so no admin gives one.
NARROWED = {"POST /api/users/{}/role": {"lead"}}


def documented_roles() -> dict[str, set[str]]:
    """Of each route in docs/http-api.md who may use it: of a table's second column what is before any colon."""
    found = {}
    for line in (ROOT / "docs/http-api.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            names, policy = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:3]]
            for method, path in _ROUTE.findall(names):
                found[f"{method} {re.sub(PARAMETER, '{}', path)}"] = roles_in(policy.partition(":")[0])
    return found


def roles_in(policy: str) -> set[str]:
    plain = re.sub(r"\(.*?\)|`[^`]*`", "", policy)
    if "any role" in plain:
        return set(ROLES)
    for who in ("anyone on loopback", "anyone", "device"):
        if who in plain:
            return {who}
    return {role for role in ROLES if re.search(rf"\b{role}\b", plain)}


def test_the_page_on_http_names_the_roles_that_the_code_lets_in() -> None:
    documented = documented_roles()
    named = {re.sub(PARAMETER, "{}", f"{method} {path}") for method, path in documented_routes()}
    in_code = {
        name: NARROWED.get(name, set(who))
        for route, who in policies(create_app(Settings())).items()
        if who is not None and (name := re.sub(PARAMETER, "{}", route)) in named
    }
    assert len(in_code) > 70
    assert {name: documented.get(name) for name in in_code} == in_code


@pytest.fixture
def admin(collector: Collector) -> httpx.Client:
    return collector.person(new_id("adam"), "admin")


def test_an_admin_is_given_no_media_and_no_item(
    collector: Collector, device: DeviceClient, admin: httpx.Client
) -> None:
    made = sample("image", device.id, "take-adm", "ses-adm")
    device.send(made)
    device.received(made.id)
    until(lambda: collector.rows("SELECT id FROM capture WHERE id = :id AND state = 'opened'", id=made.id))
    for what in ("media", "original", "labels", "frames"):
        reply = admin.get(f"/api/captures/{made.id}/{what}")
        assert (reply.status_code, reply.json()["code"]) == (403, "not-allowed"), what
    for path in ("/api/tasks", "/api/exports", "/api/sessions", "/api/captures", "/api/studies", "/api/reports/today"):
        assert admin.get(path).status_code == 403, path
    body = {"client": "page", "have": [], "count": 1}
    assert admin.post("/api/tasks/next", json=body).status_code == 403
    assert admin.post("/api/exports", json={}).status_code == 403
    assert collector.rows("SELECT 1 AS one FROM look WHERE capture_id = :id", id=made.id) == []


def test_an_admin_looks_after_devices_and_accounts_and_makes_nobody_a_lead(
    collector: Collector, admin: httpx.Client, lead: httpx.Client
) -> None:
    device, name = collector.device(), new_id("ben")
    collector.person(name, "annotator")
    assert admin.get("/api/me").json()["role"] == "admin"
    assert admin.get("/api/installation").status_code == 200
    assert admin.post(f"/api/devices/{device.id}/revoke").status_code == 200
    assert admin.post(f"/api/users/{name}/disable").status_code == 200
    assert admin.post(f"/api/users/{name}/enable").status_code == 204
    own = admin.get("/api/me").json()["name"]
    for who in (own, name):
        refused = admin.post(f"/api/users/{who}/role", json={"role": "lead"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed"), who
    assert lead.post(f"/api/users/{name}/role", json={"role": "admin"}).status_code == 204


def test_what_somebody_held_is_given_to_others_when_they_become_an_admin(
    collector: Collector, device: DeviceClient, lead: httpx.Client
) -> None:
    made = SampleTake(
        "take-held", "step-1", [sample("image", device.id, "take-held", "ses-held")], ["boxes"], kind="show"
    )
    send_takes(device, "ses-held", [made])
    name = new_id("cleo")
    cleo = collector.person(name, "annotator")
    held = until(lambda: next_tasks(cleo, count=1))[0]["id"]
    assert lead.post(f"/api/users/{name}/role", json={"role": "admin"}).status_code == 204
    (row,) = collector.rows("SELECT lease_expires_at FROM task WHERE id = :id", id=held)
    assert row.lease_expires_at <= format_utc(datetime.now(UTC))
    assert cleo.post(f"/api/tasks/{held}/submit", json={}).status_code == 403
