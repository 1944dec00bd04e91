"""Every route behind the gateway has a row in the table of what it demands, and no row is of another."""

import ast
from pathlib import Path

from tests.guarantees.inside.demands import DEMANDS, FOLDER, INTERNAL, OF_EVERY_SERVICE, callers, internal_routes

VERBS = ("get", "post", "put", "patch", "delete")


def test_every_route_that_a_service_registers_is_listed() -> None:
    registered = sorted(
        f"{service} {call}"
        for service in INTERNAL
        for path in (FOLDER / service).rglob("*.py")
        if "tests" not in path.parts
        for call in _registrations(path)
    )

    listed = sorted(route.name for route in internal_routes() if route.path not in OF_EVERY_SERVICE)

    assert listed == registered


def test_every_route_has_a_row_and_no_row_is_of_a_route_that_is_gone() -> None:
    assert {route.name for route in internal_routes()} == set(DEMANDS)


def test_the_consent_service_is_asked_by_all_who_touch_a_patients_words() -> None:
    assert callers()["consent"] == ["gateway", "ingestion", "transcriber", "embedder", "chat"]


def _registrations(path: Path) -> list[str]:
    """Return the routes that a file registers by a decorator, as `GET /path`."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.AsyncFunctionDef)]
    calls = [one for function in functions for one in function.decorator_list if isinstance(one, ast.Call)]
    return [
        f"{call.func.attr.upper()} {ast.literal_eval(call.args[0])}"
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in VERBS
    ]
