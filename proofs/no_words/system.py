"""The system that words are planted in: talkative services, vendors with faults, a receiver of spans."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts.services import SERVICES
from libs.devstack.provision import OPS_ROLE, RELAY_ROLE
from libs.devstack.vendor_stack import Vendors, running_on_vendors
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Faults
from proofs.kit.any_request import Drawn
from proofs.kit.kept_bytes import Kept
from proofs.no_words.words import Canaries

UNKNOWN_NAME = "the name of an unknown"
# Whom an organization wants its patients to call: told with a refusal, because somebody may need it then.
HELP_LINES = "updateOrganization json /crisis_lines"
"""A refusal may point at a member that nobody knows by the name the caller gave it; whoever sent it must find it."""
_ERRORS_FROM = 400
_SERVER_ERRORS_FROM = 500
TALKATIVE = {
    "LOG_LEVEL": "debug",
    "OPENAI_LOG": "debug",
    "ANTHROPIC_LOG": "debug",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "REQUESTS_PER_HOUR": "1000000",
    # Every word of a session leaves for one more vendor, which answers what it likes.
    "COMMITMENTS_PROVIDER": "anthropic",
}


@dataclass
class World:
    """A running system, the words that were planted in it, and what it answered."""

    vendors: Vendors
    collector: Faults
    words: Canaries
    environment: Mapping[str, str]
    """What is set for all services."""
    temporary: Path
    """Where they make temporary files."""
    refusals: list[Kept] = field(default_factory=list)
    credentials: set[str] = field(default_factory=set)
    """The secret part of each that was given out."""
    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    """Answers of 500 and above, by what was asked."""

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(self.statuses.values())

    @property
    def installation_secrets(self) -> list[str]:
        """Passwords and keys that the servers and services share."""
        infra = self.vendors.stack.infra
        made: Mapping[str, str] = json.loads((infra.folder.path / "secrets.json").read_text())
        roles = (RELAY_ROLE, OPS_ROLE, *(f"svc_{service}" for service in SERVICES))
        return [*made.values(), *map(infra.database.password, roles)]


@contextmanager
def world_of(words: Canaries) -> Iterator[World]:
    """Run everything for as long as the context lasts."""
    # A proof prints one line; the vendors' servers would each say that they end.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    collector = Faults(Starlette(routes=[Route("/v1/traces", _taken, methods=["POST"])]))
    with serve(collector) as url, TemporaryDirectory() as temporary:
        environment = TALKATIVE | {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "TMPDIR": temporary}
        with running_on_vendors(split=False, environment=environment, proxied=True) as vendors:
            yield World(vendors, collector, words, environment, Path(temporary))


async def _taken(_: Request) -> Response:
    return Response(media_type="application/x-protobuf")


class RequestSender:
    """The public API. Every request carries words in each header that a stranger may fill."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self._world = world
        self._http = http

    async def send(self, drawn: Drawn, credential: str) -> httpx.Response:
        """Send what was drawn; `credential` may be empty."""
        sent = {"headers": drawn.headers, **drawn.parts()}
        return await self.ask(drawn.operation.method, drawn.path, drawn.operation.id, credential, sent)

    async def ask(self, method: str, path: str, name: str, credential: str, sent: Mapping[str, Any]) -> httpx.Response:
        """Send anything, and keep what is answered with a problem."""
        once = {"Idempotency-Key": self._world.words.word(f"key of {name}")} if method == "post" else {}
        headers = self._strangers(name) | once | dict(sent.get("headers", {}))
        headers |= {"Authorization": f"Bearer {credential}"} if credential else {}
        answer = await self._http.request(method, path, **{**sent, "headers": headers})
        self._note(name, answer)
        return answer

    def _strangers(self, name: str) -> dict[str, str]:
        def word(header: str) -> str:
            return self._world.words.word(f"header {header} of {name}")

        plain = ("User-Agent", "X-Request-Id", "Referer", "Cookie", "From", "Accept-Language", "tracestate", "baggage")
        headers = {header: f"{header.lower()}={word(header)}" for header in plain}
        return headers | {
            "X-Forwarded-For": f"192.0.2.1, {word('X-Forwarded-For')}",
            "traceparent": f"00-{word('traceparent')}",
            f"X-{word('a name')}": word("a value"),
        }

    def _note(self, name: str, answer: httpx.Response) -> None:
        world = self._world
        world.statuses[answer.status_code] += 1
        if answer.status_code >= _SERVER_ERRORS_FROM:
            world.broken[f"{name} {answer.status_code}"] += 1
        if answer.status_code >= _ERRORS_FROM:
            data = answer.content + repr(answer.headers.raw).encode()
            for origin in (UNKNOWN_NAME, HELP_LINES):
                data = world.words.without(data, origin)
            world.refusals.append(Kept("problem document", f"{name} {answer.status_code}", data))
        elif answer.headers.get("content-type", "") == "application/json":
            world.credentials |= set(_secrets(answer.json()))


def secret_part(credential: str) -> str:
    """Return the end of a credential: of a key its secret, of a token or capability its signature."""
    return credential.rpartition("_" if credential.startswith("trk_") else "|" if "|" in credential else ".")[2]


def _secrets(body: Any) -> Iterator[str]:
    """Yield the secret part of each credential in an answer."""
    for name in ("api_key", "token", "capability"):
        if isinstance(body, dict) and isinstance(body.get(name), str):
            yield secret_part(body[name])


def spans_by_service(collector: Faults) -> Counter[str]:
    """Count the spans that came, by the service that sent them."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    counts: Counter[str] = Counter()
    for request in collector.requests:
        for part in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            name = next(a.value.string_value for a in part.resource.attributes if a.key == "service.name")
            counts[name] += sum(len(scope.spans) for scope in part.scope_spans)
    return counts


def spans_of(collector: Faults) -> Iterator[Kept]:
    """Yield what was exported, as it came."""
    for number, request in enumerate(collector.requests):
        yield Kept("span", f"export {number}", request.body)


def temporary_files(world: World) -> Iterator[Kept]:
    """Yield what services left where temporary files go."""
    for path in (path for path in world.temporary.rglob("*") if path.is_file()):
        yield Kept("temporary file", path.name, path.read_bytes())


def heard_by_vendors(vendors: Vendors) -> Iterator[Kept]:
    """Yield what vendors were sent beside the words they are asked about: addresses, parameters, headers."""
    for name, vendor in (
        ("deepgram", vendors.recognition),
        ("openai", vendors.embedding),
        ("anthropic", vendors.writing),
    ):
        for number, request in enumerate(vendor.requests):
            head = {"path": request.path, "query": request.query, "headers": dict(request.headers)}
            yield Kept("vendor request", f"{name} {number}", json.dumps(head).encode())
