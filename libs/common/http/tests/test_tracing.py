"""A trace follows a fact from the transaction that wrote it to each try at it, and holds ids only."""

from datetime import UTC, datetime

import httpx
import pytest
from fastapi import APIRouter
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common.events import Envelope
from libs.common.http.app import AppSpec, build_app
from libs.common.http.edge import Edge
from libs.common.ids import new_id
from libs.common.tests.kernel_world import ThingCounted
from libs.common.tracing import calling, processing, publishing, trace_headers

FACT = ThingCounted(tenant_id=new_id(), thing_id=new_id(), number=1)


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    # A provider lets no processor go, and one that was shut down complains of every later span.
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    made = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(made))
    return made


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


def _written() -> Envelope:
    event_id = new_id()
    with publishing(FACT, str(event_id)):
        headers = trace_headers()
    return Envelope(event_id, FACT.type, 1, FACT.topic, FACT.key, datetime.now(UTC), FACT.payload(), headers)


def _named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name.startswith(name)]


def test_each_try_is_a_child_of_what_wrote_the_fact_and_linked_to_the_try_before(spans: InMemorySpanExporter) -> None:
    envelope = _written()
    with processing(envelope, "settler"):
        first = trace_headers()["traceparent"]
    with processing(envelope, "settler", first):
        pass

    (created,) = _named(spans, "create ")
    one, two = _named(spans, "process ")

    assert [span.parent and span.parent.span_id for span in (one, two)] == [created.context.span_id] * 2
    assert [link.context.span_id for link in two.links] == [created.context.span_id, one.context.span_id]
    assert (two.attributes or {})["messaging.consumer.group.name"] == "settler"


async def test_an_answer_that_breaks_off_leaves_no_text_in_its_span(spans: InMemorySpanExporter) -> None:
    async def breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("words of a person")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Edge(breaks_off)), base_url="http://t") as client:
        with pytest.raises(ValueError, match="words"):
            await client.get("/things")

    (span,) = _named(spans, "GET")

    assert (span.events, span.status.description) == ((), None)


def test_an_error_leaves_no_text_in_a_span(spans: InMemorySpanExporter) -> None:
    envelope = _written()

    with pytest.raises(ValueError, match="words"), processing(envelope, "settler"):
        raise ValueError("words of a person")

    assert [(span.events, span.status.description) for span in _named(spans, "process ")] == [((), None)]


async def _asked(path: str) -> httpx.Response:
    router = APIRouter()

    @router.get("/things/{name}")
    async def of(name: str) -> Response:
        return Response(status_code=503)

    app = build_app(AppSpec("Test", "1", [router]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        return await client.get(path)


async def test_a_requests_span_has_its_route_and_status_and_not_the_path_that_was_asked_for(
    spans: InMemorySpanExporter,
) -> None:
    await _asked("/things/somebody")

    (span,) = _named(spans, "GET")
    attributes = {"http.request.method": "GET", "http.route": "/things/{name}", "http.response.status_code": 503}

    assert (span.name, dict(span.attributes or {})) == ("GET /things/{name}", attributes)
    assert span.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("path", ["/health", "/live", "/metrics"])
async def test_what_machines_ask_every_few_seconds_is_not_traced(spans: InMemorySpanExporter, path: str) -> None:
    await _asked(path)

    assert _named(spans, "GET") == []


def test_a_vendors_call_that_fails_leaves_the_class_of_the_error_in_its_span(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="words"), calling("anthropic", "generate", "a-model"):
        raise ValueError("words of a person")

    (span,) = _named(spans, "generate a-model")
    attributes = dict(span.attributes or {})

    assert (attributes["gen_ai.provider.name"], attributes["error.type"]) == ("anthropic", "ValueError")
    assert (span.events, span.status.description) == ((), None)
