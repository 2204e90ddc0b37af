"""What commands on this machine may ask for, one table: run by the service when it is up, else on the database.

`collector join-code`, `collector device …`, `collector user …` and the like call `run_verb` either through
`POST /api/admin/{verb}` (a running service holds the data folder) or directly. Each verb loads what it needs: to save
the record of an export, nothing of HTTP, devices or models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from collector.names import Named, the_one
from collector.settings import Settings
from collector.store.sql import Connection, text
from wire.base import Id
from wire.errors import GleanerError

Given = dict[str, str]
Verb = Callable[[Connection, Given, Settings], dict[str, Any]]
_DAYS: TypeAdapter[int | None] = TypeAdapter(Annotated[int, Field(ge=1, le=3650)] | None)
_STUDIES: TypeAdapter[list[str] | None] = TypeAdapter(list[Id] | None)


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


def _join_code(conn: Connection, _given: Given, settings: Settings) -> dict[str, Any]:
    import ssl

    from collector.devices.announcement import own_addresses
    from collector.devices.join_codes import new_join_code
    from wire.authority import authority_pin

    announced = settings.announce and bool(own_addresses(settings.host))
    pin = None
    if settings.has_own_authority and settings.authority_file.exists():
        pin = authority_pin(ssl.PEM_cert_to_DER_cert(settings.authority_file.read_text(encoding="ascii")))
    return new_join_code(conn) | {"url": settings.url, "announced": announced, "authority": pin}


def _device(conn: Connection, verb: str, given: Given, _settings: Settings) -> dict[str, Any]:
    from collector.devices import fleet

    match verb:
        case "list":
            return fleet.list_devices(conn).to_json()
        case "revoke":
            return fleet.revoke(conn, given["device"]).to_json()
        case _:
            return fleet.rename(conn, given["device"], fleet.NewName(name=given["name"])).to_json()


def _user(conn: Connection, verb: str, given: Given, settings: Settings) -> dict[str, Any]:
    from collector.people import accounts, open_tokens
    from collector.studies.limits import limit_person

    match verb:
        case "add":
            return accounts.add_user(conn, given["name"], given["role"])
        case "role":
            from collector.users import give_role

            give_role(conn, given["name"], given["role"])
            return {"name": given["name"], "role": given["role"]}
        case "token":
            days = _DAYS.validate_python(given.get("days"))
            return {"token": accounts.new_token(conn, given["name"], days)}
        case "disable":
            from collector.users import disable

            return disable(conn, given["name"]).to_json()
        case "enable":
            accounts.enable_user(conn, given["name"])
            return {"name": given["name"]}
        case "tokens":
            person = accounts.any_person_id(conn, given["name"])
            return open_tokens.list_tokens(conn, person, settings.page_idle_seconds).to_json()
        case "revoke-token":
            open_tokens.revoke_token(conn, accounts.any_person_id(conn, given["name"]), given["token"])
            return {"name": given["name"], "token": given["token"]}
        case "link":
            code = accounts.new_link_code(conn, given["name"])
            return {"url": f"{settings.url}/enter/{code}", "minutes": int(accounts.LINK_SECONDS // 60)}
        case "studies":
            studies = _STUDIES.validate_json(given["studies"])
            return {"name": given["name"], "studies": limit_person(conn, given["name"], studies)}
        case _:
            return {"users": accounts.list_users(conn)}


def _prelabel(conn: Connection, verb: str, given: Given, _settings: Settings) -> dict[str, Any]:
    from collector.prelabels import runs
    from wire.labels import Source

    match verb:
        case "run":
            # The command has opened the model already: it runs on this machine and shows the progress of a download.
            source, media = Source.model_validate_json(given["source"]), tuple(given["media"].split())
            asked = runs.RunAsked.model_validate_json(given["asked"])
            run = runs.start_run(conn, asked, source, media)  # type: ignore[arg-type]
            return runs.find_run(conn, run).to_json()
        case "pause":
            return runs.pause_run(conn, given["run"]).to_json()
        case "resume":
            return runs.resume_run(conn, given["run"]).to_json()
        case "cancel":
            return runs.cancel_run(conn, given["run"]).to_json()
        case "failures":
            return runs.list_failures(conn, given["run"]).to_json()
        case _:
            return {"runs": [run.to_json() for run in runs.list_runs(conn)]}


def _exports(conn: Connection, verb: str, given: Given, _settings: Settings) -> dict[str, Any]:
    from collector.exports import export_runs
    from collector.exports.asked import ExportAsked

    match verb:
        case "start":
            run = export_runs.start_export(conn, ExportAsked.model_validate_json(given["asked"]))
            return export_runs.find_export(conn, run).to_json()
        case "pause" | "resume" | "cancel":
            return export_runs.change_export(conn, given["export"], verb).to_json()
        case "delete":
            return export_runs.delete_export(conn, given["export"]).to_json()
        case _:
            return {"exports": [run.to_json() for run in export_runs.list_exports(conn)]}


def _study(conn: Connection, verb: str, given: Given, settings: Settings) -> dict[str, Any]:
    from collector.studies import studies

    match verb:
        case "show":
            return studies.study_detail(conn, given["study"]).to_json()
        case "set":
            change = studies.StudyChange.model_validate_json(given["change"])
            made = studies.change_study(conn, given["study"], change).to_json()
            return made | {"links_from": settings.linked_media}
        case _:
            return studies.list_studies(conn, settings.linked_media).to_json()


def _save_calibration(conn: Connection, given: Given, _settings: Settings) -> dict[str, Any]:
    from collector.review.calibrations import save_calibration
    from prelabel.triage.calibration import Calibration

    save_calibration(conn, Calibration.read(given["calibration"]))
    return {}


def _save_export(conn: Connection, given: Given, _settings: Settings) -> dict[str, Any]:
    from collector.exports.about import save_export

    save_export(conn, json.loads(given["about"]))
    return {}


def _save_backup(conn: Connection, given: Given, _settings: Settings) -> dict[str, Any]:
    from datetime import datetime

    from collector.installation.overview import save_backup_time

    save_backup_time(conn, datetime.fromisoformat(given["at"]))
    return {}


def _of(room: Callable[[Connection, str, Given, Settings], dict[str, Any]], verb: str) -> Verb:
    return lambda conn, given, settings: room(conn, verb, given, settings)


_ROOMS = {
    "device": (_device, ("list", "revoke", "rename")),
    "user": (_user, ("add", "role", "token", "link", "studies", "list", "disable", "enable", "tokens", "revoke-token")),
    "prelabel": (_prelabel, ("run", "list", "pause", "resume", "cancel", "failures")),
    "exports": (_exports, ("start", "list", "pause", "resume", "cancel", "delete")),
    "study": (_study, ("list", "show", "set")),
}
VERBS: dict[str, Verb] = {
    "join-code": _join_code,
    "backup-save": _save_backup,
    "export-save": _save_export,
    "calibration-save": _save_calibration,
    **{f"{name}-{verb}": _of(room, verb) for name, (room, verbs) in _ROOMS.items() for verb in verbs},
}

# Names of staff, ids and numbers: no documents, no secrets.
_LOGGED = frozenset({"name", "role", "device", "study", "studies", "days", "token", "run", "export", "change"})
# They change nothing, and are answered also while the data moves.
READS = frozenset(
    {
        "device-list", "user-list", "user-tokens", "prelabel-list", "prelabel-failures", "exports-list",
        "study-list", "study-show",
    }
)  # fmt: skip
# Somebody may be added before the service first starts, in a folder that is there; all else speaks of what is there.
STARTS_DATA = frozenset({"user-add"})


# What they are given is a name that nobody has yet.
_MAKES_A_NAME = frozenset({"user-add"})


def _meant(conn: Connection, room: str, given: Given) -> Given:
    """What people type for a thing that is here becomes what it is known by; else the verb says what there is."""
    meant = dict(given)
    match room:
        case "device":
            _put_meant(meant, "device", _named(conn, "SELECT id, name FROM device ORDER BY joined_at DESC, id"))
        case "prelabel":
            _put_meant(meant, "run", _named(conn, "SELECT id, '' AS name FROM prelabel_run ORDER BY id"))
        case "exports":
            _put_meant(meant, "export", _named(conn, "SELECT id, '' AS name FROM export_run ORDER BY id"))
        case "study":
            _put_meant(meant, "study", _named(conn, "SELECT '' AS id, id AS name FROM study ORDER BY id"))
        case "user":
            _put_meant(meant, "name", _named(conn, "SELECT '' AS id, name FROM person ORDER BY name"))
            of_person = (
                "SELECT substr(hash, 1, 12) AS id, '' AS name FROM token WHERE used_at IS NULL"
                " AND person_id = (SELECT id FROM person WHERE name = :name) ORDER BY hash"
            )
            if "token" in meant:
                _put_meant(meant, "token", _named(conn, of_person, {"name": meant["name"]}))
    return meant


def _named(conn: Connection, select: str, values: Given | None = None) -> Callable[[], Iterable[Named]]:
    return lambda: [Named(row.id, row.name) for row in conn.execute(text(select), values or {})]


def _put_meant(given: Given, member: str, among: Callable[[], Iterable[Named]]) -> None:
    """Raises NameAmbiguous."""
    found = the_one(given[member], among()) if member in given else None
    if found is not None:
        given[member] = found.id or found.name


def logged_members(given: Given) -> dict[str, str]:
    """What of a command's request belongs into the security log."""
    return {name: value for name, value in given.items() if name in _LOGGED}


class VerbDone(NamedTuple):
    """`given`: what the verb was done with, with the ids and names that were meant."""

    answer: dict[str, Any]
    given: Given


def run_verb(conn: Connection, verb: str, given: Given, settings: Settings) -> VerbDone:
    """Raises VerbUnknown, VerbInvalid, NameAmbiguous, and what the verb itself raises."""
    function = VERBS.get(verb)
    if function is None:
        raise VerbUnknown(f"The service does not know {verb!r}.")
    meant = given if verb in _MAKES_A_NAME else _meant(conn, verb.partition("-")[0], given)
    try:
        return VerbDone(function(conn, _Members(meant), settings), meant)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise VerbInvalid(f"The request is not valid: {first['msg']}.") from error
