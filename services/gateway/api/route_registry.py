"""Joins a line of the route table with the function that answers it, through the request pipeline."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from libs.contracts.ids import PatientId
from services.gateway.clients import RequestContext
from services.gateway.domain import Principal
from services.gateway.pipeline.pipeline import RequestPipeline
from services.gateway.routes import BY_OPERATION, Route


class Strict(BaseModel):
    """A request whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class RouteRegistry:
    """A router on which every route stands in the table, or does not exist."""

    def __init__(self, pipeline: RequestPipeline) -> None:
        self.router = APIRouter(route_class=_through_pipeline(pipeline))

    def open(self, operation_id: str, endpoint: Callable[..., Any], **more: Any) -> None:
        """Add the table's route; its description is the endpoint's docstring."""
        route = BY_OPERATION[operation_id]
        self.router.add_api_route(
            route.path,
            endpoint,
            methods=[route.method],
            operation_id=operation_id,
            summary=route.summary,
            tags=[route.tag],
            status_code=route.status,
            response_model=None,
            **more,
        )


def principal_of(request: Request) -> Principal:
    """Return who was let in."""
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(principal_of)]


def asked(caller: Principal, operation_id: str, patient_id: PatientId | None = None) -> RequestContext:
    """Return on whose behalf a service behind the gateway is asked."""
    return RequestContext(caller, BY_OPERATION[operation_id], patient_id)


def _through_pipeline(pipeline: RequestPipeline) -> type[APIRoute]:
    class PipelineRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()
            # Looked up once, when the route is made: one without a line in the table fails at the start.
            route: Route = BY_OPERATION[self.operation_id or ""]

            async def through_pipeline(request: Request) -> Response:
                return await pipeline.serve(request, route, answer)

            return through_pipeline

    return PipelineRoute
