"""YAML 1.2 nodes read by expectation: typed values with their places, a finding for each thing that does not fit.

The node tree is read, not the constructed values, because only nodes know their places, their duplicate keys and
whether a version was written "1.10" or 1.10 (reference: YAML 1.2.2, section 3.2.1, representation graph).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.events import MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from scripts.findings import Findings, Place, did_you_mean, name_character, unexpected_characters

T = TypeVar("T")
MAX_DEPTH = 50
# Characters that look like one of YAML's own and are not: all white space of Unicode but the plain space, and colons.
_LOOK_ALIKES = {
    chr(code): (" ", "a plain space") for code in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
}
_LOOK_ALIKES |= {chr(code): (":", "a plain colon") for code in (0xFF1A, 0x2236, 0xA789)}

_KINDS = {
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:seq": "a list",
    "tag:yaml.org,2002:map": "a group of fields",
}


@dataclass(frozen=True)
class Placed(Generic[T]):
    value: T
    place: Place


def place_of(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def compose(text: str, findings: Findings) -> Node | None:
    """The root node of the one document in `text`; None, with a finding, when there is none or it is not YAML."""
    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
    except ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        message = f"The character U+{ord(text[error.position]):04X} may not be in YAML."
        findings.error(Place(line, column), "yaml-syntax", message)
        return None
    except MarkedYAMLError as error:
        findings.error(*_explained(error, text))
        return None
    except RecursionError:
        place = _too_deep(text)
        findings.error(place, "yaml-syntax", f"Lists or fields are nested more than {MAX_DEPTH} deep here.")
        return None
    except (YAMLError, YAMLStreamError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        findings.error(Place(1, 1), "yaml-syntax", f"This is not YAML: {reason}.")
        return None
    if root is None:
        findings.error(Place(1, 1), "empty", "The file is empty; a script starts with id, version and title.")
    return root


def _explained(error: MarkedYAMLError, text: str) -> tuple[Place, str, str]:
    """Place, code and sentence of a syntax error: the causes that people meet most are named, with what to do."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Place(1, 1), "yaml-syntax", f"This is not YAML: {error.problem or 'no reason given'}."
    place = Place(mark.line + 1, mark.column + 1)
    first = min(mark.line, error.context_mark.line if error.context_mark is not None else mark.line)
    lines = text.split("\n")
    for number, line in enumerate(lines[first : mark.line + 1], first):
        odd = re.search(f"[{''.join(_LOOK_ALIKES)}]", line)
        if odd is not None and _reads_further(lines, number, mark.line):
            message = f"{name_character(odd[0])} is where YAML needs {_LOOK_ALIKES[odd[0]][1]}."
            return Place(number + 1, odd.start() + 1), "yaml-syntax", message
    problem = error.problem or ""
    if problem.startswith("mapping values are not allowed"):
        message = "A text with a colon and a space in it must be in quotes."
    elif "character '\\t'" in problem:
        message = "A tab indents this line; YAML takes spaces only."
    else:
        reason = " ".join(part for part in (error.context, problem) if part)
        message = f"This is not YAML: {reason.splitlines()[0]}."
    return place, "yaml-syntax", message


def _reads_further(lines: list[str], number: int, stopped: int) -> bool:
    """Whether reading passes line `stopped` once line `number` has plain characters: then these were the cause."""
    plain = lines[number].translate({ord(odd): right for odd, (right, _) in _LOOK_ALIKES.items()})
    try:
        YAML(typ="safe", pure=True).compose("\n".join([*lines[:number], plain, *lines[number + 1 :]]))
    except MarkedYAMLError as error:
        return error.problem_mark is not None and error.problem_mark.line > stopped
    except (YAMLError, ValueError, RecursionError):
        return False
    return True


def _too_deep(text: str) -> Place:
    """Where the nesting passes MAX_DEPTH. The parser's events are read, which needs no recursion."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return Place(event.start_mark.line + 1, event.start_mark.column + 1)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            depth -= 1
    return Place(1, 1)


class Fields:
    """The fields of one mapping. Every take names its field once; a field that is not known is a finding.

    `what` names the mapping in messages ("the script", "step greet").
    """

    def __init__(self, node: Node, what: str, known: Sequence[str], findings: Findings) -> None:
        self.place = place_of(node)
        self.what = what
        self.findings = findings
        self.keys: dict[str, Place] = {}
        self._values: dict[str, Node] = {}
        if not isinstance(node, MappingNode):
            message = f"{_upper(what)} is {_kind(node)}; expected the fields {', '.join(known)}."
            findings.error(self.place, "wrong-type", message)
            self.usable = False
            return
        self.usable = True
        for key, value in node.value:
            self._add(key, value, known)

    def _add(self, key: Node, value: Node, known: Sequence[str]) -> None:
        place = place_of(key)
        name = key.value if isinstance(key, ScalarNode) else None
        if name is None:
            message = f"A field name of {self.what} is {_kind(key)}; it must be a word."
            self.findings.error(place, "unknown-field", message)
        elif name in self.keys:
            message = f"{name} is written twice in {self.what}, first in line {self.keys[name].line}."
            self.findings.error(place, "duplicate-key", message)
        elif name == "<<":
            message = "Merge keys (<<) are not read; write the fields out."
            self.findings.error(place, "unknown-field", message)
        elif name not in known:
            self.keys[name] = place
            hint = unexpected_characters(name) + did_you_mean(name, known) or f" Known fields: {', '.join(known)}."
            self.findings.error(place, "unknown-field", f"{_upper(self.what)} has no field {name}.{hint}")
        else:
            self.keys[name] = place
            self._values[name] = value

    def has(self, name: str) -> bool:
        return name in self._values

    def place_of(self, name: str) -> Place:
        """The place of the field's name, or of the mapping when the field is not there."""
        return self.keys.get(name, self.place)

    def node(self, name: str, *, required: bool = True) -> Node | None:
        node = self._values.get(name)
        if node is not None and node.tag == "tag:yaml.org,2002:null":
            # Nothing has no place of its own: its mark is where the next thing begins.
            self.findings.error(self.keys[name], "empty", f"{name} of {self.what} is empty.")
            return None
        if node is None and required and self.usable and name not in self.keys:
            self.findings.error(self.place, f"missing-{name}", f"{_upper(self.what)} has no {name}.")
        return node

    def text(self, name: str, *, required: bool = True, limit: int | None = None) -> Placed[str] | None:
        """A text of at most `limit` characters, NFC, without blanks at its ends."""
        node = self.node(name, required=required)
        found = None if node is None else self._text_of(node, name)
        if found is None or limit is None or len(found.value) <= limit:
            return found
        message = f"{name} of {self.what} has {len(found.value)} characters; at most {limit} are allowed."
        self.findings.error(found.place, "out-of-range", message)
        return None

    def _text_of(self, node: Node, name: str) -> Placed[str] | None:
        place = place_of(node)
        if not isinstance(node, ScalarNode):
            self.findings.error(place, "wrong-type", f"{name} of {self.what} is {_kind(node)}; expected text.")
            return None
        if node.tag != "tag:yaml.org,2002:str":
            code = "version-not-quoted" if name == "version" else "wrong-type"
            message = f'{name} of {self.what} is {_kind(node)}; put it in quotes to make it text: "{node.value}".'
            self.findings.error(place, code, message)
            return None
        value = unicodedata.normalize("NFC", node.value).strip()
        if not value:
            self.findings.error(place, "empty", f"{name} of {self.what} is empty.")
            return None
        return Placed(value, place)

    def number(self, name: str, low: float, high: float, *, whole: bool = False) -> Placed[float] | None:
        """An optional number in [low, high]."""
        node = self.node(name, required=False)
        return None if node is None else self._number_of(node, name, low, high, whole=whole)

    def numbers(self, name: str, count: int, low: float, high: float) -> Placed[tuple[float, ...]] | None:
        """An optional list of exactly `count` numbers, each in [low, high]."""
        node = self.node(name, required=False)
        if node is None:
            return None
        if not isinstance(node, SequenceNode) or len(node.value) != count:
            what = f"a list of {len(node.value)}" if isinstance(node, SequenceNode) else _kind(node)
            message = f"{name} of {self.what} is {what}; expected a list of {count} numbers."
            self.findings.error(place_of(node), "wrong-type", message)
            return None
        found = [self._number_of(item, name, low, high) for item in node.value]
        values = tuple(one.value for one in found if one is not None)
        return Placed(values, place_of(node)) if len(values) == count else None

    def _number_of(
        self, node: Node, name: str, low: float, high: float, *, whole: bool = False
    ) -> Placed[float] | None:
        place = place_of(node)
        expected = f"a {'whole ' if whole else ''}number from {low:g} to {high:g}"
        value = _number(node, whole=whole)
        if value is None:
            self.findings.error(place, "wrong-type", f"{name} of {self.what} is {_kind(node)}; expected {expected}.")
            return None
        if math.isnan(value):
            message = f"{name} of {self.what} is not a number ({node.value}); expected {expected}."
            self.findings.error(place, "out-of-range", message)
            return None
        if not low <= value <= high:
            self.findings.error(place, "out-of-range", f"{name} of {self.what} is {value:g}; expected {expected}.")
            return None
        return Placed(value, place)

    def words(
        self, name: str, *, allowed: Sequence[str] | None = None, code: str = "unknown-word", required: bool = False
    ) -> list[Placed[str]] | None:
        """A list of different texts, each one of `allowed` where that is given; None when the field is not there."""
        node = self.node(name, required=required)
        if node is None:
            return None
        if not isinstance(node, SequenceNode):
            self._not_a_list(node, name)
            return None
        if required and not node.value:
            self.findings.error(place_of(node), "empty", f"{name} of {self.what} is an empty list.")
        found: dict[str, Placed[str]] = {}
        for item in node.value:
            word = self._text_of(item, name)
            if word is None:
                continue
            if allowed is not None and word.value not in allowed:
                self.unknown_word(word, name, allowed, code)
            elif word.value in found:
                self.findings.error(word.place, "duplicate-word", f"{name} of {self.what} names {word.value} twice.")
            else:
                found[word.value] = word
        return list(found.values())

    def word(self, name: str, allowed: Sequence[str]) -> Placed[str] | None:
        """An optional text that is one of `allowed`."""
        word = self.text(name, required=False)
        if word is None or word.value in allowed:
            return word
        self.unknown_word(word, name, allowed, "unknown-word")
        return None

    def unknown_word(self, word: Placed[str], name: str, allowed: Sequence[str], code: str) -> None:
        hint = unexpected_characters(word.value) + did_you_mean(word.value, allowed)
        message = f"{name} of {self.what} is {word.value}; expected one of {', '.join(allowed)}.{hint}"
        self.findings.error(word.place, code, message)

    def items(self, name: str) -> list[Node]:
        """The nodes of a list that must not be empty."""
        node = self.node(name)
        if node is None:
            return []
        if not isinstance(node, SequenceNode):
            self._not_a_list(node, name)
            return []
        if not node.value:
            self.findings.error(place_of(node), "empty", f"{name} of {self.what} is an empty list.")
        items: list[Node] = node.value
        return items

    def _not_a_list(self, node: Node, name: str) -> None:
        message = f"{name} of {self.what} is {_kind(node)}; expected a list."
        self.findings.error(place_of(node), "wrong-type", message)


def _number(node: Node, *, whole: bool) -> float | None:
    if not isinstance(node, ScalarNode):
        return None
    if node.tag == "tag:yaml.org,2002:int":
        digits = node.value.replace("_", "")
        try:
            return int(digits, 0) if digits.lstrip("+-").lower()[:2] in ("0x", "0o") else int(digits, 10)
        except ValueError:
            return None
    if node.tag == "tag:yaml.org,2002:float" and not whole:
        try:
            return float(node.value.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            return None
    return None


def _kind(node: Node) -> str:
    return _KINDS.get(str(node.tag), f"of the kind {node.tag}")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
