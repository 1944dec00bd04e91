"""The OpenAPI document, made from the route table and the request models, so that it cannot say something else."""

from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from libs.common.http.problems import MEDIA_TYPE
from services.gateway.api.examples import ANSWERS, BODIES
from services.gateway.api.proxying import EVENTS
from services.gateway.domain import Access
from services.gateway.key_format import PATTERN
from services.gateway.routes import BY_OPERATION, Route, Trait

VERSION = "1.0.0"
_DESCRIPTION = (
    "Recorded therapy sessions become words, an index and cited answers, each step only while the patient consents. "
    "Errors are problem documents (RFC 9457, formerly 7807). Lists are `{data, has_more, next_cursor}`. "
    "A POST with an `Idempotency-Key` is done once within 24 hours. 1000 requests an hour and key."
)
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Opens as a page that says what to do."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The path; what is no id in it stands as the parameter's name."},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_SECURITY = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": f"An API key: `{PATTERN}`."},
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "patientToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "One patient, 15 minutes.",
    },
    "operatorToken": {"type": "http", "scheme": "bearer", "description": "The operators' own token."},
}
_CREDENTIALS: dict[Access, list[dict[str, list[str]]]] = {
    Access.OPEN: [],
    Access.OPERATOR: [{"operatorToken": []}],
    Access.KEY: [{"apiKey": []}, {"apiKeyHeader": []}],
    Access.KEY_OR_PATIENT: [{"apiKey": []}, {"apiKeyHeader": []}, {"patientToken": []}],
}


def openapi_document(router: APIRouter, own_url: str) -> dict[str, Any]:
    """Return the document for all routes of the table."""
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    document = get_openapi(
        title="TherapyRAG",
        version=VERSION,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=routes,
        servers=[{"url": own_url}],
    )
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation, BY_OPERATION[operation["operationId"]], own_url)
    document["paths"]["/api/v1/health"] = {"get": _HEALTH}
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _complete(operation: dict[str, Any], route: Route, own_url: str) -> None:
    operation["security"] = _CREDENTIALS[route.access]
    operation["x-scopes"] = sorted(route.scopes)
    answers = {str(status): _answer(route) for status in (route.status, route.status_if_there) if status}
    if Trait.HAS_ETAG in route.traits and route.method == "GET":
        answers["304"] = {"description": "`If-None-Match` names what would be answered.", "headers": _ETAG}
    operation["responses"] = answers | _problems(route, own_url)
    if route.replayable:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    for media_type in operation.get("requestBody", {}).get("content", {}).values():
        if route.operation_id in BODIES:
            media_type["example"] = BODIES[route.operation_id]


def _answer(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "As asked."}
    if route.status == 204:
        return answer
    media_types = (EVENTS,) if route.operation_id == "watchSession" else ("application/json", *route.also_as)
    content: dict[str, Any] = {media_type: {"schema": _shape(media_type)} for media_type in media_types}
    if route.operation_id in ANSWERS:
        content["application/json"]["example"] = ANSWERS[route.operation_id]
    headers = {"headers": _ETAG} if Trait.HAS_ETAG in route.traits else {}
    return answer | headers | {"content": content}


def _shape(media_type: str) -> dict[str, Any]:
    if media_type == EVENTS:
        # OpenAPI 3.1 has no word for a stream of events (3.2 has `itemSchema`), so any event is one.
        return {"description": "Server-sent events; the last one is `done` or `error`."}
    return {"type": "object" if media_type.endswith("json") else "string"}


def _problems(route: Route, own_url: str) -> dict[str, Any]:
    by_status: dict[str, Any] = {}
    for problem in route.all_problems:
        response = by_status.setdefault(
            str(problem.status),
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        response["description"] = "; ".join(filter(None, (response["description"], f"{problem.slug}: {problem.title}")))
        response["content"][MEDIA_TYPE]["examples"][problem.slug] = {
            "value": {
                "type": f"{own_url}/problems/{problem.slug}",
                "title": problem.title,
                "status": problem.status,
                "detail": problem.doc,
                "instance": route.path,
                "request_id": "0199f2a4-7c1e-7d31-8a52-3f6f4a0e9b11",
            }
        }
    return by_status


_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Of the version; a transcript's also of its form."}}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": (
        "What is sent again within 24 hours with the same API key or token, body and If-Match is done once: "
        "the object it was about is read again as you may see it now (`Idempotent-Replayed: true`). "
        "A new secret is told again for a minute, then its id in a 409. What was refused may be sent again."
    ),
}
_HEALTH: dict[str, Any] = {
    "operationId": "getHealth",
    "tags": ["access"],
    "summary": "Is the gateway able to work?",
    "security": [],
    "responses": {
        status: {
            "description": sentence,
            "content": {"application/json": {"schema": {"type": "object"}, "example": {"status": word}}},
        }
        for status, sentence, word in (("200", "Yes.", "ok"), ("503", "No.", "unavailable"))
    },
}
