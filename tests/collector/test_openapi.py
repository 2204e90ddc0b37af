"""The OpenAPI document says what is answered: statuses and problems, found in the code, tried from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

import pytest
from fastapi import APIRouter, Depends, FastAPI

import collector.openapi
from collector.app import create_app
from collector.openapi import openapi_document
from collector.settings import Settings
from tests.collector.contract import ROLES, Contract
from tests.collector.running import Collector
from tests.support.routes import policies
from tests.support.trials import rounds
from wire.errors import GleanerError

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def codes(document: dict[str, Any], method: str, path: str) -> dict[int, list[str]]:
    """status -> codes of the problems that an operation declares."""
    found = {}
    for status, response in document["paths"][path][method]["responses"].items():
        schema = response.get("content", {}).get("application/problem+json", {}).get("schema")
        if schema is not None:
            assert schema["allOf"][0] == {"$ref": "#/components/schemas/Problem"}
            found[int(status)] = schema["allOf"][1]["properties"]["code"]["enum"]
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def test_every_operation_declares_what_its_policy_refuses(document: dict[str, Any]) -> None:
    who = policies(create_app(Settings()))
    for path, operations in document["paths"].items():
        for method in set(operations) & set(METHODS):
            declared = codes(document, method, path)
            assert declared[421] == ["host-wrong"]
            named = who[f"{method.upper()} {path}"]
            assert named is not None
            if set(named) & {"annotator", "lead", "device"}:
                assert "not-signed-in" in declared[401], (method, path)
            if "annotator" in named or "lead" in named:
                assert {"not-allowed", "page-header-missing"} <= set(declared[403])
                assert "someone-else-signed-in" in declared[409]
            assert "HTTPValidationError" not in str(operations[method])


@pytest.mark.parametrize(
    ("method", "path", "status", "some"),
    [
        ("post", "/api/tasks/{task}/submit", 409, {"lease-lost", "submit-reused"}),
        ("post", "/api/tasks/{task}/submit", 422, {"labels-refused", "request-invalid"}),
        ("post", "/api/tasks/next", 429, {"leases-full"}),
        ("put", "/api/captures/{capture}/manifest", 409, {"capture-conflict", "schema-too-new"}),
        ("patch", "/api/uploads/{upload}", 460, {"checksum-mismatch"}),
        ("patch", "/api/uploads/{upload}", 507, {"disk-full"}),
        ("post", "/api/devices/join", 429, {"too-many-tries"}),
        ("get", "/api/captures/{capture}/media", 416, {"range-not-satisfiable"}),
        ("get", "/api/me", 503, {"database-failed"}),
        ("post", "/api/enter", 410, {"link-used"}),
    ],
)
def test_problems_far_below_a_route_are_declared(
    document: dict[str, Any], method: str, path: str, status: int, some: set[str]
) -> None:
    assert some <= set(codes(document, method, path)[status])


def test_what_a_route_cannot_answer_is_not_declared(document: dict[str, Any]) -> None:
    assert set(codes(document, "get", "/api/health")) == {403, 421}
    assert "lease-lost" not in str(document["paths"]["/api/tasks"])
    assert 413 not in codes(document, "get", "/api/tasks/{task}")


class Teapot(GleanerError):
    code = "teapot"
    status = 418


class Locked(GleanerError):
    code = "locked"
    status = 423


class Gone(GleanerError):
    code = "gone"
    status = 410


class Unreached(GleanerError):
    code = "unreached"
    status = 402


class Door(Protocol):
    def open(self) -> None: ...


class WoodenDoor:
    def open(self) -> None:
        raise Locked("shut")

    def burn(self) -> None:
        raise Unreached("not asked for")


def deep() -> None:
    def deeper() -> None:
        (lambda: raise_it(Teapot))()

    deeper()


def raise_it(kind: type[GleanerError]) -> None:
    raise kind("here")


def closed(kind: type[GleanerError]) -> Any:
    async def depends() -> None:
        raise_it(kind)

    return depends


async def door() -> Door:
    return WoodenDoor()


def test_raises_are_found_in_closures_lambdas_and_behind_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector.openapi, "OURS", frozenset({"tests"}))
    router = APIRouter()

    @router.get("/deep", dependencies=[Depends(closed(Gone))])
    async def far(entrance: Annotated[Door, Depends(door)]) -> None:
        entrance.open()
        deep()

    app = FastAPI()
    app.include_router(router)
    found = codes(openapi_document(app, [], {Door: WoodenDoor}), "get", "/deep")
    assert found == {410: ["gone"], 418: ["teapot"], 421: ["host-wrong"], 423: ["locked"]}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    running = Collector(tmp_path_factory.mktemp("contract"))
    running.start()
    yield Contract(running)
    running.stop()


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_answers_are_as_declared(contract: Contract, role: str, tmp_path: Path) -> None:
    """A few requests per operation; the long trial is `python -m tests.collector.contract`."""
    ran = contract.tried(role, tmp_path, rounds(2, 5), "examples,fuzzing")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    count = len([1 for path in create_app(Settings()).openapi()["paths"].values() for name in path if name in METHODS])
    assert f"Tested: {count}\n" in ran.stdout, ran.stdout
    assert "Traceback" not in contract.collector.log
