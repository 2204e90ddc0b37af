"""How every wire document behaves: frozen, strict about fields, numbered, read through one door."""

from __future__ import annotations

import json
import math
import operator
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.functional_serializers import PlainSerializer

from wire.errors import BadDocument, SchemaTooNew

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
MAX_JSON_DEPTH = 16
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# JSON integers stay below 2^53 so that a browser reads them exactly (contracts.md, Time). Numbers are strict: a string
# or a boolean is not one.
Microseconds = Annotated[int, Field(strict=True, ge=-(2**53) + 1, le=2**53 - 1)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]

# For `exclude_if`: members that are left out where they say nothing; also those that an older schema lacks, because its
# readers refuse unknown ones. Asked of every label that is written, so neither is a function of Python.
is_none = partial(operator.is_, None)
is_empty = operator.not_


@lru_cache(maxsize=256)  # one request needs the same few moments a dozen times
def format_utc(moment: datetime) -> str:
    """UTC as `2026-01-31T12:00:00.123456Z`, always six digits, so that text order is time order."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from error


Utc = Annotated[AwareDatetime, AfterValidator(_to_utc), PlainSerializer(format_utc, return_type=str, when_used="json")]


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    """Members of any shape: at most 16 levels, finite numbers, text that UTF-8 can carry."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, dict | list | tuple):
            if depth > MAX_JSON_DEPTH:
                raise ValueError(f"more than {MAX_JSON_DEPTH} levels of values inside values")
            members = [*item, *item.values()] if isinstance(item, dict) else item
            waiting += [(member, depth + 1) for member in members]
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("a number is not finite")
        elif isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise ValueError("a text has half of a surrogate pair") from error
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_check_json)]


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8785 has no second member of the same name: readers would disagree on which one counts."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice[:64]!r} is there twice")
    return members


def parse_json(data: bytes | str, name: str) -> Any:
    """JSON of a document called `name`, as UTF-8 without a byte order mark.

    Raises:
        BadDocument: it is not JSON, not UTF-8, or nested too deep to be read.
    """
    try:
        return json.loads(data.decode() if isinstance(data, bytes) else data, object_pairs_hook=_unique_members)
    except UnicodeDecodeError as error:
        raise BadDocument(f"The {name} is not UTF-8: {error}.") from error
    except ValueError as error:
        raise BadDocument(f"The {name} is not JSON: {error}.") from error
    except RecursionError as error:
        raise BadDocument(f"The {name} has too many levels of values inside values.") from error


def new_id(prefix: str) -> str:
    """A random identity of 96 bits with a readable prefix: `cap-…`, `take-…`, `ses-…`."""
    return f"{prefix}-{secrets.token_hex(12)}"


def is_id(text: str) -> bool:
    return re.fullmatch(ID_PATTERN, text) is not None


def shared_members(members: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Those of `members` that `kind`, a model or a dataclass, has fields for under the same names.

    Without the schema number, of which each document has its own.
    """
    fields = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__
    return {name: members[name] for name in fields if name in members and name != "schema_number"}


class WireModel(BaseModel):
    """A value inside a document. Unknown fields are refused; nothing changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, ser_json_inf_nan="constants")

    def to_json(self) -> dict[str, Any]:
        """The value as JSON types, under its wire names."""
        return self.model_dump(mode="json", by_alias=True)


class Document(WireModel):
    """A value that crosses the wire on its own and therefore carries its schema number.

    Any added field raises `SCHEMA`; a reader takes every number up to its own (contracts.md).
    """

    SCHEMA: ClassVar[int] = 1

    schema_number: int = Field(default=1, alias="schema", strict=True, ge=1)

    @classmethod
    def read(cls, data: bytes | str | dict[str, Any]) -> Self:
        """Parse one document.

        Raises:
            SchemaTooNew: its schema number is higher than this reader's.
            BadDocument: it is not JSON or does not have the shape.
        """
        if isinstance(data, bytes | str):
            data = parse_json(data, cls.__name__)
        if not isinstance(data, dict):
            raise BadDocument(f"The {cls.__name__} is not a JSON object.")
        number = data.get("schema", 1)
        if isinstance(number, int) and number > cls.SCHEMA:
            raise SchemaTooNew(
                f"This {cls.__name__} has schema {number}, the highest read here is {cls.SCHEMA}.", highest=cls.SCHEMA
            )
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = [
                {"at": ".".join(str(part) for part in row["loc"]) or "(whole)", "why": row["msg"]}
                for row in error.errors(include_url=False, include_input=False)
            ]
            first = problems[0]
            raise BadDocument(
                f"The {cls.__name__} is not valid at {first['at']}: {first['why']}.", problems=problems
            ) from error

    @classmethod
    def read_stored(cls, text: str) -> Self:
        """`read` for what it has read before: in a third of the time, because no member is looked for twice.

        Raises:
            SchemaTooNew, BadDocument.
        """
        try:
            found = cls.model_validate_json(text)
        except ValidationError:
            return cls.read(text)
        return found if found.schema_number <= cls.SCHEMA else cls.read(text)
