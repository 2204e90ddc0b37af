"""The folder of the collector's key files: plain (0600), or each encrypted with the master key where one is named.

An encrypted file is one line: `gleaner-key 1 ` and the key with its name, under the master key, in base64. It has the
place of the plain one: written whole, synced and renamed over it, so that at every moment one of them is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from collector.master_key import MasterKey, MasterKeyMissing, MasterKeyWrong, read_master_key
from wire.files import write_whole

MARK = "gleaner-key 1 "
_MARKS = "gleaner-key "
SECRETS = ("receipt.key", "authority.key", "admin.key")
SET_ASIDE = ".old"


class KeyFolder:
    """Key files by name. What is not in SECRETS stays plain: certificates, and the key that the server reads itself."""

    def __init__(self, folder: Path, master_file: Path | None = None) -> None:
        self.folder = folder
        self.master_file = master_file

    def path(self, name: str) -> Path:
        return self.folder / name

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def master(self) -> MasterKey:
        """Raises MasterKeyMissing."""
        if self.master_file is None:
            raise MasterKeyMissing(f"The keys in {self.folder} are encrypted, and no master key is named.")
        return read_master_key(self.master_file)

    def read(self, name: str) -> str:
        """Raises OSError, UnicodeDecodeError, MasterKeyMissing, MasterKeyWrong."""
        content = self.path(name).read_text(encoding="ascii")
        return self._opened(name, content, self.master()) if content.startswith(_MARKS) else content

    def write(self, name: str, content: str) -> None:
        """Raises OSError, MasterKeyMissing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.master_file is not None and _is_secret(name):
            content = f"{MARK}{self.master().encrypt(_inner_name(name), content)}\n"
        write_whole(self.path(name), content.encode())

    def has_encrypted(self) -> bool:
        return any(_is_marked(self.path(name)) for name in self._secrets())

    def encrypt_plain(self) -> None:
        """Encrypt what is plain, if a master key is named: files from before, and restored ones.

        Raises OSError, MasterKeyMissing.
        """
        if self.master_file is None:
            return
        for name in self._secrets():
            # What is not even text is left for whoever reads it to report.
            with contextlib.suppress(UnicodeDecodeError):
                if not _is_marked(self.path(name)):
                    self.write(name, self.path(name).read_text(encoding="ascii"))

    def encrypt_anew(self, masters: Sequence[Path]) -> None:
        """Encrypt all with the master key of this folder. `masters`: files of those that open what is there.

        Raises OSError, MasterKeyMissing, MasterKeyWrong: then nothing has changed.
        """
        keys = [read_master_key(file) for file in masters if file.exists()]
        found = {}
        for name in self._secrets():
            with _unless_set_aside(name), contextlib.suppress(UnicodeDecodeError):
                found[name] = self._opened_by_any(name, keys)
        for name, content in found.items():
            self.write(name, content)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Every file in plain, for a backup, which is encrypted itself; the master key may end with its machine.

        Raises OSError, MasterKeyMissing, MasterKeyWrong.
        """
        for name in self._names():
            content = self.path(name).read_bytes()
            if _is_secret(name) and content.startswith(_MARKS.encode()):
                with _unless_set_aside(name):
                    content = self.read(name).encode()
            yield name, content

    def _names(self) -> list[str]:
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path.name for path in paths if path.is_file() and not path.name.startswith("."))

    def _secrets(self) -> list[str]:
        return [name for name in self._names() if _is_secret(name)]

    def _opened_by_any(self, name: str, masters: Sequence[MasterKey]) -> str:
        content = self.path(name).read_text(encoding="ascii")
        if not content.startswith(_MARKS):
            return content
        for master in masters:
            with contextlib.suppress(MasterKeyWrong):
                return self._opened(name, content, master)
        raise MasterKeyWrong(f"{self.path(name)} can be opened with none of the master keys that are there.")

    def _opened(self, name: str, content: str, master: MasterKey) -> str:
        place = str(self.path(name))
        if not content.startswith(MARK):
            raise MasterKeyWrong(f"{place} was encrypted by a newer version.", hint="Use that version, or a newer one.")
        return str(master.decrypt(_inner_name(name), content.removeprefix(MARK).strip(), place))


@contextlib.contextmanager
def _unless_set_aside(name: str) -> Iterator[None]:
    """A key that was replaced, perhaps because nobody could open it any more, stays as it is."""
    try:
        yield
    except MasterKeyWrong:
        if not name.endswith(SET_ASIDE):
            raise


def _inner_name(name: str) -> str:
    """The name inside: a key that is set aside keeps that which it had."""
    return next((one for one in SECRETS if name.startswith(f"{one}.") and name.endswith(SET_ASIDE)), name)


def _is_secret(name: str) -> bool:
    return _inner_name(name) in SECRETS


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MARKS)) == _MARKS.encode()
