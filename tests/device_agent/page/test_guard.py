"""The page's lock: which keys open it."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.page.control import Control
from device_agent.page.guard import NotFromPage, PageGuard, PageLocked, new_key, session_key

GUARD = PageGuard(key="right-key", port=8710)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer right-key"},
        {"authorization": "bearer right-key "},
        {"cookie": f"other=1; gleaner_page_8710={GUARD.cookie_value('phone-1')}"},
    ],
)
def test_key_and_cookie_open_it(headers: dict[str, str]) -> None:
    GUARD.check("cookie", headers)
    GUARD.check("act", {**headers, "x-gleaner-page": "1"})
    with pytest.raises(NotFromPage):
        GUARD.check("act", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
        {"authorization": "Basic right-key"},
        {"authorization": "Bearer r\u0456ght-key"},
        {"cookie": "gleaner_page_8710=right-key"},
        {"cookie": f"gleaner_page_9999={GUARD.cookie_value('phone-1')}"},
        {"cookie": "\x00;;=;"},
        {"cookie": "gleaner_page_8710=phone-1."},
        {"cookie": f"gleaner_page_8710={GUARD.cookie_value('phone-1').replace('phone-1', 'phone-2')}"},
        {"cookie": f"gleaner_page_8710={GUARD.cookie_value('program')}"},
        {"cookie": f"gleaner_page_8710={PageGuard(key='last-key', port=8710).cookie_value('phone-1')}"},
    ],
)
def test_nothing_else_opens_it(headers: dict[str, str]) -> None:
    with pytest.raises(PageLocked):
        GUARD.check("cookie", headers)


def test_the_cookie_says_nothing_of_the_key_and_outlives_a_restart() -> None:
    assert GUARD.key not in GUARD.set_cookie("phone-1")
    assert {"HttpOnly", "SameSite=Lax"} <= set(GUARD.set_cookie("phone-1").split("; "))
    again = PageGuard(key="right-key", port=8710)
    assert again.cookie_value("phone-1") == GUARD.cookie_value("phone-1")
    assert again.visitor({"cookie": GUARD.set_cookie("phone-1")}) == "phone-1"
    assert new_key() != new_key()


def test_a_session_has_a_key_of_its_own_that_only_its_owner_can_read(tmp_path: Path) -> None:
    keys = {}
    for session in ("ses-1", "ses-2"):
        folder = tmp_path / session
        folder.mkdir()
        keys[session] = session_key(folder)
        assert session_key(folder) == keys[session], "the same after a restart"
        assert (folder / "page.key").stat().st_mode & 0o777 == 0o600
    assert keys["ses-1"] != keys["ses-2"]


# ---------------------------------------------------------------- which browser runs the session
def test_the_first_browser_runs_the_session_until_another_takes_over(tmp_path: Path) -> None:
    path = tmp_path / "page.control"
    control = Control(path)
    assert control.holds("phone-1") and control.holds("phone-2")
    control.opened("phone-1")
    control.opened("phone-2")
    assert (control.holds("phone-1"), control.holds("phone-2")) == (True, False)
    assert not Control(path).holds("phone-2"), "a restart of the agent changes nothing"
    control.take("phone-2")
    assert (control.holds("phone-1"), control.holds("phone-2")) == (False, True)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"a b", b"x" * 65], ids=["empty", "bytes", "space", "long"])
def test_what_is_damaged_on_the_disk_locks_nobody_out(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "page.control"
    path.write_bytes(damage)
    control = Control(path)
    control.opened("phone-2")
    assert control.holds("phone-2")
