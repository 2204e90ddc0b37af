"""Which of several things a person means who types a name, an id, or how an id begins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from wire.errors import GleanerError

MIN_DIGITS = 4  # of an id, behind what all ids of its kind begin with: less could be a slip
MAX_LISTED = 10
_KIND = re.compile(r"^[a-z]+-")


class NameAmbiguous(GleanerError):
    """What was typed fits several: nothing was done to any of them. `facts["candidates"]` lists their ids or names."""

    code = "name-ambiguous"
    status = 409
    exit_code = 2
    hint = "Give the name as it is listed, or the id of the one you mean, or more of it."


class Named(NamedTuple):
    """Something that can be named. `id`: empty where it has none that people see."""

    id: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name and self.id else self.name or self.id


def the_one(typed: str, among: Iterable[Named]) -> Named | None:
    """By the whole id, else the name, else the name in other case, else how the id begins. None: there is no such.

    A name has to be whole: `disable ann` means nobody where there is only annabel.

    Raises:
        NameAmbiguous: it fits several.
    """
    everything = list(among)
    digits = _KIND.sub("", typed)
    for fits in (
        [one for one in everything if one.id == typed],
        [one for one in everything if one.name == typed],
        [one for one in everything if one.name.casefold() == typed.casefold()],
        [one for one in everything if len(digits) >= MIN_DIGITS and _begins(one.id, typed, digits)],
    ):
        if typed and len(fits) == 1:
            return fits[0]
        if typed and fits:
            listed = ", ".join(map(str, fits[:MAX_LISTED])) + (" …" if len(fits) > MAX_LISTED else "")
            raise NameAmbiguous(f"{typed!r} may be {listed}.", candidates=[one.id or one.name for one in fits])
    return None


def _begins(whole: str, typed: str, digits: str) -> bool:
    return whole.startswith(typed) or (digits == typed and _KIND.sub("", whole).startswith(digits))
