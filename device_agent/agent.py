"""The agent: builds the threads of a session and joins them in a fixed order.

main thread      SessionRunner: the only one that changes the session
camera, microphone   a capture thread each, once there is consent
encoder-video, encoder-audio   frames and samples to bytes
spool-writer     bytes to the disk
model            newest frame and audio to labels
uplink           what is durable to the collector
page             the session page
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from device_agent.clock import DeviceClock
from device_agent.events import Failure, Snapshot, Trouble
from device_agent.labelling.labeller import Labeller
from device_agent.labelling.models import Models
from device_agent.page.control import Control
from device_agent.page.guard import session_key
from device_agent.page.server import PageServer
from device_agent.sensors import open_camera, open_microphone
from device_agent.sensors.base import Camera, Microphone
from device_agent.sensors.simulated.room import SimulatedRoom
from device_agent.session.failure import failure_of
from device_agent.session.outcome import RunOutcome, outcome_of
from device_agent.session.resume import (
    SessionRequest,
    delete_unbegun,
    resume_or_begin,
    save_ended,
    unfinished_session,
)
from device_agent.session.runner import SessionRunner
from device_agent.session.simulated_participant import SimulatedParticipant
from device_agent.session.snapshot import snapshot_of
from device_agent.settings import AgentSettings
from device_agent.spool.recover import recover
from device_agent.spool.spool import Spool
from device_agent.state_files import PAGE_CONTROL_FILE
from device_agent.takes.device_facts import read_device_facts
from device_agent.takes.maker import Origin, TakeMaker
from device_agent.takes.masking import MakeMasking, masking_of
from device_agent.takes.preview import Preview
from device_agent.takes.streams import AudioStream, VideoStream
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.pairing import Credentials, newest
from device_agent.uplink.uplink import Uplink, UplinkState
from http_shell.hosts import is_loopback
from wire.capture import Medium
from wire.errors import GleanerError
from wire.script import Plan
from wire.session import SessionRecord, TakeDocument
from wire.version import installed_version

SIMULATED = {"simulated", "picamera2:simulated"}


class SensorNotGiven(GleanerError):
    """A script records a medium and no camera or microphone was named for it."""

    code = "sensor-not-given"
    exit_code = 2
    hint = "Name one with --camera or --microphone, or let the participant refuse the medium."


class Agent:
    """One session on one device. `run` returns when the session is over; `drain` when all is delivered."""

    def __init__(
        self,
        settings: AgentSettings,
        credentials: Credentials,
        plan: Plan,
        models: Models,
        report: Callable[[str], None],
        masking: MakeMasking = masking_of,
    ) -> None:
        """Open the spool and the session's journal; no sensor yet.

        Raises:
            RedactionUnavailable: the script masks and a model for it is not here; nothing was begun.
            SessionOfAnother, GleanerError: the spool, the journal or the page cannot be opened.
        """
        self._settings = settings
        self._report = report
        self._clock = DeviceClock()
        self._uplink_message: str | None = None
        self._failure: Failure | None = None
        unfinished = unfinished_session(settings.state)
        # First of all: without its models not even the folder of the state is made.
        self._masking = masking(plan if unfinished is None else unfinished[0].plan)
        asked = SessionRequest(plan, credentials.device, settings.pseudonym, settings.home)
        header, journal = resume_or_begin(settings.state, asked, unfinished)
        self._plan = header.plan
        if header.plan != plan:
            report(f"The script {plan.id} has changed. This session continues with the version that was consented to.")
        self._room = SimulatedRoom() if SIMULATED & {settings.camera, settings.microphone} else None
        self._camera: Camera | None = None
        self._microphone: Microphone | None = None
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._maker: TakeMaker | None = None
        self._labeller = Labeller(models, self._report_problem)
        self._device_facts = read_device_facts()
        self._preview = Preview(
            masks_pictures=self._masking is not None and self._masking.covers("video"),
            page_is_local=is_loopback(settings.page_host),
        )
        self.spool = Spool(settings.state / "spool", on_full=self._report_failure)
        self.torn = recover(self.spool)
        delete_unbegun(settings.state)
        save_ended(self.spool, settings.state, credentials.device)
        self.uplink = self._new_uplink(credentials)
        self.folder = journal.parent
        self.runner = SessionRunner(header, journal, self, self._publish, report, self._clock)
        self.page = self._new_page()
        self._participant = self._new_participant() if settings.participant == "simulated" else None

    def _new_uplink(self, credentials: Credentials) -> Uplink:
        return Uplink(
            self.spool,
            lambda: CollectorClient(newest(credentials, self._settings.state)),
            self._report_to_operators,
            self._settings.bandwidth,
            agent_version=installed_version(),
            clock=self._clock,
        )

    def _new_page(self) -> PageServer:
        return PageServer(
            self.snapshot,
            self.runner.post,
            self.preview,
            self._settings.page_host,
            self._settings.page_port,
            key=session_key(self.folder),
            control=Control(self.folder / PAGE_CONTROL_FILE),
        )

    def _new_participant(self) -> SimulatedParticipant:
        return SimulatedParticipant(
            self.snapshot,
            self.runner.post,
            self._room,
            watched=lambda: self.page.opened,
            wait_seconds=self._settings.wait_for_page,
        )

    # ---------------------------------------------------------------- life
    def start(self) -> str:
        """Start the uplink and the page; returns the page's address."""
        self.uplink.start()
        return self.page.start()

    def run(self) -> SessionRecord | None:
        """Run the session to its end on this thread."""
        if self._participant is not None:
            self._participant.start()
        try:
            return self.runner.run()
        finally:
            self._close_sensors()

    def drain(self, timeout: float) -> bool:
        """Wait until everything has its receipt. True: nothing is pending."""
        return self.uplink.drain(timeout)

    def stop(self) -> None:
        """End every thread, in the order of the flow: what makes data first, what sends it last."""
        with ExitStack() as last_first:  # each step runs, also when one before it fails
            last_first.callback(self.spool.close)
            last_first.callback(self.page.stop)
            last_first.callback(self.uplink.stop)
            last_first.callback(self._labeller.close)
            for stream in (self._video, self._audio):
                if stream is not None:
                    last_first.callback(stream.close)
            last_first.callback(self._close_sensors)
            if self._participant is not None:
                last_first.callback(self._participant.stop)

    def fail(self, error: BaseException) -> None:
        """The agent ends by this error. Pages that are open show it from now on, also once nobody answers them."""
        self._failure = failure_of(error)

    def outcome(self) -> RunOutcome:
        return outcome_of(self.runner, self.spool)

    # ---------------------------------------------------------------- what the runner asks for
    def open_sensors(self, media: tuple[Medium, ...], origin: Origin) -> TakeMaker:
        """Build and start the sensors that the consent covers, once; a refused one is not even built."""
        if self._maker is not None:
            return self._maker
        if "video" in media or "image" in media:
            self._camera = open_camera(self._settings.camera, room=self._room)
            if self._camera is None:
                raise SensorNotGiven("The script records pictures, but --camera is none.")
            self._video = VideoStream(self._camera, self._labeller.push_frame, self._report_failure)
            self._video.suspend()  # the runner lets it in, unless the session is paused
        if "audio" in media:
            self._microphone = open_microphone(self._settings.microphone, room=self._room)
            if self._microphone is None:
                raise SensorNotGiven("The script records sound, but --microphone is none.")
            self._labeller.set_sample_rate(self._microphone.sample_rate)
            self._audio = AudioStream(self._microphone, self._labeller.push_audio, self._report_failure)
            self._audio.suspend()
        if self._camera is not None and self._video is not None:
            self._camera.start(self._video.deliver, self._video.sensor_failed)
        if self._microphone is not None and self._audio is not None:
            self._microphone.start(self._audio.deliver, self._audio.sensor_failed)
        self._maker = TakeMaker(
            self.spool,
            self._labeller,
            self._video,
            self._audio,
            origin,
            self._report_problem,
            self._masking,
            self._clock,
            self._device_facts,
        )
        return self._maker

    # ---------------------------------------------------------------- what page and participant see
    def snapshot(self) -> Snapshot:
        seen = self._video is not None and not self._video.suspended
        heard = self._audio is not None and not self._audio.suspended
        return snapshot_of(
            self.runner.replayed,
            self.runner.phase,
            self.runner.deadline,
            self.uplink.state,
            pending=self.spool.captures_waiting,
            set_aside=self.spool.set_aside_count,
            level_dbfs=self._audio.level_dbfs if self._audio is not None and heard else None,
            speaking=self._labeller.speaking if heard else None,
            detections=self._labeller.detections if seen else (),
            preview=self._preview.has_picture(self._video),
            failure=self._failure,
        )

    def preview(self) -> bytes | None:
        """A JPEG of the newest small frame; None: there is none to show."""
        return self._preview.jpeg(self._video)

    # ---------------------------------------------------------------- inside
    def _publish(self, record: SessionRecord | TakeDocument) -> None:
        if isinstance(record, TakeDocument):
            self.spool.records.put_take(record)
        else:
            self.spool.plans.put(self._plan)
            self.spool.records.put(record)
            self.uplink.report_session(record.state, record.session)

    def _report_to_operators(self, state: UplinkState) -> None:
        """The page has the participant's sentence; the terminal has the operator's, once per change."""
        if state.message != self._uplink_message:
            self._uplink_message = state.message
            if state.message is not None:
                self._report(state.message)

    def _report_failure(self, error: GleanerError) -> None:
        """Something a recording depends on gave up."""
        self.runner.report_failure(error)

    def _report_problem(self, error: GleanerError) -> None:
        """Something went wrong that costs no recording."""
        self.runner.post(Trouble(str(error), error.code))

    def _close_sensors(self) -> None:
        for sensor in (self._camera, self._microphone):
            if sensor is not None:
                sensor.stop()
        if self._room is not None and self._room.truth:
            try:
                self._room.write_truth(self.folder / "truth.jsonl")
            except OSError as error:  # what was simulated is no recording: the session ends as it would without
                self._report(f"{self.folder / 'truth.jsonl'} cannot be written: {error.strerror or error}.")
