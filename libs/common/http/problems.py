"""Errors as RFC 9457 problem documents (formerly RFC 7807), the framework's own included."""

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from libs.common.errors import (
    FORBIDDEN,
    INTERNAL,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
    REQUEST_TIMEOUT,
    UNAUTHENTICATED,
    UNSUPPORTED_MEDIA_TYPE,
    AppError,
    FieldError,
    ProblemType,
)

MEDIA_TYPE = "application/problem+json"
# A body of a thousand wrong fields is not worth an answer of a thousand sentences.
FIELD_ERRORS_MAX = 50
_PARAMETER = re.compile(r"\{(\w+)[^}]*\}")

_BY_STATUS: dict[int, ProblemType] = {
    problem.status: problem
    for problem in (FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
}


def problem_response(error: AppError, scope: Scope) -> JSONResponse:
    """Render an error for the caller of the request that `scope` describes."""
    problem = error.problem
    body: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.detail,
        "instance": instance_of(scope),
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    if error.errors:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.errors]
    return JSONResponse(
        body | dict(error.extra), status_code=problem.status, media_type=MEDIA_TYPE, headers=_headers(error)
    )


def instance_of(scope: Scope) -> str:
    """Return a request's path with fixed parts and ids only: other path segments may hold a person's name."""
    template: str = getattr(scope.get("route"), "path", "/")
    sent: Mapping[str, Any] = scope.get("path_params", {})
    return _PARAMETER.sub(lambda found: str(sent[found[1]]) if _is_id(sent.get(found[1])) else found[0], template)


def _is_id(value: object) -> bool:
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False


def internal_error() -> AppError:
    """Return the problem document of an internal error."""
    return AppError(INTERNAL, "Something failed on our side. Nothing you sent was at fault.")


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app, ours or the framework's, as a problem document."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def field_errors(faults: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Turn pydantic's faults into pointers and sentences; pydantic's `input` (the value) is left behind."""
    return tuple(
        FieldError("/" + "/".join(str(part) for part in fault["loc"]), _sentence(fault))
        for fault in faults[:FIELD_ERRORS_MAX]
    )


async def _on_app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    structlog.contextvars.bind_contextvars(problem=error.problem.slug, **error.facts)
    return problem_response(error, request.scope)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problem = AppError(
        INVALID_REQUEST, "The request has fields that are not valid.", errors=field_errors(error.errors())
    )
    return await _on_app_error(request, problem)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    is_of_caller = error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    problem = _BY_STATUS.get(error.status_code, INVALID_REQUEST if is_of_caller else INTERNAL)
    response = await _on_app_error(request, AppError(problem, problem.doc))
    # Only what HTTP demands of a 405: all others are set above.
    response.headers.update({name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})
    return response


def _headers(error: AppError) -> dict[str, str]:
    # What is not found now may be there in a minute, and no cache is to remember who was refused.
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.problem is REQUEST_TIMEOUT:
        headers["Connection"] = "close"  # what still comes is read by nobody
    if error.problem is UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _sentence(fault: Mapping[str, Any]) -> str:
    # Messages of custom validators may repeat a value; the kind of the fault never does.
    return str(fault["msg"]) if fault["type"] != "value_error" else "The value is not valid."
