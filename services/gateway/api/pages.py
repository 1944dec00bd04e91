"""What is read by people: the kinds of problems, the description of the API, and its browser page."""

import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from libs.common.errors import NOT_FOUND, AppError, ProblemType
from libs.contracts.problems import BY_SLUG
from services.gateway.access.authentication import Authenticator

# Only the package's files are used: its own pages would ask for styles and scripts that our policy refuses.
_BUNDLE = Path(fastapi_offline.__file__).parent / "static"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>TherapyRAG API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></html>"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});'


def problem_pages() -> APIRouter:
    """Return the pages that problem types point at; public, and without personal data."""
    router = APIRouter()

    @router.get("/problems/{slug}", include_in_schema=False)
    async def page(slug: str) -> HTMLResponse:
        problem = BY_SLUG.get(slug)
        if problem is None:
            raise AppError(NOT_FOUND, "There is no such kind of problem.")
        return HTMLResponse(_problem(problem), headers={"Content-Security-Policy": "default-src 'none'"})

    return router


def health_page(check: Callable[[], Awaitable[None]]) -> APIRouter:
    """Return /api/v1/health, which says no more than /health does."""
    router = APIRouter()

    @router.get("/api/v1/health", include_in_schema=False)
    async def health() -> JSONResponse:
        try:
            await check()
        except AppError:
            return JSONResponse({"status": "unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    return router


def description_pages(document: dict[str, Any], authenticator: Authenticator, *, open_to_all: bool) -> APIRouter:
    """Return /openapi.json and /docs; unless they are open to all they need a key like everything else."""
    router = APIRouter()

    async def admitted(request: Request) -> None:
        if not open_to_all:
            await authenticator.identify(request.headers)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> JSONResponse:
        await admitted(request)
        return JSONResponse(document)

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        await admitted(request)
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @router.get("/docs/{name}", include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        await admitted(request)
        if name == "start.js":
            return Response(_START, media_type="text/javascript")
        if name not in _FILES:
            raise AppError(NOT_FOUND, "There is no such page.")
        return FileResponse(_BUNDLE / name, media_type=_FILES[name])

    return router


def _problem(problem: ProblemType) -> str:
    retry = "The same request may succeed later." if problem.retryable else "The same request will fail again."
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(problem.title)}</title>'
        f"<h1>{html.escape(problem.title)}</h1><p><code>{problem.slug}</code>, HTTP status {problem.status}</p>"
        f"<p>{html.escape(problem.doc)}</p><p>{retry}</p></html>"
    )
