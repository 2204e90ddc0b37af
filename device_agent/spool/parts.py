"""Reading the files of a capture, and finding out whether the disk has changed them."""

from __future__ import annotations

import os
from pathlib import Path

from device_agent.spool.space import PartDamaged, spool_error
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest, Part
from wire.device import Receipt
from wire.files import file_sha256


def read_part(path: Path, size: int, offset: int, limit: int) -> bytes:
    """Bytes of a file of at least `size` bytes, from `offset`, at most `limit` and not past `size`.

    Raises:
        PartDamaged: the file is missing or shorter than `size`. SpoolFailed: the disk's answer.
    """
    try:
        with path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            data = os.pread(file.fileno(), max(0, min(limit, size - offset)), offset)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise PartDamaged(f"The file {path.name} of {path.parent.name} is missing.") from error
    except OSError as error:
        raise spool_error(error, f"reading {path.name} of {path.parent.name}") from error
    if length < size:
        raise PartDamaged(f"The file {path.name} of {path.parent.name} has {length} bytes of {size}.")
    return data


def check_part(path: Path, part: Part) -> None:
    """Compare a file with what the manifest says of it.

    Raises:
        PartDamaged: the file is missing or holds other bytes. SpoolFailed: the disk's answer.
    """
    read_part(path, part.sealed_bytes, 0, 0)
    try:
        found = file_sha256(path)
    except OSError as error:
        raise spool_error(error, f"reading {path.name} of {path.parent.name}") from error
    if found != part.sealed_sha256:
        raise PartDamaged(f"The file {path.name} of {path.parent.name} has changed since it was recorded.")


def receipt_differences(receipt: Receipt, manifest_bytes: bytes) -> list[str]:
    """The members in which a receipt differs from exactly these bytes; empty: it speaks of them."""
    manifest = CaptureManifest.read(manifest_bytes)
    checks = (
        ("capture", receipt.capture == manifest.capture),
        ("manifest_sha256", receipt.manifest_sha256 == sha256_hex(manifest_bytes)),
        ("parts", {part.name: part for part in receipt.parts} == {part.name: part for part in manifest.parts}),
        ("sha256", manifest.sha256 is None or receipt.sha256 == manifest.sha256),
        ("complete", receipt.complete == manifest.complete),
    )
    return [name for name, same in checks if not same]
