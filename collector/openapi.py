"""The OpenAPI document, with every problem that a route can answer, from one place: the code itself.

What a route raises is found by reading the byte code of its function, of its dependencies (the policy among them) and
of every function of ours that these name, directly or through an object whose class they name. A name counts as a
raise, so a route may declare a problem too many, and none too few.
"""

from __future__ import annotations

import dis
import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from collector.http.bodies import BodyCut, BodyTooLong
from collector.http.problems import RequestInvalid
from collector.ingest.tus import is_upload_path
from http_shell.hosts import HostWrong
from http_shell.problems import MEDIA_TYPE, PLAIN
from wire.errors import GleanerError

OURS = frozenset({"collector", "http_shell", "wire", "prelabel", "scripts"})
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. Some problems have further members; docs/errors.md lists the codes.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "one sentence: what is wrong and where"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "hint": {"type": "string", "description": "what to do about it"},
        "retryable": {"type": "boolean", "description": "whether trying again later can help"},
    },
    "required": ["type", "title", "status", "code", "hint", "retryable"],
}


def openapi_document(
    app: FastAPI, extra_models: Iterable[type[BaseModel]], implementations: Mapping[type, type]
) -> dict[str, Any]:
    """The document of an app.

    Args:
        extra_models: bodies that routes read themselves.
        implementations: interface -> the class behind it in this app.
    """
    document = get_openapi(title=app.title, version="1", routes=app.routes, separate_input_output_schemas=False)
    _, extra = models_json_schema(
        [(model, "validation") for model in extra_models], ref_template="#/components/schemas/{model}"
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in extra.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["Problem"] = _PROBLEM
    for context in iter_route_contexts(app.routes):
        operations = document["paths"].get(context.path)
        if operations is None or not isinstance(context.route, APIRoute):
            continue
        for method in {name.lower() for name in context.methods or ()} & set(operations):
            _declare(
                operations[method],
                context.path or "",
                problems_of(context.route.endpoint, context.dependant, implementations),
            )
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _declare(operation: dict[str, Any], path: str, raised: frozenset[type[GleanerError]]) -> None:
    codes: dict[int, set[str]] = {}
    found = set(raised) | {HostWrong}
    if "requestBody" in operation or operation.get("parameters"):
        found.add(RequestInvalid)
    if "requestBody" in operation and not is_upload_path(path):
        found |= {BodyCut, BodyTooLong}
        codes[400] = {"http-400"}  # the framework's answer to a body that is no text
    for error in found:
        codes.setdefault(error.status, set()).add(error.code)
    if "{" in path:
        codes.setdefault(404, set()).add(PLAIN[404][0])  # a value with a slash makes it another address
    responses = operation.setdefault("responses", {})
    if RequestInvalid not in found:
        responses.pop("422", None)
    for status, named in sorted(codes.items()):
        responses[str(status)] = _response(responses.get(str(status), {}), sorted(named))


def _response(declared: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    """A response with these problems, in addition to what the route declares for the same status itself."""
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": codes}}}]}
    content = {name: body for name, body in declared.get("content", {}).items() if not _is_frameworks(body)}
    return {"description": ", ".join(codes), "content": {**content, MEDIA_TYPE: {"schema": schema}}}


def _is_frameworks(body: dict[str, Any]) -> bool:
    return str(body.get("schema", {}).get("$ref", "")).endswith("/HTTPValidationError")


def problems_of(
    endpoint: Any, dependant: Dependant, implementations: Mapping[type, type]
) -> frozenset[type[GleanerError]]:
    """The errors that a route's function and its dependencies name, all the way down."""
    reader = _Reader(implementations)
    for call in (endpoint, *_calls(dependant)):
        reader.visit(call)
    return reader.errors()


def _calls(dependant: Dependant) -> Iterator[Any]:
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)


class _Reader:
    """Functions that were reached, the classes they name, and the attributes they use of objects."""

    def __init__(self, implementations: Mapping[type, type]) -> None:
        self._implementations = implementations
        self._functions: set[types.FunctionType] = set()
        self._classes: set[type] = set()
        self._attributes: set[str] = set()
        self._errors: set[type[GleanerError]] = set()

    def errors(self) -> frozenset[type[GleanerError]]:
        size = -1
        while size != len(self._functions):
            size = len(self._functions)
            for kind in list(self._classes):
                for name in self._attributes & set(vars(kind)):
                    self.visit(vars(kind)[name])
        return frozenset(self._errors)

    def visit(self, value: Any) -> None:
        """Follow a function or the making of a class; what is not ours is left alone."""
        if isinstance(value, property):
            value = value.fget
        value = getattr(value, "__func__", value)  # of a method, classmethod, staticmethod
        if isinstance(value, type):
            self._know(value)
            for name in ("__init__", "__enter__", "__exit__"):
                if value in self._classes and name in vars(value):
                    self.visit(vars(value)[name])
            return
        value = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, types.FunctionType) and _is_ours(value) and value not in self._functions:
            self._functions.add(value)
            values, attributes = _names(value)
            self._attributes |= attributes
            for found in values:
                self.visit(found)
            for kind in _hinted(value):
                self._know(kind)

    def _know(self, kind: type) -> None:
        """An object of this class may be there: its methods are followed where their names are used."""
        if issubclass(kind, GleanerError):
            if kind is not GleanerError:
                self._errors.add(kind)
        elif _is_ours(kind) and kind not in self._classes:
            self._classes.add(kind)
            for other in (*kind.__bases__, *_hinted(kind), self._implementations.get(kind, kind)):
                self._know(other)


def _is_ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] in OURS


@cache
def _names(function: types.FunctionType) -> tuple[tuple[Any, ...], frozenset[str]]:
    """What a function's code names: objects of its module and its closure, and attributes of anything."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    known = {**function.__globals__}
    for name, cell in cells.items():
        try:
            known[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    values: list[Any] = []
    attributes: set[str] = set()
    for code in _codes(function.__code__):
        here: Any = None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLOSURE"):
                here = known.get(str(step.argval))
                values.append(here)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                attributes.add(str(step.argval))
                is_open = isinstance(here, types.ModuleType | type)
                here = inspect.getattr_static(here, str(step.argval), None) if is_open else None
                values.append(here)
            elif step.opname not in ("CACHE", "PRECALL", "PUSH_NULL"):
                here = None
    return tuple(value for value in values if callable(value)), frozenset(attributes)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of the functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _hinted(value: Any) -> tuple[type, ...]:
    """The classes in the annotations of a function or class."""
    try:
        hints = typing.get_type_hints(value, include_extras=False)
    except (NameError, TypeError):  # a name that only type checkers import
        return ()
    found: list[type] = []
    waiting = list(hints.values())
    while waiting:
        hint = waiting.pop()
        waiting += typing.get_args(hint)
        if isinstance(hint, type):
            found.append(hint)
    return tuple(found)
