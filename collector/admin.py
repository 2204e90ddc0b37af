"""What commands on this machine may ask for, one table: run by the service when it is up, else on the database.

`collector join-code`, `collector device …`, `collector user …` and `collector prelabel …` call `run_verb` either
through `POST /api/admin/{verb}` (a running service holds the data folder) or directly.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import ValidationError

from collector.devices import fleet
from collector.devices.announcing import own_addresses
from collector.devices.joining import new_join_code
from collector.exports.about import save_export
from collector.people import accounts
from collector.people.policy import Admin, PolicyRoute
from collector.prelabels import runs
from collector.review.calibrations import keep_calibration
from collector.settings import Settings
from collector.store.depends import Db
from collector.store.sql import Connection
from collector.studies import studies
from collector.studies.limits import limit_person
from prelabel.triage.calibration import Calibration
from wire.errors import GleanerError
from wire.labels import Source

router = APIRouter(prefix="/api/admin", tags=["admin"], include_in_schema=False, route_class=PolicyRoute)
Verb = Callable[[Connection, dict[str, str], Settings], dict[str, Any]]


class VerbUnknown(GleanerError):
    """The running service is of another version than the command."""

    code = "verb-unknown"
    status = 404
    hint = "Restart the service, so that it is of the same version as this command."


class VerbInvalid(GleanerError):
    """A command's request lacks a member, or one of them cannot be read."""

    code = "verb-invalid"
    status = 422
    hint = "Run the command of the same version as the service."


class _Members(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise VerbInvalid(f"The request has no {name}.")


def _link(conn: Connection, given: dict[str, str], settings: Settings) -> dict[str, Any]:
    code = accounts.new_link_code(conn, given["name"])
    return {"url": f"{settings.url}/enter/{code}", "minutes": int(accounts.LINK_SECONDS // 60)}


def _join_code(conn: Connection, _given: dict[str, str], settings: Settings) -> dict[str, Any]:
    announced = settings.announce and bool(own_addresses(settings.host))
    return new_join_code(conn) | {"url": settings.url, "announced": announced}


def _start_prelabel_run(conn: Connection, given: dict[str, str], _settings: Settings) -> dict[str, Any]:
    """The command has opened the model already: it runs on this machine and shows how a download goes on."""
    source, media = Source.model_validate_json(given["source"]), tuple(given["media"].split())
    run = runs.start_run(conn, runs.RunAsked.model_validate_json(given["asked"]), source, media)  # type: ignore[arg-type]
    return runs.find_run(conn, run).to_json()


def _keep_calibration(conn: Connection, given: dict[str, str], _settings: Settings) -> dict[str, Any]:
    keep_calibration(conn, Calibration.read(given["calibration"]))
    return {}


def _save_export(conn: Connection, given: dict[str, str], _settings: Settings) -> dict[str, Any]:
    save_export(conn, json.loads(given["about"]))
    return {}


VERBS: dict[str, Verb] = {
    "join-code": _join_code,
    "device-list": lambda conn, _given, _settings: fleet.list_devices(conn).to_json(),
    "device-revoke": lambda conn, given, _settings: fleet.revoke(conn, given["device"]).to_json(),
    "device-rename": lambda conn, given, _settings: fleet.rename(
        conn, given["device"], fleet.NewName(name=given["name"])
    ).to_json(),
    "user-add": lambda conn, given, _settings: accounts.add_user(conn, given["name"], given["role"]),
    "user-token": lambda conn, given, _settings: {"token": accounts.new_token(conn, given["name"])},
    "user-link": _link,
    "user-studies": lambda conn, given, _settings: {
        "name": given["name"],
        "studies": limit_person(conn, given["name"], json.loads(given["studies"])),
    },
    "user-list": lambda conn, _given, _settings: {"users": accounts.list_users(conn)},
    "prelabel-run": _start_prelabel_run,
    "prelabel-list": lambda conn, _given, _settings: {"runs": [run.to_json() for run in runs.list_runs(conn)]},
    "prelabel-stop": lambda conn, given, _settings: runs.stop_run(conn, given["run"]).to_json(),
    "export-save": _save_export,
    "study-list": lambda conn, _given, _settings: studies.list_studies(conn).to_json(),
    "study-show": lambda conn, given, _settings: studies.study_detail(conn, given["study"]).to_json(),
    "study-set": lambda conn, given, _settings: studies.change_study(
        conn, given["study"], studies.StudyChange.model_validate_json(given["change"])
    ).to_json(),
    "calibration-keep": _keep_calibration,
}

# Somebody may be added before the service first starts; everything else speaks of what is there.
STARTS_DATA = frozenset({"user-add"})


def run_verb(conn: Connection, verb: str, given: dict[str, str], settings: Settings) -> dict[str, Any]:
    """Raises VerbUnknown, VerbInvalid, and what the verb itself raises."""
    function = VERBS.get(verb)
    if function is None:
        raise VerbUnknown(f"The service does not know {verb!r}.")
    try:
        return function(conn, _Members(given), settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise VerbInvalid(f"The request is not valid: {first['msg']}.") from error


@router.post("/{verb}", dependencies=[Admin])
async def ask(verb: str, request: Request, db: Db, given: Annotated[dict[str, str], Body()]) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    return await db.write(lambda conn: run_verb(conn, verb, given, settings))
