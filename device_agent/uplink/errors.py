"""What the collector or the way to it can answer to a device; the shared ones are in http_shell.

UplinkError (http_shell/answers.py)
├── CollectorUnreachable   collector-unreachable   no answer: later
├── CollectorUntrusted     collector-untrusted     its certificate is not of the authority that was joined
├── NotACollector          not-a-collector         something else answers there (http_shell/answers.py)
├── DeviceRefused          device-refused          the token is not (or no longer) good: join again
├── DeviceForbidden        device-forbidden        one capture or record is not this device's
├── UploadMoved            upload-offset           the collector stands at another offset (http_shell/tus_client.py)
├── UploadGone             upload-gone             the upload expired: create it again (the same)
├── UploadSpoiled          upload-spoiled          the upload holds something else (the same)
├── PartsWanted            parts-missing           send `parts` again
├── Withdrawn              capture-withdrawn       the collector will never take it
├── OtherManifest          capture-conflict        the collector holds another manifest of this id
├── CollectorBusy          collector-busy          it takes nothing for now and says for how long
└── CollectorProblem       collector-problem       any other problem document, with its own code and hint
"""

from __future__ import annotations

from typing import ClassVar

import httpx

from http_shell.answers import NoAnswer, NotACollector, Untrusted, UplinkError, no_answer, read_problem

OF_ALL = frozenset({429, 503})  # with Retry-After they are about every request of this device, not about one


class CollectorUnreachable(NoAnswer):
    hint = "Recording continues. Recordings stay on this device and are sent when the collector answers."


class CollectorUntrusted(Untrusted):
    hint = "Recordings stay on this device. If the collector has a new authority, join again with a new code."


class DeviceRefused(UplinkError):
    """The collector does not accept the device's token: it is wrong, or was revoked. Nothing will get through."""

    code: ClassVar[str] = "device-refused"
    status: ClassVar[int] = 401
    exit_code: ClassVar[int] = 3
    hint = "Join again with a new code: gleaner agent join ADDRESS CODE. Recordings stay on the device until then."


class DeviceForbidden(UplinkError):
    """The token is good; what was sent belongs to another device."""

    code: ClassVar[str] = "device-forbidden"
    status: ClassVar[int] = 403
    exit_code: ClassVar[int] = 3
    hint = "It stays on the device. Check at the collector which device it belongs to."


class PartsWanted(UplinkError):
    """`parts`: the names to send again."""

    code: ClassVar[str] = "parts-missing"
    status: ClassVar[int] = 409

    def __init__(self, message: str, parts: list[str]) -> None:
        super().__init__(message, parts=parts)
        self.parts = parts


class Withdrawn(UplinkError):
    code: ClassVar[str] = "capture-withdrawn"
    status: ClassVar[int] = 410
    retryable: ClassVar[bool] = False
    hint = "It is kept in the spool's folder `aside` until a person decides."


class OtherManifest(UplinkError):
    code: ClassVar[str] = "capture-conflict"
    status: ClassVar[int] = 409
    retryable: ClassVar[bool] = False
    hint = "Both are kept; this one is in the spool's folder `aside`."


class CollectorProblem(UplinkError):
    """A problem document. `problem_code` is the collector's own code, `answer` its status. `retry_after`: seconds
    that it asks to wait, 0 where it does not say."""

    code: ClassVar[str] = "collector-problem"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None,
        problem_code: str,
        answer: int,
        transient: bool,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message, hint=hint, problem_code=problem_code)
        self.problem_code, self.answer, self.transient = problem_code, answer, transient
        self.retry_after = retry_after


class CollectorBusy(UplinkError):
    """The collector takes nothing from this device for `retry_after` seconds: it only reads, or is asked too often."""

    code: ClassVar[str] = "collector-busy"
    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None, problem_code: str, retry_after: float) -> None:
        super().__init__(message, hint=hint, problem_code=problem_code)
        self.problem_code, self.retry_after = problem_code, retry_after


def unreachable(base: str, error: httpx.HTTPError | httpx.InvalidURL) -> UplinkError:
    """httpx's error, with what it means for the recordings of a device."""
    found = no_answer(base, error)
    if isinstance(found, Untrusted):
        return CollectorUntrusted(
            f"The certificate of {base} is not signed by the authority of this device's collector."
        )
    return CollectorUnreachable(found.message) if isinstance(found, NoAnswer) else found


def problem_of(reply: httpx.Response, base: str) -> UplinkError:
    """A reply that is no success as an error: by its stable code where it has one, else by its status."""
    problem = read_problem(reply, base)
    if problem.status == 401:
        if problem.code == "device-revoked":
            return DeviceRefused(f"A lead has revoked this device's access to the collector at {base}.")
        return DeviceRefused(f"The collector at {base} does not accept this device's token.")
    if problem.status == 403 and problem.code in ("", "not-allowed"):
        return DeviceForbidden(f"The collector at {base} does not accept this from this device.")
    if problem.code == "capture-conflict":
        return OtherManifest("The collector holds another manifest of this capture.")
    if problem.code == "parts-missing":
        parts = problem.members.get("parts")
        return PartsWanted(problem.title, [str(name) for name in parts] if isinstance(parts, list) else [])
    if not problem.code and not problem.transient:
        return NotACollector(f"{base} answered {problem.status} without saying what is wrong.")
    code, hint = problem.code or f"http-{problem.status}", problem.hint or None
    if problem.status in OF_ALL and problem.retry_after is not None:
        return CollectorBusy(problem.title, hint=hint, problem_code=code, retry_after=problem.retry_after)
    return CollectorProblem(
        problem.title,
        hint=hint,
        problem_code=code,
        answer=problem.status,
        transient=problem.transient,
        retry_after=problem.retry_after or 0.0,
    )
