"""OpenTelemetry, with the trace carried by HTTP headers and by events."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, StatusCode

from libs.common.events import Envelope, Event
from libs.common.metrics import VENDOR_CALLS

_SERVER_ERRORS_FROM = 500
_tracer = trace.get_tracer("libs.common")


def configure_tracing(service: str, endpoint: str | None) -> None:
    """Export spans to an OTLP/HTTP endpoint; without one spans still carry ids and go nowhere."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if endpoint:
        # The exporter brings protobuf and an HTTP client of its own, which a process without a collector need not hold.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def trace_headers() -> dict[str, str]:
    """Return `traceparent` of the current span (W3C Trace Context), or nothing outside of one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {"traceparent": carrier["traceparent"]} if "traceparent" in carrier else {}


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the context an incoming `traceparent` names; other headers (baggage) are dropped."""
    wanted = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
    return propagate.extract(wanted, context=context.Context())


@contextmanager
def span(name: str, kind: SpanKind, parent: Context | None = None, **more: Any) -> Iterator[Span]:
    """Open a span, as all are opened here: an exception leaves its class, for its text may hold a person's words."""
    with _tracer.start_as_current_span(
        name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False, **more
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


@contextmanager
def serving(method: str, parent: Context | None) -> Iterator[Span]:
    """Span one request that is answered here; `served` says what it was (OTel HTTP conventions)."""
    with span(method, SpanKind.SERVER, parent, attributes={"http.request.method": method}) as opened:
        yield opened


def served(opened: Span, method: str, route: str, status: int) -> None:
    """Write the route and the status into a request's span; never the raw path, which may hold a name."""
    opened.update_name(f"{method} {route}")
    opened.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= _SERVER_ERRORS_FROM:
        opened.set_status(StatusCode.ERROR)


@contextmanager
def calling(vendor: str, operation: str, model: str) -> Iterator[None]:
    """Span and count one call of a vendor's model (OTel gen_ai conventions); never what is asked or answered."""
    attributes = {"gen_ai.provider.name": vendor, "gen_ai.operation.name": operation, "gen_ai.request.model": model}
    # Until one of the two below is reached: a caller that went away is neither an answer nor a vendor's fault.
    outcome = "abandoned"
    try:
        with span(f"{operation} {model}", SpanKind.CLIENT, attributes=attributes):
            yield
        outcome = "answered"
    except Exception:
        outcome = "failed"
        raise
    finally:
        VENDOR_CALLS.labels(vendor, outcome).inc()


@contextmanager
def publishing(event: Event, event_id: str) -> Iterator[None]:
    """Span the writing of a fact; what is carried on from it is this span (OTel messaging conventions, `create`)."""
    with span(
        f"create {event.type}",
        SpanKind.PRODUCER,
        attributes=_messaging("create", event.topic) | {"messaging.message.id": event_id},
    ):
        yield


@contextmanager
def processing(envelope: Envelope, group: str, previous: str = "") -> Iterator[None]:
    """Span one handler run: a child of the span that wrote the fact, linked to it and to the attempt before."""
    causes = [trace.get_current_span(context_of(envelope.headers)).get_span_context()]
    if previous:
        causes.append(trace.get_current_span(context_of({"traceparent": previous})).get_span_context())
    with span(
        f"process {envelope.type}",
        SpanKind.CONSUMER,
        context_of(envelope.headers),
        attributes=_messaging("process", envelope.topic)
        | {"messaging.consumer.group.name": group, "messaging.message.id": str(envelope.id)},
        links=[Link(cause) for cause in causes if cause.is_valid],
    ):
        yield


def _messaging(operation: str, destination: str) -> dict[str, str]:
    return {
        "messaging.system": "redis",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
    }
