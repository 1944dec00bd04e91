"""Consents: checked here for who they are about, kept by the consent service."""

from contextlib import suppress
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from libs.common.client_time import Instant
from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from libs.contracts.formats import IpText, canonical_ip
from libs.contracts.ids import PatientId
from libs.contracts.metadata import Metadata
from libs.contracts.purposes import Purpose
from services.gateway.api.proxying import accepted_of, as_json, params_of
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict, asked
from services.gateway.clients import Peer
from services.gateway.domain import Role, require_right_to_record
from services.gateway.handlers import Users

TEXT_MAX = 500
DOCUMENT_CHARS_MAX = 200_000


Method = Literal["electronic", "written", "verbal"]


class Origin(Strict):
    """Where the patient's decision came from, as your system saw it."""

    ip: IpText | None = None
    user_agent: str | None = Field(None, max_length=TEXT_MAX)


class GrantRequest(Strict):
    """A patient's yes to one purpose.

    What was agreed to has to be told: by `document` (only its SHA-256 is kept), by that digest, or by a published
    version's id.
    """

    patient_id: UUID
    therapist_id: UUID
    consent_type: Purpose
    document: str | None = Field(None, max_length=DOCUMENT_CHARS_MAX)
    document_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    document_id: UUID | None = Field(None, description="A version of POST /consent-documents.")
    method: Method = Field("electronic", description="How it was told; `verbal` needs a witness.")
    metadata: Metadata = Field(default_factory=dict)
    attested: Origin | None = None
    witnessed_by: UUID | None = Field(None, description="The therapist who recorded it; needs consent:witnessed.")


class RevokeRequest(Strict):
    """Taking a consent back."""

    method: Method = Field("electronic", description="How it was told.")
    attested: Origin | None = None
    reason: str | None = Field(None, max_length=TEXT_MAX)


class ConsentQuery(Strict):
    """Which consents to list."""

    patient_id: UUID | None = None
    therapist_id: UUID | None = None
    consent_type: Purpose | None = None
    status: Annotated[str, Field(pattern="^(granted|revoked)$")] | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


class HistoryQuery(Strict):
    """Which part of the history."""

    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


def add_consents(registry: RouteRegistry, consent: Peer, users: Users) -> None:
    """Add the routes."""
    _add_decisions(registry, consent, users)

    async def list_consents(caller: Caller, request: Request, wanted: Annotated[ConsentQuery, Query()]) -> Response:
        """List consent records, newest first. In FHIR it is a Bundle of this page."""
        form, params = accepted_of(request), params_of(wanted)
        query = asked(caller, "listConsents", PatientId(wanted.patient_id) if wanted.patient_id else None)
        return as_json(await consent.ask(query, "GET", "/consents", params=params, headers=form))

    async def get_consent(caller: Caller, request: Request, consent_id: UUID) -> Response:
        """Read one consent record with its receipt, or as a FHIR R4 Consent."""
        query, form = asked(caller, "getConsent"), accepted_of(request)
        return as_json(await consent.ask(query, "GET", f"/consents/{consent_id}", headers=form))

    async def patient_consents(
        caller: Caller, request: Request, patient_id: UUID, as_of: Instant | None = None
    ) -> Response:
        """What a patient allows now, or allowed at `as_of`: the newest record per therapist and purpose."""
        await users.require((patient_id, Role.PATIENT))
        query, form = asked(caller, "getPatientConsents", PatientId(patient_id)), accepted_of(request)
        params = {"as_of": as_of.isoformat()} if as_of else None
        path = f"/patients/{patient_id}/consents"
        return as_json(await consent.ask(query, "GET", path, params=params, headers=form))

    async def history(caller: Caller, patient_id: UUID, wanted: Annotated[HistoryQuery, Query()]) -> Response:
        """A patient's entries in the ledger, newest first."""
        await users.require((patient_id, Role.PATIENT))
        query = asked(caller, "getConsentHistory", PatientId(patient_id))
        path = f"/patients/{patient_id}/consents/history"
        return as_json(await consent.ask(query, "GET", path, params=params_of(wanted)))

    registry.open("listConsents", list_consents)
    registry.open("getConsent", get_consent)
    registry.open("getPatientConsents", patient_consents)
    registry.open("getConsentHistory", history)


def _add_decisions(registry: RouteRegistry, consent: Peer, users: Users) -> None:
    async def grant(caller: Caller, request: Request, body: GrantRequest) -> Response:
        """Record that a patient consents. The receipt proves later that this entry was in the ledger.

        When consent to the same text is in force already, nothing is recorded and that one is answered, with 200.
        """
        require_right_to_record(caller, is_witnessed=body.witnessed_by is not None)
        # Only here are users known: the consent service would take any id for a patient's.
        witness = [(body.witnessed_by, Role.THERAPIST)] if body.witnessed_by else []
        await users.require((body.patient_id, Role.PATIENT), (body.therapist_id, Role.THERAPIST), *witness)
        sent = body.model_dump(mode="json", exclude_none=True) | {"observed": _observed(request)}
        query = asked(caller, "grantConsent", PatientId(body.patient_id))
        answer = await consent.ask(query, "POST", "/consents", json=sent)
        return as_json(answer, {"Location": f"/api/v1/consents/{answer.json()['id']}"})

    async def revoke(caller: Caller, request: Request, consent_id: UUID, body: RevokeRequest | None = None) -> Response:
        """Take a consent back. When this has answered, nothing new is stored or shown under it."""
        given = body.model_dump(mode="json", exclude_none=True) if body else {}
        sent = given | {"observed": _observed(request)}
        return as_json(
            await consent.ask(asked(caller, "revokeConsent"), "POST", f"/consents/{consent_id}/revoke", json=sent)
        )

    registry.open("grantConsent", grant)
    registry.open("revokeConsent", revoke)


def _observed(request: Request) -> dict[str, str]:
    seen: dict[str, str] = {}
    agent = request.headers.get("user-agent")
    if agent:
        # Cut and not refused: a long user agent must not keep a patient from revoking.
        seen["user_agent"] = agent[:TEXT_MAX]
    # A proxy may connect over a socket, which has no address; IPv6 may name an interface, which is ours.
    if request.client:
        with suppress(ValueError):
            seen["ip"] = canonical_ip(request.client.host.partition("%")[0])
    return seen
