"""`/api/devices/…`: joining and heartbeats."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from collector.bodies import MAX_STRANGER_BYTES, body_schema, document, read_body
from collector.devices.heartbeat import keep_heartbeat
from collector.devices.joining import join
from collector.people.peers import client_address
from collector.people.policy import Anyone, JoinedDevice, NotAllowed, PolicyRoute
from collector.store.depends import Db
from wire.device import Heartbeat, JoinReply, JoinRequest

router = APIRouter(prefix="/api/devices", tags=["devices"], route_class=PolicyRoute)


@router.post("/join", status_code=201, dependencies=[Anyone], openapi_extra=body_schema(JoinRequest))
async def join_device(request: Request, db: Db) -> JoinReply:
    """Anyone with a join code, ten tries a minute from one address. The token is shown once."""
    state = request.app.state
    state.join_limit.count(client_address(request, state.settings.trusted_proxies))
    body = JoinRequest.read(await read_body(request, MAX_STRANGER_BYTES))
    device, token = await db.write(lambda conn: join(conn, body.code, body.device))
    return JoinReply(
        device=device, token=token, collector=state.receipt_key.collector, verify_key=state.receipt_key.verify_key
    )


@router.post("/heartbeat", status_code=204, openapi_extra=body_schema(Heartbeat))
async def heartbeat(device: JoinedDevice, db: Db, body: Annotated[Heartbeat, Depends(document(Heartbeat))]) -> Response:
    if body.device != device.id:
        raise NotAllowed("A device speaks for itself only.")
    await db.write(lambda conn: keep_heartbeat(conn, body))
    return Response(status_code=204)
