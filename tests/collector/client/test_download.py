"""Downloads: whole or not there, resumed, checked. The server here breaks connections as a test says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from collector.client import Client, DownloadFailed, NoAnswer
from collector.client.connection import HttpCalls
from collector.client.download import Download
from collector.client.media import MediaCalls
from tests.collector.client.answering import DROP, Reply, Server, answering

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).hexdigest()
ETAG = {"ETag": f'"{DIGEST}"', "Content-Type": "video/mp4"}
HEAD = Reply(headers=ETAG | {"Content-Length": str(len(DATA))})


def rest(start: int, cut: int | None = None) -> Reply:
    return Reply(206, DATA[start:], ETAG, cut)


def get(server: Server, target: Path, reports: list[tuple[int, int]] | None = None, tries: int = 2) -> Path:
    calls = HttpCalls(server.url, None, None, tries=tries, timeout=20, wait=lambda _: None)
    noted = [] if reports is None else reports
    return Download(calls, MediaCalls(calls, 20), "/m", target, {"why": "study"}).run(
        lambda here, total: noted.append((here, total))
    )


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


def test_a_broken_connection_costs_what_was_on_its_way(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    with answering(HEAD, rest(0, 1000), rest(1000, 500), DROP, rest(1500)) as server:
        target = get(server, tmp_path / "film.mp4", reports)
        assert [one.headers.get("range") for one in server.asked[1:]] == [
            "bytes=0-", "bytes=1000-", "bytes=1500-", "bytes=1500-",
        ]  # fmt: skip
        assert {one.path for one in server.asked[1:]} == {"/m?why=study"}
    assert target.read_bytes() == DATA and parts(tmp_path) == []
    assert reports[0] == (0, len(DATA)) and reports[-1] == (len(DATA), len(DATA))
    assert [here for here, _ in reports] == sorted(here for here, _ in reports)


def test_what_an_earlier_program_left_is_continued(tmp_path: Path) -> None:
    with answering(HEAD, rest(0, 700), DROP, DROP) as server, pytest.raises(NoAnswer):
        get(server, tmp_path / "film.mp4")
    assert [part.stat().st_size for part in parts(tmp_path)] == [700] and not (tmp_path / "film.mp4").exists()
    with answering(HEAD, rest(700)) as server:
        get(server, tmp_path / "film.mp4")
        assert server.asked[1].headers["range"] == "bytes=700-" and server.asked[1].headers["if-range"] == ETAG["ETag"]
    assert (tmp_path / "film.mp4").read_bytes() == DATA


def test_all_of_it_again_where_ranges_are_not_answered(tmp_path: Path) -> None:
    with answering(HEAD, rest(0, 700), Reply(200, DATA, ETAG)) as server:
        assert get(server, tmp_path / "film.mp4").read_bytes() == DATA


@pytest.mark.parametrize(
    ("replies", "match"),
    [
        ([HEAD, Reply(206, bytes(len(DATA)), ETAG)], "another hash"),
        ([HEAD, Reply(206, DATA, {"ETag": '"other"'})], "has changed"),
    ],
)
def test_other_bytes_get_no_name(tmp_path: Path, replies: list[Any], match: str) -> None:
    (tmp_path / "film.mp4").write_bytes(b"of yesterday")
    with answering(*replies) as server, pytest.raises(DownloadFailed, match=match):
        get(server, tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == b"of yesterday"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with answering(HEAD) as server, Client(server.url) as client, pytest.raises(DownloadFailed, match="cannot be"):
        client.captures.download("cap-1", tmp_path / "none" / "film.mp4")


def test_two_programs_do_not_write_one_file(tmp_path: Path) -> None:
    import fcntl

    held = tmp_path / f"film.mp4.{DIGEST[:12]}.part"
    with held.open("wb") as file, answering(HEAD) as server:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DownloadFailed, match="Another program"):
            get(server, tmp_path / "film.mp4")
