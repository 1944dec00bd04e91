"""The HTTP side every service has: problem documents, /health, /metrics and the edge."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from libs.common.errors import AppError
from libs.common.heartbeat import State
from libs.common.http.edge import Edge
from libs.common.http.problems import install_problem_handlers
from libs.common.metrics import HEALTH_OK

HEALTH_TIMEOUT_S = 3.0
Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class AppSpec:
    """What an app is made of. `checks` decide /health; `details` are shown there on internal apps only.

    So are `states`, what each worker of the process is doing; one that stands still decides /live.
    """

    title: str
    version: str
    routers: Sequence[APIRouter]
    checks: Mapping[str, Check] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    states: Callable[[], Mapping[str, State]] = dict
    internal: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


def build_app(spec: AppSpec) -> FastAPI:
    """Build the app. Documentation routes are off unless `options` turns them on."""
    options: dict[str, Any] = {"openapi_url": None, "docs_url": None, "redoc_url": None, **spec.options}
    app = FastAPI(
        title=spec.title,
        version=spec.version,
        # Spans, metrics and log lines are ours, by allow-lists; a framework's own might hold a path or a body.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        **options,
    )
    install_problem_handlers(app)
    app.include_router(_health_router(spec))
    for router in spec.routers:
        app.include_router(router)
    app.add_middleware(Edge, internal=spec.internal)
    return app


def _health_router(spec: AppSpec) -> APIRouter:
    router = APIRouter()

    @router.get("/health", operation_id="getHealth", summary="Is this service able to work?")
    async def health() -> JSONResponse:
        """Answer 200 with `ok`, or 503 with `unavailable` when a part it needs does not answer."""
        names, answers = list(spec.checks), await _answers(spec)
        healthy = all(answers)
        body: dict[str, Any] = {"status": "ok" if healthy else "unavailable"}
        if spec.internal:
            # Which part is away helps an operator, and on the public side whoever looks for a weak moment.
            body["checks"] = {name: "ok" if good else "unavailable" for name, good in zip(names, answers, strict=True)}
            body["details"] = dict(spec.details)
            body |= {"workers": doing} if (doing := spec.states()) else {}
        return JSONResponse(body, status_code=200 if healthy else 503)

    @router.get("/live", include_in_schema=False)
    async def live() -> JSONResponse:
        """Answer 503 when a worker stands still, which only a new process mends; the stores being away is no reason."""
        stalled = State.STALLED in spec.states().values()
        return JSONResponse({"status": "stalled" if stalled else "ok"}, status_code=503 if stalled else 200)

    if spec.internal:

        @router.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            # Asked when scraped: a gauge from the last /health would go on telling what was.
            for name, is_good in zip(spec.checks, await _answers(spec), strict=True):
                HEALTH_OK.labels(name).set(is_good)
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _answers(spec: AppSpec) -> list[bool]:
    return await asyncio.gather(*(_passes(check) for check in spec.checks.values()))


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await check()
    except (AppError, OSError, TimeoutError):
        return False
    return True
