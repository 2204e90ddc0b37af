"""Objects on an S3 server, through obstore: for blobs and for staging.

obstore's runtime does not survive a fork: a store is opened in the process that uses it. What a failing request means
is decided here: it is tried again, or becomes one of our errors.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from collector.store.blobs import MAX_LINK_SECONDS, DiskFull, StorageUnusable
from collector.store.s3_links import answer_query, object_address
from collector.store.s3_place import MAX_WAIT_SECONDS, S3Place, open_folder, open_named
from wire.errors import GleanerError

T = TypeVar("T")
INSTALL = "pip install 'gleaner-suite[s3]'"
TRIES = 4
PART_BYTES = 8 << 20  # what is larger goes up in parts, of so many bytes at least
PARTS_AT_ONCE = 4  # that many are in memory
MAX_PARTS = 9_000  # S3 takes 10,000
# No request takes so long, its repetitions included.
IDLE_SECONDS = 300.0
SMALL_BYTES = 1 << 20
SIGNED_FOR = timedelta(minutes=5)
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Z][\w ]+)?)")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_PASSES_AGAIN = frozenset({"408", "409", "429"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "StorageFull"})
_INSTANCE = ("169.254.", "/latest/api/token", "security-credentials")


class StorageUnreachable(StorageUnusable):
    """The S3 server with the media refuses, or does not answer."""

    code = "storage-unreachable"
    hint = (
        "Check the settings blobs, staging, s3_endpoint and s3_region, the credentials in the environment, and whether"
        " the server answers (docs/collector.md, Media on S3)."
    )


class StorageDriverMissing(GleanerError):
    """Media lie on an S3 server, and what talks to it is not installed."""

    code = "storage-driver-missing"
    status = 500
    exit_code = 2
    hint = f"Install it: {INSTALL}"


class Objects:
    """The objects below one folder of a bucket. Every method may be called by any thread.

    Raises:
        StorageDriverMissing: there is no obstore.
    """

    def __init__(self, place: S3Place, folder: str) -> None:
        """`folder`: of the place, such as `blobs`; names are below it."""
        self.place = place
        self.prefix = "/".join(part for part in (place.prefix, folder) if part)
        try:
            self._store, self._short = open_folder(place, folder, False), open_folder(place, folder, True)
        except ImportError as error:
            raise StorageDriverMissing("Media lie on an S3 server, and obstore is not installed.") from error

    def put(self, name: str, data: bytes | bytearray, *, only_new: bool = False) -> bool:
        """Save an object whole; `only_new`: nothing is changed where there is one. Returns whether it was saved.

        A server that does not know the condition saves it again.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, GenericError, NotSupportedError, PreconditionError

        if only_new:
            try:
                _tried(lambda: obstore.put(self._store, name, data, mode="create", use_multipart=False))
            except (AlreadyExistsError, PreconditionError):
                return False
            except (NotSupportedError, GenericError) as error:
                if not isinstance(error, NotSupportedError) and _status(error)[:3] != "501":
                    raise
            else:
                return True
        _tried(lambda: obstore.put(self._store, name, data, use_multipart=False))
        return True

    def put_file(self, name: str, path: Path | str, size: int) -> int | None:
        """Save a file in parts: it appears whole, or not at all. Returns how many bytes the server has of it then."""
        import obstore

        _tried(lambda: obstore.put(self._store, name, Path(path), **_in_parts(size)))
        return self.size(name)

    def put_stream(self, name: str, pieces: Callable[[], Iterator[bytes]], size: int) -> None:
        """`put_file` for what no file has.

        Args:
            pieces: called again where they have to be sent again.
            size: how many bytes they are at the most.
        """
        import obstore

        _tried(lambda: obstore.put(self._store, name, pieces(), **_in_parts(size)))

    def size(self, name: str) -> int | None:
        """None: there is no such object."""
        import obstore

        try:
            return int(_tried(lambda: obstore.head(self._store, name))["size"])
        except FileNotFoundError:
            return None

    def is_versioned(self, name: str) -> bool:
        """Whether the bucket keeps what is replaced or deleted: an object of this name is written and deleted."""
        import obstore

        made = _tried(lambda: obstore.put(self._store, name, b"", use_multipart=False))
        self.delete([name])
        # "null" is the version of what is written where versions are not kept any more.
        return made.get("version") not in (None, "null")

    def read(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) as they come. A connection that breaks is continued where it broke.

        Raises:
            FileNotFoundError.
        """
        failures = 0
        while start < end:
            try:
                for piece in self._stream(name, start, end):
                    start, failures = start + len(piece), 0
                    yield piece
                return
            except FileNotFoundError:
                raise
            except Exception as error:
                if _status(error)[:3] == "416":
                    return  # it begins after the end of the object
                failures += 1
                if failures == TRIES or not _passes(error):
                    raise
                wait(failures)

    def read_small(self, name: str) -> bytes | None:
        """All of a small object; None: the bucket is there, and no such object."""
        try:
            return b"".join(self.read(name, 0, SMALL_BYTES))
        except FileNotFoundError as error:
            if is_no_bucket(error):
                raise
            return None

    def _stream(self, name: str, start: int, end: int) -> Iterator[bytes]:
        import obstore

        found = obstore.get(self._store, name, options={"range": (start, end)})
        end = min(end, found.meta["size"])
        got = 0
        for piece in found.stream(1 << 18):
            got += len(piece)
            yield bytes(piece)
        if got < end - start:
            raise ConnectionResetError(f"{got} of {end - start} bytes came")

    def delete(self, names: Sequence[str]) -> None:
        """One that is not there is no error."""
        import obstore

        try:
            _tried(lambda: obstore.delete(self._store, list(names)))
        except FileNotFoundError:  # of a server that says so: the others one by one
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    _tried(partial(obstore.delete, self._store, name))

    def list(self, folder: str = "") -> Iterator[tuple[str, int, float]]:
        """Name, bytes and time of every object below a folder, in the order of their names."""
        import obstore

        after = None
        failures = 0
        while True:
            try:
                for batch in obstore.list(self._store, folder or None, offset=after):
                    for found in batch:
                        after, failures = found["path"], 0
                        yield found["path"], found["size"], found["last_modified"].timestamp()
                return
            except Exception as error:
                failures += 1
                if failures == TRIES or not _passes(error):
                    raise
                wait(failures)

    def sign(self, method: Literal["GET", "DELETE"], name: str | None, query: str) -> str:
        """The address of a request that obstore has no function for, about an object or the bucket (None), signed."""
        import obstore

        bucket = obstore.sign(self._store, method, "x", SIGNED_FOR).partition("?")[0].removesuffix("/x")
        bucket = bucket.removesuffix(quote(f"/{self.prefix}"))
        path = "" if name is None else quote(f"/{self.prefix}/{name}")
        return self._signed(method, f"{bucket}{path}?{query}", SIGNED_FOR)

    def link(self, name: str, media_type: str, seconds: int) -> str | None:
        """An address from which anybody can get an object for so many seconds, 1 to MAX_LINK_SECONDS.

        None: the place has no address for browsers. The object need not be there.
        """
        assert 1 <= seconds <= MAX_LINK_SECONDS
        if self.place.links is None:
            return None
        address = object_address(self.place.links, self.place.bucket, self.prefix, name)
        return self._signed("GET", f"{address}?{answer_query(media_type)}", timedelta(seconds=seconds))

    def _signed(self, method: Literal["GET", "DELETE"], address: str, lasting: timedelta) -> str:
        """obstore signs addresses of objects alone: what is asked is in front of such a name, which S3 does not look
        at.
        """
        import obstore

        return obstore.sign(open_named(self.place, f"{address}&x-id="), method, "x", lasting)

    def check(self, name: str, data: bytes) -> None:
        """Write an object, without much patience."""
        import obstore

        obstore.put(self._short, name, data, use_multipart=False)

    @contextlib.contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Map what the server says, at the edge where it enters: `what` begins the sentence.

        Raises:
            DiskFull, StorageUnreachable.
        """
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError, ConnectionResetError) as error:
            why = _why(error, self.place)
            # The text of obstore's error has addresses and headers: of it only `why` leaves.
            if _status(error)[:3] == "507" or _code(error) in _FULL:
                raise DiskFull(f"{what}: the storage at {self.place.address} is full.") from None
            raise StorageUnreachable(f"{what}: {why}.") from None


def _in_parts(size: int) -> dict[str, Any]:
    return {
        "use_multipart": True,
        "chunk_size": max(PART_BYTES, -(-size // MAX_PARTS)),
        "max_concurrency": PARTS_AT_ONCE,
    }


def _tried(work: Callable[[], T]) -> T:
    """What obstore does not try again itself, such as an answer that is cut off."""
    failures = 0
    while True:
        try:
            return work()
        except FileNotFoundError:
            raise
        except Exception as error:
            failures += 1
            if failures == TRIES or not _passes(error):
                raise
        wait(failures)


def wait(failures: int) -> None:
    """Before the next try."""
    time.sleep(random.uniform(0.5, 1.0) * min(0.1 * 2**failures, MAX_WAIT_SECONDS))


def _passes(error: Exception) -> bool:
    """Whether the same request may be answered the next time."""
    from obstore.exceptions import GenericError, JoinError

    if isinstance(error, ConnectionResetError):
        return True
    if not isinstance(error, GenericError | JoinError):
        return False
    status = _status(error)[:3]
    return not status.startswith("4") or status in _PASSES_AGAIN


def _status(error: Exception) -> str:
    found = _STATUS.search(str(error))
    return found.group(1).strip() if found else ""


def is_no_bucket(error: Exception) -> bool:
    """Whether the server says that there is no such bucket."""
    return _code(error) == "NoSuchBucket"


def is_denied(error: Exception) -> bool:
    """Whether the server knows the credentials and lets them not do this."""
    return _status(error)[:3] == "403" and _code(error) in ("", "AccessDenied")


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found.group(1) if found else ""


def _why(error: Exception, place: S3Place) -> str:
    """The reason in a few words, made of the status and S3's own code alone."""
    server = place.endpoint or "AWS"
    if any(word in str(error) for word in _INSTANCE):
        return "there are no credentials for S3 in the environment, in ~/.aws/credentials or of this machine"
    code, status = _code(error), _status(error)
    if code == "NoSuchBucket":
        return f"there is no bucket {place.bucket} at {server}"
    if status:
        return f"the S3 server {server} answers {status}{f' ({code})' if code else ''}"
    if isinstance(error, FileNotFoundError):
        return f"an object is missing at {place.address}"
    return f"the S3 server {server} cannot be reached, or breaks connections off"
