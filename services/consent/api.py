"""HTTP in, from the gateway and from services that ask before they work."""

import json
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.clock import to_json_time
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.paging import PAGE_DEFAULT, PAGE_MAX, Window
from libs.contracts.ids import ConsentId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import Bond, Consent, Entry, Origin, Seal, Status, document_digest
from services.consent.handlers import Circumstances, Consents, Grant
from services.consent.ports import Wanted

DOCUMENT_CHARS_MAX = 200_000
METADATA_CHARS_MAX = 8_000
TEXT_MAX = 500

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def _plain(value: str) -> str:
    # PostgreSQL takes no NUL in text.
    return value.replace("\x00", " ")


def _address(value: str) -> str:
    return str(ip_address(value))


Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_plain)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class OriginIn(_Request):
    """An address and a program's name, as far as known."""

    ip: Annotated[str, Field(max_length=45), AfterValidator(_address)] | None = None
    user_agent: Text | None = None

    def to_origin(self) -> Origin:
        """Return the domain's form."""
        return Origin(self.ip, self.user_agent)


class GrantRequest(_Request):
    """A patient's yes. `document` is the exact text that was shown (only its SHA-256 is kept), or send the digest."""

    patient_id: UUID
    therapist_id: UUID
    consent_type: Purpose
    document: str | None = Field(None, max_length=DOCUMENT_CHARS_MAX)
    document_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    metadata: dict[str, Any] = Field(default_factory=dict)
    attested: OriginIn = OriginIn()
    observed: OriginIn = OriginIn()
    witnessed_by: UUID | None = None

    def to_grant(self) -> Grant:
        """Return the domain's form; raise AppError(INVALID_REQUEST)."""
        return Grant(
            bond=Bond(PatientId(self.patient_id), TherapistId(self.therapist_id), self.consent_type),
            circumstances=Circumstances(
                self.observed.to_origin(), self.attested.to_origin(), _metadata_text(self.metadata)
            ),
            document_sha256=self._digest(),
            witness_id=TherapistId(self.witnessed_by) if self.witnessed_by else None,
        )

    def _digest(self) -> bytes | None:
        given = bytes.fromhex(self.document_sha256) if self.document_sha256 else None
        if self.document is None:
            return given
        digest = document_digest(self.document)
        if given not in (None, digest):
            raise _invalid("/body/document_sha256", "It is not the SHA-256 of the document that came with it.")
        return digest


class RevokeRequest(_Request):
    """Taking a consent back."""

    observed: OriginIn = OriginIn()
    reason: Text | None = None


class HoldRequest(_Request):
    """May these purposes be pursued now? Without a therapist: with any of the patient's therapists."""

    patient_id: UUID
    therapist_id: UUID | None = None
    purposes: list[Purpose] = Field(min_length=1, max_length=len(Purpose))


def build_router(consents: Consents) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()
    _add_decisions(router, consents)
    _add_reads(router, consents)
    return router


def _add_decisions(router: APIRouter, consents: Consents) -> None:
    @router.post("/consents", status_code=201)
    async def grant(request: GrantRequest) -> dict[str, Any]:
        """Write a grant down."""
        return _consent(await consents.grant(request.to_grant()))

    @router.post("/consents/{consent_id}/revoke")
    async def revoke(consent_id: UUID, request: RevokeRequest) -> dict[str, Any]:
        """Take a consent back; the receipt is the revocation's."""
        circumstances = Circumstances(request.observed.to_origin(), reason=request.reason)
        consent, entry = await consents.revoke(ConsentId(consent_id), circumstances)
        return _consent(consent) | {"receipt": _receipt(entry.seal)}

    @router.post("/holds")
    async def hold(request: HoldRequest) -> dict[str, Any]:
        """Answer the consents in force for all purposes, or refuse with those that are missing."""
        therapist_id = TherapistId(request.therapist_id) if request.therapist_id else None
        held = await consents.hold(PatientId(request.patient_id), therapist_id, request.purposes)
        return {"consents": {purpose.value: str(consent_id) for purpose, consent_id in held.items()}}


def _add_reads(router: APIRouter, consents: Consents) -> None:
    @router.get("/consents")
    async def page(wanted: Annotated[_Filter, Query()]) -> dict[str, Any]:
        """List consent records, newest first."""
        found = await consents.page(wanted.to_wanted(), Window.of(wanted.limit, wanted.cursor))
        return found.to_json(_consent)

    @router.get("/consents/{consent_id}")
    async def find(consent_id: UUID) -> dict[str, Any]:
        """Return one consent record."""
        return _consent(await consents.find(ConsentId(consent_id)))

    @router.get("/patients/{patient_id}/consents")
    async def current(patient_id: UUID, as_of: AwareDatetime | None = None) -> dict[str, Any]:
        """Return what stood for this patient at a time, now if none is named."""
        return {"data": [_consent(row, as_of) for row in await consents.current(PatientId(patient_id), as_of)]}

    @router.get("/patients/{patient_id}/consents/history")
    async def history(patient_id: UUID, limit: Limit = PAGE_DEFAULT, cursor: str | None = None) -> dict[str, Any]:
        """Return the patient's ledger entries, newest first."""
        found = await consents.history(PatientId(patient_id), Window.of(limit, cursor))
        return found.to_json(_entry)


class _Filter(_Request):
    patient_id: UUID | None = None
    therapist_id: UUID | None = None
    consent_type: Purpose | None = None
    status: Status | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None

    def to_wanted(self) -> Wanted:
        """Return the domain's form."""
        return Wanted(
            PatientId(self.patient_id) if self.patient_id else None,
            TherapistId(self.therapist_id) if self.therapist_id else None,
            self.consent_type,
            self.status,
        )


def _consent(consent: Consent, as_of: datetime | None = None) -> dict[str, Any]:
    entry, evidence = consent.granted, consent.evidence
    observed = evidence.observed if evidence else Origin()
    attested = evidence.attested if evidence else Origin()
    return {
        "id": str(entry.consent_id),
        "organization_id": str(entry.organization_id),
        "patient_id": str(entry.bond.patient_id),
        "therapist_id": str(entry.bond.therapist_id),
        "consent_type": entry.bond.purpose.value,
        "status": consent.status.value,
        "granted_at": to_json_time(entry.at),
        "revoked_at": _time(consent.revoked_at),
        "document_sha256": entry.document_sha256.hex() if entry.document_sha256 else None,
        "ip_address": attested.ip or observed.ip,
        "user_agent": attested.user_agent or observed.user_agent,
        "observed": {"ip": observed.ip, "user_agent": observed.user_agent},
        "attested": {"ip": attested.ip, "user_agent": attested.user_agent},
        "witnessed_by": str(entry.witness_id) if entry.witness_id else None,
        "metadata": json.loads(evidence.metadata_json) if evidence else {},
        "receipt": _receipt(entry.seal),
    } | ({"as_of": to_json_time(as_of)} if as_of else {})


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "consent_id": str(entry.consent_id),
        "patient_id": str(entry.bond.patient_id),
        "therapist_id": str(entry.bond.therapist_id),
        "consent_type": entry.bond.purpose.value,
        "status": entry.status.value,
        "at": to_json_time(entry.at),
        "actor": entry.actor,
        "witnessed_by": str(entry.witness_id) if entry.witness_id else None,
        "document_sha256": entry.document_sha256.hex() if entry.document_sha256 else None,
        "evidence_sha256": entry.evidence_sha256.hex(),
        "receipt": _receipt(entry.seal),
    }


def _receipt(seal: Seal) -> dict[str, Any]:
    return {"seq": seal.seq, "leaf": seal.leaf.hex(), "prev_hash": seal.prev_hash.hex(), "hash": seal.hash.hex()}


def _time(at: datetime | None) -> str | None:
    return to_json_time(at) if at else None


def _metadata_text(metadata: dict[str, Any]) -> str:
    text = json.dumps(metadata, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    if len(text) > METADATA_CHARS_MAX:
        raise _invalid("/body/metadata", f"It may have {METADATA_CHARS_MAX} characters as JSON.")
    return text


def _invalid(pointer: str, detail: str) -> AppError:
    return AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[FieldError(pointer, detail)])
