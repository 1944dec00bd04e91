"""The description of the API is valid, complete, and says what the table says."""

import re

import pytest
from openapi_spec_validator import validate

from services.gateway.api.examples import ANSWERS, BODIES
from services.gateway.routes import BY_OPERATION, ROUTES
from services.gateway.tests.gateway_world import GatewayWorld


async def test_the_document_is_valid_and_lists_every_route_of_the_table(world: GatewayWorld) -> None:
    document = (await world.http.get("/openapi.json", headers={"Authorization": ""})).json()

    validate(document)
    described = {
        operation["operationId"]: (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }

    assert document["openapi"].startswith("3.1")
    assert described == {route.operation_id: (route.method, route.path) for route in ROUTES} | {
        "getHealth": ("GET", "/api/v1/health")
    }


async def test_every_operation_lists_its_problems_its_security_and_an_example(world: GatewayWorld) -> None:
    document = (await world.http.get("/openapi.json")).json()

    for operations in document["paths"].values():
        for operation in operations.values():
            route = BY_OPERATION.get(operation["operationId"])
            if route is None:
                continue
            assert operation["security"]
            assert {str(problem.status) for problem in route.all_problems} <= set(operation["responses"])
            assert "HTTPValidationError" not in str(operation)
            assert operation["description"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/users", "GET, POST"),
        ("/api/v1/sessions/01a20000-0000-7000-8000-000000000000/transcript", "GET, PATCH"),
        ("/api/v1/me", "GET"),
    ],
)
async def test_a_wrong_method_is_told_all_the_right_ones(world: GatewayWorld, path: str, allowed: str) -> None:
    answer = await world.http.request("PUT", path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_the_document_says_what_else_than_json_an_answer_can_be(world: GatewayWorld) -> None:
    document = (await world.http.get("/openapi.json")).json()

    paths = document["paths"]
    chat = paths["/api/v1/chat"]["post"]["responses"]["200"]["content"]
    words = paths["/api/v1/sessions/{session_id}/transcript"]["get"]["responses"]["200"]["content"]

    assert set(chat) == {"application/json", "text/event-stream"}
    assert set(words) == {"application/json", "text/vtt", "application/x-subrip", "text/plain"}


async def test_the_document_says_which_answers_have_an_etag_and_can_be_held(world: GatewayWorld) -> None:
    paths = (await world.http.get("/openapi.json")).json()["paths"]

    transcript = paths["/api/v1/sessions/{session_id}/transcript"]
    held = {
        operation["operationId"]
        for operations in paths.values()
        for operation in operations.values()
        if "304" in operation["responses"]
    }

    assert held == {"getSession", "getTranscript"}
    assert "ETag" in transcript["get"]["responses"]["304"]["headers"]
    assert "ETag" in transcript["patch"]["responses"]["200"]["headers"]
    assert {"406", "304"} <= set(transcript["get"]["responses"])
    assert {"412", "428"} <= set(transcript["patch"]["responses"])


def test_examples_are_of_routes_that_exist() -> None:
    silent = {"watchSession", "revokePatientToken", "deleteConversation"}

    assert set(ANSWERS) == {route.operation_id for route in ROUTES} - silent
    assert set(BODIES) <= set(BY_OPERATION)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
async def test_nobody_gets_an_answer_without_a_credential(world: GatewayWorld, route: object) -> None:
    line = next(known for known in ROUTES if known is route)
    path = re.sub(r"\{key_id\}", "abcdefABCDEF", line.path)
    path = re.sub(r"\{\w+\}", "01a20000-0000-7000-8000-000000000000", path)

    answer = await world.http.request(line.method, path, headers={"Authorization": ""}, content=b"not even JSON")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
