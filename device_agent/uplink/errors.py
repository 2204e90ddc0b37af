"""What the collector or the way to it can answer, and the one place where foreign errors become ours.

UplinkError
├── CollectorUnreachable   collector-unreachable   no answer: later
├── CollectorUntrusted     collector-untrusted     its certificate is not of the authority that was joined
├── DeviceRefused          device-refused          the token is not (or no longer) good: join again
├── DeviceForbidden        device-forbidden        one capture or record is not this device's
├── NotACollector          not-a-collector         something else answers there
├── UploadMoved            upload-offset           the collector stands at another offset: ask it
├── UploadGone             upload-gone             the upload expired: create it again
├── UploadSpoiled          upload-spoiled          the upload holds something else: terminate it, begin again
├── PartsWanted            parts-missing           send `parts` again
├── Withdrawn              capture-withdrawn       the collector will never take it
├── OtherManifest          capture-conflict        the collector holds another manifest of this id
├── ReceiptForged          receipt-forged          the signature is not the collector's
└── CollectorProblem       collector-problem       any other problem document, with its own code and hint
"""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from device_agent.uplink.trust import is_untrusted
from wire.errors import GleanerError

CHECKSUM_MISMATCH = 460


class UplinkError(GleanerError):
    """Base of what may go wrong on the way to the collector."""

    code: ClassVar[str] = "uplink-failed"
    status: ClassVar[int] = 502
    retryable: ClassVar[bool] = True


class CollectorUnreachable(UplinkError):
    code: ClassVar[str] = "collector-unreachable"
    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 3
    hint = "Recording continues. Recordings stay on this device and are sent when the collector answers."


class CollectorUntrusted(UplinkError):
    """What answers there does not prove to be the collector. Nothing was sent to it."""

    code: ClassVar[str] = "collector-untrusted"
    status: ClassVar[int] = 502
    exit_code: ClassVar[int] = 3
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


class NotACollector(UplinkError):
    code: ClassVar[str] = "not-a-collector"
    status: ClassVar[int] = 502
    hint = "Check the address; it is printed by gleaner collector join-code."


class UploadMoved(UplinkError):
    code: ClassVar[str] = "upload-offset"
    status: ClassVar[int] = 409


class UploadGone(UplinkError):
    code: ClassVar[str] = "upload-gone"
    status: ClassVar[int] = 410


class UploadSpoiled(UplinkError):
    code: ClassVar[str] = "upload-spoiled"
    status: ClassVar[int] = 409


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


class ReceiptForged(UplinkError):
    code: ClassVar[str] = "receipt-forged"
    status: ClassVar[int] = 502
    hint = "The capture is kept; check that the device talks to the collector it joined."


class CollectorProblem(UplinkError):
    """A problem document. `problem_code` is the collector's own code, `answer` its status."""

    code: ClassVar[str] = "collector-problem"

    def __init__(self, message: str, *, hint: str | None, problem_code: str, answer: int, transient: bool) -> None:
        super().__init__(message, hint=hint, problem_code=problem_code)
        self.problem_code, self.answer, self.transient = problem_code, answer, transient


def unreachable(url: str, error: httpx.HTTPError | httpx.InvalidURL) -> UplinkError:
    """httpx's error as ours."""
    if isinstance(error, httpx.ConnectTimeout | httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout):
        why = "it took too long"
    elif isinstance(error, httpx.TransportError) and is_untrusted(error):
        return CollectorUntrusted(
            f"The certificate of {url} is not signed by the authority of this device's collector."
        )
    elif isinstance(error, httpx.ConnectError):
        why = "no connection"
    elif isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return NotACollector(f"{url} is not an address of a collector: {error}.")
    else:
        why = "the connection broke"
    return CollectorUnreachable(f"The collector at {url} does not answer ({why}).")


def problem_of(reply: httpx.Response, url: str) -> UplinkError:
    """A reply that is no success as an error: by its stable code where it has one, else by its status."""
    body = problem_body(reply)
    title = str(body.get("title") or f"The collector at {url} answered {reply.status_code}.")
    code, hint = str(body.get("code") or ""), str(body.get("hint") or "") or None
    if reply.status_code == 401:
        if code == "device-revoked":
            return DeviceRefused(f"A lead has revoked this device's access to the collector at {url}.")
        return DeviceRefused(f"The collector at {url} does not accept this device's token.")
    if reply.status_code == 403 and code in ("", "not-allowed"):
        return DeviceForbidden(f"The collector at {url} does not accept this from this device.")
    if code == "capture-conflict":
        return OtherManifest("The collector holds another manifest of this capture.")
    if code == "parts-missing":
        parts = body.get("parts")
        return PartsWanted(title, [str(name) for name in parts] if isinstance(parts, list) else [])
    transient = bool(body.get("retryable")) or reply.status_code >= 500 or reply.status_code in (408, 423, 425, 429)
    if not body and not transient:
        return NotACollector(f"{url} answered {reply.status_code} without saying what is wrong.")
    return CollectorProblem(
        title, hint=hint, problem_code=code or f"http-{reply.status_code}", answer=reply.status_code,
        transient=transient,
    )  # fmt: skip


def problem_body(reply: httpx.Response) -> dict[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
