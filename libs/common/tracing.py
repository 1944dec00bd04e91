"""OpenTelemetry, with the trace carried by HTTP headers and by events."""

from collections.abc import Mapping

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracer = trace.get_tracer("libs.common")


def configure_tracing(service: str, endpoint: str | None) -> None:
    """Export spans to an OTLP/HTTP endpoint; without one spans still carry ids and go nowhere."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if endpoint:
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


def current_trace_id() -> str | None:
    """Return the current trace id in hex, None outside a trace."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None
