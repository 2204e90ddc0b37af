"""`gleaner.people` and `gleaner.devices`: who may come in, and ending that. For leads, but for one's own tokens."""

from __future__ import annotations

from collections.abc import Sequence

from collector.client.connection import HttpCalls, quoted, to_bytes
from collector.devices.fleet import DeviceRow, DeviceRows, NewName
from collector.people.open_tokens import TokenRow, TokenRows
from collector.people.policy import Role
from collector.people.routes import Me
from collector.users import DisabledUser, NewRole, UserRow, UserRows


class PeopleRequests:
    """Accounts and their tokens. Accounts are made by the command `gleaner collector user add`."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def me(self) -> Me:
        """Whose token this is: name and role."""
        return self._calls.get(Me, "/api/me")

    def list(self) -> Sequence[UserRow]:
        return self._calls.get(UserRows, "/api/users").users

    def set_role(self, name: str, role: Role) -> None:
        """What they may do from now on; what they did and hold stays."""
        body = to_bytes(NewRole(role=role))
        self._calls.send("POST", f"/api/users/{quoted(name)}/role", body=body, repeatable=True)

    def disable(self, name: str) -> DisabledUser:
        """End their tokens, sessions and links at once; what they hold goes to others, drafts stay."""
        return self._calls.call(DisabledUser, "POST", f"/api/users/{quoted(name)}/disable", repeatable=True)

    def enable(self, name: str) -> None:
        """They may come in again, with a new link."""
        self._calls.send("POST", f"/api/users/{quoted(name)}/enable", repeatable=True)

    def tokens(self, name: str | None = None) -> Sequence[TokenRow]:
        """What lets a person in, with its last use, never the secret. None: one's own."""
        return self._calls.get(TokenRows, f"{_of(name)}/tokens").tokens

    def revoke_token(self, token: str, name: str | None = None) -> None:
        """End one of them, by its id. `name` None: one's own."""
        self._calls.send("POST", f"{_of(name)}/tokens/{quoted(token)}/revoke", repeatable=True)


class DeviceRequests:
    """The devices that joined."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def list(self) -> Sequence[DeviceRow]:
        """The newest first, with what each reported about itself last."""
        return self._calls.get(DeviceRows, "/api/devices").devices

    def rename(self, device: str, name: str) -> DeviceRow:
        body = NewName(name=name)
        return self._calls.call(DeviceRow, "PATCH", f"/api/devices/{quoted(device)}", body, repeatable=True)

    def revoke(self, device: str) -> DeviceRow:
        """Its token opens nothing from now on, and an upload under way ends. What it sent stays."""
        return self._calls.call(DeviceRow, "POST", f"/api/devices/{quoted(device)}/revoke", repeatable=True)


def _of(name: str | None) -> str:
    return "/api/me" if name is None else f"/api/users/{quoted(name)}"
