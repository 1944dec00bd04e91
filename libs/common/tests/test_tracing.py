"""A trace follows a fact from the transaction that wrote it to each try at it, and holds ids only."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Receive, Scope, Send

from libs.common.events import Envelope
from libs.common.http_edge import Edge
from libs.common.ids import new_id
from libs.common.tests.kernel_world import ThingCounted
from libs.common.tracing import processing, publishing, trace_headers

FACT = ThingCounted(organization_id=new_id(), thing_id=new_id(), number=1)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    yield exporter
    processor.shutdown()


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

    (span,) = _named(spans, "process ")
    assert (span.events, span.status.description) == ((), None)
