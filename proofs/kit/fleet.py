"""Several processes of one service over one database and one Redis, as a proof of what they agree on needs them."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra
from libs.devstack.services import ServiceProcess, Site, inherited
from libs.devstack.vendors.asgi_server import serve

# The processes are killed in the end: a connection kept open to them would be left half closed in this one.
_CLOSES = {"Connection": "close"}
CONSENT_ID = "01a20000-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Fleet:
    """The processes, all alike."""

    infra: Infra
    processes: list[ServiceProcess]

    @property
    def urls(self) -> list[str]:
        """Where they listen."""
        return [process.url for process in self.processes]

    async def new_organization(self, name: str) -> str:
        """Found an organization at the first gateway; return its key, which may do everything."""
        operator = {"Authorization": f"Bearer {self.infra.folder.secret('operator_token')}"}
        async with httpx.AsyncClient(base_url=self.urls[0], trust_env=False, timeout=30) as http:
            made = await http.post("/operator/v1/organizations", json={"name": name}, headers=operator)
            made.raise_for_status()
            return str(made.json()["api_key"])


@contextlib.contextmanager
def fleet(infra: Infra, service: str, count: int, more: Mapping[str, str] | None = None) -> Iterator[Fleet]:
    """Run `count` processes of a service whose peers all say yes to everything; `more` is added to the environment."""
    names = [f"{service}-{number}" for number in range(1, count + 1)]
    # A proof prints one line; the peers' server would say each time that it ends.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    ports = infra.folder.ports(f"fleet of {service}", count)
    with serve(yes_to_everything()) as peer_url:
        site = Site(
            infra=infra,
            ports=dict(zip(names, ports, strict=True)) | dict.fromkeys(SERVICES, 0),
            env="test",
            detached=False,
            inherited=inherited(with_vendor_keys=False),
        )
        peers = {f"{peer.upper()}_URL": peer_url for peer in SERVICES}
        processes = [ServiceProcess(site, name, "api", {**peers, **(more or {})}) for name in names]
        try:
            for process in processes:
                process.launch()
            for process in processes:
                process.wait()
            yield Fleet(infra, processes)
        finally:
            for process in processes:
                process.kill()
                process.stop()


def yes_to_everything() -> ASGIApp:
    """Return every peer at once: consent is in force, and there is nothing to find."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(Request(scope, receive))(scope, receive, send)

    return app


def _answer(request: Request) -> Response:
    if request.url.path == "/holds":
        return JSONResponse(
            {"consents": {"ai_analysis": CONSENT_ID, "recording": CONSENT_ID, "transcription": CONSENT_ID}},
            headers=_CLOSES,
        )
    nothing = {"data": [], "has_more": False, "next_cursor": None, "results": [], "mode": "hybrid"}
    return JSONResponse(nothing, headers=_CLOSES)
