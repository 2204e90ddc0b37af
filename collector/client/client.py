"""One collector, as a program sees it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from collector.client.captures import CaptureRequests
from collector.client.connection import HttpCalls, authority_of, check_address, read_answer, to_bytes
from collector.client.exports import ExportRequests
from collector.client.installation import InstallationRequests
from collector.client.media import MediaCalls
from collector.client.people import DeviceRequests, PeopleRequests
from collector.client.reports import PrelabelRunRequests, ReportRequests
from collector.client.sessions import SessionRequests, StudyRequests
from collector.client.tasks import TaskRequests
from collector.client.uploads import UploadRequests
from collector.readiness import Readiness
from wire.authority import split_code
from wire.device import DeviceInfo, JoinReply, JoinRequest

DEFAULT_TIMEOUT_SECONDS = 30.0
DEFAULT_TRIES = 5


class Client:
    """A collector at an address, until it is closed (it is a context manager). For one thread at a time.

    Attributes:
        captures, sessions, studies: what was recorded.
        tasks: the queue, and what people made of it.
        reports, prelabel_runs: what was done, what models were worth, running one again.
        exports: ground truth as files.
        people, devices: who may come in.
        installation: how the collector is, failed jobs, storage.
        uploads: with a device's token, what devices send.

    Args:
        url: of the collector, such as "https://collector.example:8700".
        token: of a person (`gleaner collector user token NAME`) or of a device (`Client.join`).
        trust: whose certificate the collector's must be signed by: a PEM file, or the 28 letters behind a join
            code, by which the collector's own authority is recognised. None: an authority of the system.
        verify_key: of the collector, 64 hex digits: receipts of uploads are checked with it.
        tries: how often a request is sent at most when the collector does not answer or asks to come again.
        timeout: seconds without a byte after which there is no answer.
        insecure: allow plain http to another machine.

    Raises:
        NotACollector: `url` is no address. ConnectionInsecure, TrustInvalid. With letters in `trust` also Untrusted and
        NoAnswer: the authority is fetched at once. Everything else connects with the first request.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        trust: Path | str | None = None,
        verify_key: str | None = None,
        tries: int = DEFAULT_TRIES,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        insecure: bool = False,
    ) -> None:
        base = check_address(url, insecure)
        self._calls = calls = HttpCalls(base, authority_of(base, trust, timeout), token, tries=tries, timeout=timeout)
        self._media = MediaCalls(calls, timeout)
        self.captures = CaptureRequests(calls, self._media)
        self.sessions = SessionRequests(calls)
        self.studies = StudyRequests(calls)
        self.tasks = TaskRequests(calls)
        self.reports = ReportRequests(calls)
        self.prelabel_runs = PrelabelRunRequests(calls)
        self.exports = ExportRequests(calls, self._media)
        self.people = PeopleRequests(calls)
        self.devices = DeviceRequests(calls)
        self.installation = InstallationRequests(calls)
        self.uploads = UploadRequests(calls, verify_key)

    @staticmethod
    def join(
        url: str,
        code: str,
        info: DeviceInfo,
        *,
        known_as: str | None = None,
        trust: Path | str | None = None,
        insecure: bool = False,
    ) -> JoinReply:
        """Make a device known with a code of `gleaner collector join-code`; its token is shown once.

        Args:
            code: with the letters behind it, by which the collector is recognised before the code goes out.
            info: how people see the device.
            known_as: the id that it had here before and wants back.
            trust: as in `Client`, where the code has no letters.

        Raises:
            CollectorRefused: `join-code-wrong`, `join-code-expired`, `join-code-used` and others. Untrusted,
                LettersInvalid.
        """
        letters, pin = split_code(code)
        body = to_bytes(JoinRequest(code=letters, device=info, known_as=known_as))
        trusted = pin if trust is None and url.strip().startswith("https:") else trust
        with Client(url, trust=trusted, insecure=insecure) as client:
            # A code is good once: after an answer that was lost it is not sent again.
            return read_answer(JoinReply, client._calls.send("POST", "/api/devices/join", body=body))

    # ---------------------------------------------------------------- the service
    def health(self) -> bool:
        """Whether the process answers; for programs on the collector's machine."""
        return self._calls.send("GET", "/api/health").is_success

    def ready(self) -> Readiness:
        """Whether rows and files could be written just now, and why not; for programs on the collector's machine."""
        unready = httpx.codes.SERVICE_UNAVAILABLE
        reply = self._calls.send(
            "GET", "/api/ready", accept=lambda reply: reply.is_success or _is_readiness(reply, unready)
        )
        return read_answer(Readiness, reply)

    def metrics(self) -> str:
        """Figures in the Prometheus text format; for programs on the collector's machine."""
        return self._calls.send("GET", "/metrics").text

    # ---------------------------------------------------------------- its life
    def close(self) -> None:
        self._calls.close()
        self._media.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_readiness(reply: httpx.Response, status: int) -> bool:
    """503 is also what a collector answers that is not ready; a problem document with that status is something else."""
    return reply.status_code == status and reply.headers.get("Content-Type", "").startswith("application/json")
