"""The service, put together: a list of routers, a list of job kinds, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from socket import gethostname
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from collector.admin import router as admin_router
from collector.bulk.choice import open_engine
from collector.catalogue.media_links import MediaLink
from collector.catalogue.routes import router as catalogue_router
from collector.catalogue.takes import TASKS
from collector.consent.late_looks import LateLooks, save_late_looks
from collector.devices.routes import router as devices_router
from collector.exports.archives import ExportArchives, open_archives
from collector.exports.export_driver import ExportDriver
from collector.exports.export_runs import ROWS as EXPORTS
from collector.exports.export_tidy import tidy_exports
from collector.exports.routes import router as exports_router
from collector.health import router as health_router
from collector.http.body_limit import BodyLimit
from collector.http.compression import JsonCompression
from collector.http.problems import install_problems
from collector.http.shell import headers_of, hosts_of
from collector.ingest.conflicts import router as conflicts_router
from collector.ingest.derive import derive_kind
from collector.ingest.housekeeping import housekeeping, remove_leftovers, report_gone
from collector.ingest.locks import UploadLocks
from collector.ingest.open import open_kind
from collector.ingest.receive import Receiver
from collector.ingest.routes import router as ingest_router
from collector.ingest.tus import is_upload_path
from collector.ingest.tus_layer import TusLayer
from collector.ingest.upload_owners import UploadOwners, release_all_uploads, release_uploads
from collector.installation.link_check import LinkCheck
from collector.installation.routes import router as installation_router
from collector.installation.storage import StorageFigures
from collector.jobs.queue import JobKind, release_jobs
from collector.jobs.runner import JobRunner
from collector.keys import RECEIPT_KEY, ReceiptKey, known_collector, load_admin_key, load_receipt_key, new_receipt_key
from collector.metrics.instruments import Instruments
from collector.metrics.probe import probe_lags
from collector.metrics.request_layer import RequestMetrics
from collector.metrics.rows import RowFigures
from collector.openapi import openapi_document
from collector.page import router as page_router
from collector.people.rates import RequestRates
from collector.people.refusals import RefusalLog
from collector.people.routes import router as people_router
from collector.people.sign_ins import SignIns
from collector.people.token_uses import record_uses_by_the_minute
from collector.prelabels.calibration_timer import calibrate_hourly
from collector.prelabels.report_worker import DataLocation, Measurer
from collector.prelabels.routes import router as prelabels_router
from collector.prelabels.run_driver import RunDriver
from collector.prelabels.runs import ROWS as RUNS
from collector.processes import Processes
from collector.reports.routes import router as reports_router
from collector.review.routes import DraftRequest
from collector.review.routes import router as review_router
from collector.review.shown_tasks import ShownTasks
from collector.review.submit import Submit
from collector.review.tasks import make_tasks
from collector.security.files import SecurityFiles
from collector.security.log import SecurityLog, without_secrets
from collector.security.sender import SecurityLogSender
from collector.services import Services, set_services
from collector.settings import Settings
from collector.shared_keys import SharedKeys
from collector.store.blobs import BlobStore
from collector.store.blobs_local import LocalBlobs, disk_errors
from collector.store.blobs_owner import check_blobs, mark_of
from collector.store.database import Database, ReportsCommits
from collector.store.open import open_database, write_next_to_service
from collector.store.open_blobs import open_blobs
from collector.store.open_staging import open_staging
from collector.store.read_only import end_read_only, find_read_only, refusal
from collector.store.sqlite import SqliteDatabase
from collector.store.staging import Staging
from collector.studies.routes import router as studies_router
from collector.tls.service import share_authority
from collector.users import router as users_router
from http_shell.shell import HttpShell
from wire.capture import CaptureManifest, FrameTable
from wire.device import Heartbeat, JoinRequest
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument

log = logging.getLogger("gleaner.collector")
# Routes are tried in this order: what is asked most often comes first.
ROUTERS = (
    review_router,
    ingest_router,
    devices_router,
    people_router,
    users_router,
    catalogue_router,
    conflicts_router,
    installation_router,
    reports_router,
    studies_router,
    prelabels_router,
    exports_router,
    health_router,
    admin_router,
    page_router,
)
WORKER_MODULES = ("collector.ingest.open_work", "collector.ingest.derive_work")
RUN_MODULES = ("collector.prelabels.label_capture",)
# Bodies that routes read or answer themselves, for the sake of too new schemas or types of content: their shapes are
# added to OpenAPI.
READ_BY_ROUTES = (
    CaptureManifest,
    SessionRecord,
    TakeDocument,
    Heartbeat,
    JoinRequest,
    FrameTable,
    MediaLink,
    Submit,
    DraftRequest,
)
# FastAPI would give OpenTelemetry the errors of requests, with what was sent, wherever an SDK is set up in the process.
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
# The classes behind the interfaces that routes ask for.
IMPLEMENTATIONS: dict[type, type] = {Database: SqliteDatabase, BlobStore: LocalBlobs}


def create_app(settings: Settings) -> FastAPI:
    """The collector over `settings.data`. Its lifespan opens and closes database, staging and job lanes."""

    instruments = Instruments()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = await asyncio.to_thread(_start_services, settings, instruments)
        set_services(app, services)
        chores = [
            asyncio.create_task(
                record_uses_by_the_minute(services.db, services.get(SignIns), services.get(SecurityLog))
            ),
            asyncio.create_task(probe_lags(services.db, instruments)),
            asyncio.create_task(save_late_looks(services.db, services.get(LateLooks))),
        ]
        if not settings.review_only:
            processes = services.get(Processes)
            staging, is_ours = services.get(Staging), processes.is_first
            chores += [
                asyncio.create_task(processes.live()),
                asyncio.create_task(housekeeping(services.db, staging, services.blobs, settings.row_ages, is_ours)),
                asyncio.create_task(calibrate_hourly(services.db, services.get(Measurer), is_ours)),
                asyncio.create_task(
                    tidy_exports(services.db, settings.exports_folder, services.get(ExportArchives), is_ours)
                ),
            ]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.to_thread(_stop_services, services)

    app = FastAPI(
        title="Gleaner collector",
        lifespan=lifespan,
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=NO_TELEMETRY,
    )
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # include_router would look for the route twice
    install_problems(app)
    app.add_middleware(JsonCompression)
    app.add_middleware(BodyLimit, is_upload=is_upload_path)
    app.add_middleware(HttpShell, hosts=hosts_of(settings), headers=headers_of(settings))
    app.add_middleware(RefusalLog)
    app.add_middleware(RequestMetrics, instruments=instruments, is_upload=is_upload_path)
    app.add_middleware(TusLayer, settings=settings)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _start_services(settings: Settings, instruments: Instruments) -> Services:
    db = open_database(settings.data, settings.database, work=settings.work)
    if isinstance(db, ReportsCommits):
        db.observe_commits(instruments.committed)
    try:
        with disk_errors("The data folder cannot be used"):
            _share_keys(settings, db)
            receipt_key = load_receipt_key(settings.keys, db)
            admin_key = load_admin_key(settings.keys)
        staging = open_staging(settings.staging_folder, settings.reserve_bytes, settings.staging_place)
        location = settings.blobs_location
        blobs = open_blobs(location)
        _check_media(settings, db, blobs)
        processes = _processes(settings, db)
        security_log, sender = _security_log(settings, instruments)
        kinds = []
        if not settings.review_only:
            remove_leftovers(db, staging, blobs, settings.row_ages)
            kinds = _job_kinds(settings, staging, receipt_key, security_log)
        jobs = JobRunner(
            db,
            kinds,
            process=processes.id,
            workers=settings.workers if kinds else 0,
            preload=WORKER_MODULES,
            memory_bytes=settings.worker_memory_bytes,
            observe=instruments.job,
        )
        runs = RunDriver(db, processes.id, location, partial(open_engine, settings, RUN_MODULES))
        archives = open_archives(settings)
        exports = ExportDriver(db, processes.id, settings, archives)
        parts = (
            security_log,
            sender,
            instruments,
            _row_figures(settings, instruments),
            SignIns(db),
            ShownTasks(),
            StorageFigures(),
            LinkCheck(),
            RequestRates(),
            processes,
            UploadLocks(UploadOwners(db, processes.id) if settings.work == "together" else None),
            LateLooks(settings.logs_folder),
            Measurer(DataLocation.of(settings)),
            Receiver(db, staging, settings),
            jobs,
            runs,
            exports,
        )
        jobs.start()
        if not settings.review_only:
            runs.start()
            exports.start()
    except BaseException:
        db.close()
        raise
    found = {type(part): part for part in parts} | {Staging: staging, ExportArchives: archives}
    return Services(settings, db, blobs, receipt_key, admin_key, found)


def _security_log(settings: Settings, instruments: Instruments) -> tuple[SecurityLog, SecurityLogSender]:
    log = SecurityLog(SecurityFiles(settings.logs_folder))
    log.record("service-started", settings=without_secrets(settings.model_dump(mode="json")))
    sender = SecurityLogSender(settings.logs_folder, settings.security_log, instruments.security_log_waiting.set)
    sender.start()
    return log, sender


def _job_kinds(settings: Settings, staging: Staging, key: ReceiptKey, security_log: SecurityLog) -> list[JobKind]:
    location = settings.blobs_location
    return [
        open_kind(staging, location, key, settings.scan, security_log),
        derive_kind(location),
        JobKind(TASKS, lambda conn, job, _result: _make_tasks(conn, job.key)),
    ]


def _check_media(settings: Settings, db: Database, blobs: BlobStore) -> None:
    """They are those of the rows. Where they have moved to, rows may be changed again."""
    may_mark = not settings.review_only
    is_known = db.read_sync(mark_of) is not None
    if is_known or settings.database is not None or settings.blobs is not None:
        check_blobs(db, blobs, may_mark=may_mark)
    state = db.read_sync(find_read_only)
    if state is not None and may_mark and state.why == "moved" and state.rows_stay:
        write_next_to_service(settings.data, settings.database, end_read_only)
    elif state is not None:
        log.warning("%s", refusal(state))


def _share_keys(settings: Settings, db: Database) -> None:
    """With a master key, have no plain keys, and those that the other collectors of the database have."""
    if settings.master_key is None:
        return
    keys = SharedKeys(db, settings.keys)
    settings.keys.encrypt_plain()
    # Where devices know a key, a new one would be another collector to them.
    keys.share("receipt", (RECEIPT_KEY,), new_receipt_key if known_collector(db) is None else None)
    share_authority(settings, keys, datetime.now(UTC))


def _processes(settings: Settings, db: Database) -> Processes:
    """What this one has in hand is free at its end, and at the next start at the latest."""
    name = f"{gethostname()}:{settings.port}"
    alone = settings.work == "alone"
    uploads = release_all_uploads if alone else release_uploads
    releases = [uploads, release_jobs, RUNS.release, EXPORTS.release, report_gone]
    processes = Processes(db, settings.data, name, releases, alone=alone)
    if not settings.review_only:
        processes.start()
    return processes


def _row_figures(settings: Settings, instruments: Instruments) -> RowFigures:
    blobs = settings.blobs_location.folder
    folders = {"data": settings.data, "blobs": blobs}
    if settings.staging is None:
        folders["staging"] = settings.staging_folder
    figures = RowFigures(folders, settings.data / "collector.db-wal")
    instruments.registry.register(figures)
    return figures


def _stop_services(services: Services) -> None:
    services.get(Measurer).close()
    services.get(RunDriver).stop()
    services.get(ExportDriver).stop()
    services.get(JobRunner).stop()
    services.get(Staging).close()
    if not services.settings.review_only:
        with contextlib.suppress(GleanerError):  # the next start finds out all the same
            services.get(Processes).stop()
    services.db.close()
    services.get(SecurityLog).record("service-stopped")
    services.get(SecurityLog).close()
    services.get(SecurityLogSender).stop()


def _make_tasks(conn: Any, take: str) -> None:
    make_tasks(conn, take)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = openapi_document(app, READ_BY_ROUTES, IMPLEMENTATIONS)
    return app.openapi_schema
