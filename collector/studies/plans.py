"""The compiled plans that sessions ran and the consent texts that participants read, by sha256.

Session records, consent records and revisions name them by hash; here the hash can be resolved, for ever.
"""

from __future__ import annotations

from collector.store.clock import now_text
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within
from collector.studies.versions import content_of_plan, ensure_version
from wire.base import Sha256, WireModel
from wire.canonical import canonical_json, sha256_hex
from wire.errors import GleanerError
from wire.script import Plan

_SAVE_PLAN = text(
    "INSERT INTO script_plan (sha256, study, script_id, script_version, body, device_id, received_at, study_version_id)"
    " VALUES (:sha256, :study, :script, :version, :body, :device, :now, :study_version)"
)
_SAVE_TEXT = text(
    "INSERT INTO consent_text (sha256, text, received_at) VALUES (:sha256, :text, :now) ON CONFLICT (sha256) DO NOTHING"
)
_PLAN = text(f"SELECT body FROM script_plan WHERE sha256 = :sha256 AND {within('study')}")
# Two studies may have the same text.
_TEXT = text(
    "SELECT sha256, text, received_at FROM consent_text WHERE sha256 = :sha256 AND (:studies IS NULL OR EXISTS"
    f" (SELECT 1 FROM study_version WHERE consent_text_sha256 = :sha256 AND {within('study')}))"
)


class PlanMismatch(GleanerError):
    """A plan came under a hash that is not its own."""

    code = "plan-mismatch"
    status = 422
    hint = "A plan is known by the sha256 of its canonical JSON (docs/wire.md)."


class PlanUnknown(GleanerError):
    """No device has sent this plan."""

    code = "plan-unknown"
    status = 404
    hint = "Devices of an older version send no plans; the script of the same id and version has it."


class ConsentTextUnknown(GleanerError):
    """No plan with this consent text is here."""

    code = "consent-text-unknown"
    status = 404
    hint = "Devices of an older version send no plans; the script of the same id and version has the text."


class ConsentTextView(WireModel):
    sha256: Sha256
    text: str
    received_at: str


def save_plan(conn: Connection, sha256: str, plan: Plan, device: str, control_share: float) -> None:
    """Save a plan, its consent text and the version of its study that it defines; the same again changes nothing.

    Args:
        control_share: of a study that is new here.

    Raises:
        PlanMismatch.
    """
    body = canonical_json(plan)
    if sha256_hex(body) != sha256:
        raise PlanMismatch(f"The plan {plan.id} {plan.version} does not have the sha256 {sha256}.")
    if conn.execute(_PLAN, {"sha256": sha256, **EVERYTHING.values}).first() is not None:
        return
    now = now_text()
    version = ensure_version(conn, content_of_plan(plan), "plan", sha256, control_share)
    conn.execute(
        _SAVE_PLAN,
        {
            "sha256": sha256,
            "study": plan.study,
            "script": plan.id,
            "version": plan.version,
            "body": body.decode(),
            "device": device,
            "now": now,
            "study_version": version,
        },
    )
    words = plan.consent.text
    conn.execute(_SAVE_TEXT, {"sha256": sha256_hex(words.encode()), "text": words, "now": now})


def plan_by_hash(conn: Connection, sha256: str, scope: Scope = EVERYTHING) -> Plan:
    """Raises PlanUnknown."""
    body = conn.execute(_PLAN, {"sha256": sha256, **scope.values}).scalar()
    if body is None:
        raise PlanUnknown(f"There is no plan {sha256} here.")
    return Plan.read(body)


def consent_text_by_hash(conn: Connection, sha256: str, scope: Scope = EVERYTHING) -> ConsentTextView:
    """Raises ConsentTextUnknown."""
    found = next(iter(conn.execute(_TEXT, {"sha256": sha256, **scope.values}).mappings()), None)
    if found is None:
        raise ConsentTextUnknown(f"There is no consent text {sha256} here.")
    return ConsentTextView.model_validate(found)
