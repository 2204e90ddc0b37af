"""`/api/users/…`: leads and admins look after accounts, as `gleaner collector user …` does (collector/verbs.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from collector.people import accounts
from collector.people.open_tokens import TokenRows, list_tokens, revoke_token
from collector.people.policy import Keeper, NotAllowed, Person, PolicyRoute, Role
from collector.review.release import release_leases
from collector.security.log import SecurityLog
from collector.services import Db, services_of
from collector.store.clock import read_clocks
from collector.store.sql import Connection
from wire.base import WireModel

router = APIRouter(prefix="/api/users", tags=["people"], route_class=PolicyRoute)


class UserRow(WireModel):
    """`studies`: those that the person is limited to, null where they see every one."""

    name: str
    role: str
    created_at: str
    disabled_at: str | None
    studies: list[str] | None


class UserRows(WireModel):
    users: list[UserRow]


class DisabledUser(WireModel):
    """`released`: how many items the person held; the queue gives them to others now."""

    name: str
    released: int


class NewRole(WireModel):
    role: Role


async def _unlimited(keeper: Keeper) -> Person:
    """Accounts and the installation are not of one study. Raises NotAllowed."""
    if keeper.studies is not None:
        raise NotAllowed(f"{keeper.name} is limited to some studies; this is of all.", hint="Ask another lead.")
    return keeper


AccountKeeper = Annotated[Person, Depends(_unlimited)]


async def _unlimited_lead(keeper: AccountKeeper) -> Person:
    """A role may open recordings: somebody who may not see them cannot give it, to themselves or another."""
    if keeper.role != "lead":
        raise NotAllowed(f"{keeper.name} is an admin; roles are given by leads.")
    return keeper


AccountLead = Annotated[Person, Depends(_unlimited_lead)]


def disable(conn: Connection, name: str) -> DisabledUser:
    """Nobody gets in by this account from now on, and what it holds is released. Drafts and revisions stay.

    Raises:
        PersonUnknown, LastLead.
    """
    person = accounts.disable_user(conn, name)
    return DisabledUser(name=name, released=release_leases(conn, person, read_clocks().wall))


def give_role(conn: Connection, name: str, role: str) -> None:
    """What a person did stays, and what they hold, unless they may not work on it any more: then it is released.

    Raises:
        PersonUnknown, RoleUnknown, LastLead.
    """
    person = accounts.change_role(conn, name, role)
    if role == "admin":
        release_leases(conn, person, read_clocks().wall)


@router.get("")
async def list_users(_keeper: AccountKeeper, db: Db) -> UserRows:
    rows = await db.read(accounts.list_users)
    return UserRows(users=[UserRow(**row) for row in rows])


@router.post("/{name}/disable")
async def disable_user(name: str, request: Request, keeper: AccountKeeper, db: Db) -> DisabledUser:
    done = await db.write(lambda conn: disable(conn, name))
    services_of(request).get(SecurityLog).record("user-disabled", person=name, by=keeper.name)
    return done


@router.post("/{name}/enable", status_code=204)
async def enable_user(name: str, request: Request, keeper: AccountKeeper, db: Db) -> Response:
    """With a new link or token; the old ones stay ended."""
    await db.write(lambda conn: accounts.enable_user(conn, name))
    services_of(request).get(SecurityLog).record("user-enabled", person=name, by=keeper.name)
    return Response(status_code=204)


@router.post("/{name}/role", status_code=204)
async def change_role(name: str, request: Request, lead: AccountLead, db: Db, body: NewRole) -> Response:
    """What they may do from now on; what they did stays, what an admin held is released."""
    await db.write(lambda conn: give_role(conn, name, body.role))
    services_of(request).get(SecurityLog).record("role-changed", person=name, role=body.role, by=lead.name)
    return Response(status_code=204)


@router.get("/{name}/tokens")
async def user_tokens(name: str, request: Request, _keeper: AccountKeeper, db: Db) -> TokenRows:
    idle = services_of(request).settings.page_idle_seconds
    return await db.read(lambda conn: list_tokens(conn, accounts.any_person_id(conn, name), idle))


@router.post("/{name}/tokens/{token}/revoke", status_code=204)
async def revoke_user_token(name: str, token: str, request: Request, keeper: AccountKeeper, db: Db) -> Response:
    await db.write(lambda conn: revoke_token(conn, accounts.any_person_id(conn, name), token))
    services_of(request).get(SecurityLog).record("token-revoked", person=name, token=token, by=keeper.name)
    return Response(status_code=204)
