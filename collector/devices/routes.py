"""`/api/devices/…`: joining, heartbeats, and what leads and admins do with devices."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from collector.devices import fleet
from collector.devices.heartbeat import save_heartbeat
from collector.devices.join_codes import JoinCodeExpired, count_attempt, find_code, join
from collector.http.bodies import MAX_STRANGER_BYTES, body_schema, document, read_body
from collector.people.peers import client_address
from collector.people.policy import Anyone, JoinedDevice, Keeper, NotAllowed, PolicyRoute
from collector.security.log import SecurityLog
from collector.services import Db, services_of
from collector.store.clock import now_text, record_time
from collector.studies.scope import scope_of
from wire.device import TIME_HEADER, Heartbeat, JoinReply, JoinRequest
from wire.errors import GleanerError

router = APIRouter(prefix="/api/devices", tags=["devices"], route_class=PolicyRoute)


class NoAuthority(GleanerError):
    """The service's certificate is that of the settings, or it speaks plain HTTP."""

    code = "no-authority"
    status = 404
    hint = "Leave out the letters behind the join code; devices then trust the authorities of their system."


@router.post("/join", status_code=201, dependencies=[Anyone], openapi_extra=body_schema(JoinRequest))
async def join_device(request: Request, db: Db) -> JoinReply:
    """Anyone with a join code, ten attempts per minute from one address. The token is shown once."""
    services = services_of(request)
    address = client_address(request, services.settings)
    await db.write(lambda conn: count_attempt(conn, address))
    body = JoinRequest.read(await read_body(request, MAX_STRANGER_BYTES))
    stored = await db.write(lambda conn: find_code(conn, body.code))
    await asyncio.to_thread(stored.check, body.code)
    try:
        device, token = await db.write(lambda conn: join(conn, stored, body.device, body.known_as))
    except JoinCodeExpired:
        await db.write(record_time)  # and it stays so
        raise
    services.get(SecurityLog).record("device-joined", device=device, name=body.device.name, address=address)
    key = services.receipt_key
    return JoinReply(device=device, token=token, collector=key.collector, verify_key=key.verify_key)


@router.get("/authority", dependencies=[Anyone], response_class=PlainTextResponse)
async def authority(request: Request) -> PlainTextResponse:
    """The certificate of the authority behind this service's own certificate, as PEM. The join code has its letters."""
    settings = services_of(request).settings
    if not settings.has_own_authority:
        raise NoAuthority("This collector has no certificate authority of its own.")
    return PlainTextResponse(settings.authority_file.read_text(encoding="ascii"), media_type="application/x-pem-file")


@router.post("/heartbeat", status_code=204, openapi_extra=body_schema(Heartbeat))
async def heartbeat(device: JoinedDevice, db: Db, body: Annotated[Heartbeat, Depends(document(Heartbeat))]) -> Response:
    """`Gleaner-Time` in the answer is the collector's time, by which the device knows how wrong its own clock is."""
    if body.device != device.id:
        raise NotAllowed("A device can only report about itself.")
    await db.write(lambda conn: save_heartbeat(conn, body))
    return Response(status_code=204, headers={TIME_HEADER: now_text()})


@router.get("")
async def list_devices(keeper: Keeper, db: Db) -> fleet.DeviceRows:
    return await db.read(lambda conn: fleet.list_devices(conn, scope_of(keeper)))


@router.post("/{device}/revoke")
async def revoke_device(device: str, request: Request, keeper: Keeper, db: Db) -> fleet.DeviceRow:
    """Its token opens nothing from now on. A join code makes it known again, under the same id."""
    row = await db.write(lambda conn: fleet.revoke(conn, device, scope_of(keeper)))
    services_of(request).get(SecurityLog).record("device-revoked", device=device, by=keeper.name)
    return row


@router.patch("/{device}")
async def rename_device(
    device: str, keeper: Keeper, db: Db, asked: Annotated[fleet.NewName, Body()]
) -> fleet.DeviceRow:
    return await db.write(lambda conn: fleet.rename(conn, device, asked, scope_of(keeper)))
