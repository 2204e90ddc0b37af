"""The rows that say in which objects the bytes of an upload are, where staging is a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collector.store.sql import Connection, text
from collector.store.staging import UploadPiece
from collector.store.staging_s3 import upload_and_fence

AT_ONCE = 500
_ADD = text(
    "INSERT INTO upload_piece (upload_id, start_byte, end_byte, object) VALUES (:upload, :start, :end, :name)"
    " ON CONFLICT DO NOTHING"
)
_OF = text("SELECT start_byte, end_byte, object FROM upload_piece WHERE upload_id = :upload ORDER BY start_byte")
_END = text("SELECT max(end_byte) FROM upload_piece WHERE upload_id = :upload")
_JOIN = text(
    "INSERT INTO upload_piece (upload_id, start_byte, end_byte, object)"
    " SELECT :final, start_byte + :before, end_byte + :before, object FROM upload_piece WHERE upload_id = :partial"
)
_DELETE_OF = text("DELETE FROM upload_piece WHERE upload_id IN :uploads")
_DELETE = text("DELETE FROM upload_piece WHERE object IN :names")
_UNNEEDED = text(
    "SELECT DISTINCT upload_piece.object FROM upload_piece LEFT JOIN upload ON upload.id = upload_piece.upload_id"
    " LEFT JOIN capture ON capture.id = upload.capture_id"
    f" WHERE upload.id IS NULL OR (capture.state = 'opened' AND upload.state <> 'open') LIMIT {AT_ONCE}"
)
_OPEN = text("SELECT id, fence FROM upload WHERE id IN :uploads AND state = 'open'")
_KNOWN = text("SELECT DISTINCT object FROM upload_piece WHERE object IN :names")


def add_pieces(conn: Connection, upload: str, pieces: Sequence[UploadPiece]) -> None:
    """In the transaction that promises the offset, after its fence was compared: nobody else has added one there.

    The same again changes nothing: nobody knows whether a commit without an answer took place.
    """
    for piece in pieces:
        conn.execute(_ADD, {"upload": upload, **piece._asdict()})


def pieces_of(conn: Connection, upload: str) -> list[UploadPiece]:
    """In the order of their bytes."""
    return [UploadPiece(*row) for row in conn.execute(_OF, {"upload": upload})]


def end_of_pieces(conn: Connection, upload: str) -> int:
    return conn.execute(_END, {"upload": upload}).scalar() or 0


def join_pieces(conn: Connection, final: str, sources: Sequence[tuple[str, int]]) -> None:
    """The pieces of uploads, each of (id, bytes), become those of one: no byte is copied.

    An upload may be there more than once.
    """
    before = 0
    for partial, size in sources:
        conn.execute(_JOIN, {"final": final, "before": before, "partial": partial})
        before += size
    conn.execute(_DELETE_OF, {"uploads": sorted({partial for partial, _ in sources})})


def unneeded_pieces(conn: Connection) -> list[str]:
    """Some objects of uploads that are gone, or whose capture is opened."""
    return list(conn.execute(_UNNEEDED).scalars())


def delete_pieces(conn: Connection, names: Sequence[str]) -> None:
    """The objects are gone."""
    conn.execute(_DELETE, {"names": list(names)})


class Unnamed(NamedTuple):
    """Objects without a row: `gone` never get one; `undecided` may."""

    gone: list[str]
    undecided: list[str]


def without_row(conn: Connection, names: Sequence[str]) -> Unnamed:
    """Those of the objects `names`, made before, that have no row.

    A row is written with the fence that the name has, while the upload is open and has no higher one. Who makes an
    object and is not done with it loses none, whatever is thought of its process.
    """
    made = {name: upload_and_fence(name) for name in names}
    uploads = sorted({upload for upload, _ in made.values()})
    # Before the rows of pieces: what can get none any more has its row by now, or none.
    fences = {row.id: row.fence for ids in _some(uploads) for row in conn.execute(_OPEN, {"uploads": ids})}
    known = {name for some in _some(list(names)) for name in conn.execute(_KNOWN, {"names": some}).scalars()}
    found = Unnamed([], [])
    for name, (upload, fence) in made.items():
        if name not in known:
            is_gone = upload not in fences or (fence is not None and fence < fences[upload])
            (found.gone if is_gone else found.undecided).append(name)
    return found


def _some(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]
