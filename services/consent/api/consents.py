"""HTTP routes for consents, called by the gateway and by services that need a consent before they work."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from libs.common.client_time import Instant
from libs.common.database.paging import PAGE_DEFAULT, PAGE_MAX, Window
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.contracts.formats import IpText
from libs.contracts.ids import ConsentId, PatientId, TherapistId
from libs.contracts.metadata import Metadata
from libs.contracts.purposes import Purpose
from services.consent.api.answering import many, one
from services.consent.api.rendering import consent_json, entry_json, receipt_json
from services.consent.domain import ConsentParties, Method, Origin, Status, document_digest, is_text
from services.consent.handlers import Circumstances, Consents, GrantConsent
from services.consent.ports import ConsentFilter

DOCUMENT_CHARS_MAX = 200_000
METADATA_CHARS_MAX = 8_000
TEXT_MAX = 500
_SHA256_OF_NOTHING = document_digest("").hex()

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def _plain(value: str) -> str:
    # PostgreSQL rejects NUL in text columns.
    return value.replace("\x00", " ")


Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_plain)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class OriginIn(_Request):
    """Where a decision came from: IP address and user agent, both optional."""

    ip: IpText | None = None
    user_agent: Text | None = None

    def to_origin(self) -> Origin:
        """Return the domain object."""
        return Origin(self.ip, self.user_agent)


class GrantRequest(_Request):
    """A grant of consent by a patient.

    Identifies the text that was agreed to: `document` is the exact text shown (only its SHA-256 is stored),
    `document_sha256` its digest, `document_id` a published version (POST /consent-documents).
    """

    patient_id: UUID
    therapist_id: UUID
    consent_type: Purpose
    document: str | None = Field(None, max_length=DOCUMENT_CHARS_MAX)
    document_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    document_id: UUID | None = None
    method: Method = Method.ELECTRONIC
    metadata: Metadata = Field(default_factory=dict)
    attested: OriginIn = OriginIn()
    observed: OriginIn = OriginIn()
    witnessed_by: UUID | None = None

    def to_grant(self) -> GrantConsent:
        """Return the domain object. Raises AppError(INVALID_REQUEST) without a text, or without a required witness."""
        if self.method is Method.VERBAL and self.witnessed_by is None:
            raise _invalid("/body/witnessed_by", "A verbal consent needs a witness.")
        if self.document is None and self.document_sha256 is None and self.document_id is None:
            raise _invalid("/body/document", "Send the consent text, its SHA-256, or a document_id.")
        if self.document is not None and not is_text(self.document):
            raise _invalid("/body/document", "Must not be empty.")
        if self.document_sha256 == _SHA256_OF_NOTHING:
            raise _invalid("/body/document_sha256", "Must not be the SHA-256 of an empty text.")
        return GrantConsent(
            parties=ConsentParties(PatientId(self.patient_id), TherapistId(self.therapist_id), self.consent_type),
            circumstances=Circumstances(
                self.observed.to_origin(),
                self.attested.to_origin(),
                _metadata_text(self.metadata),
                method=self.method,
            ),
            document_sha256=self._digest(),
            document_id=self.document_id,
            witness_id=TherapistId(self.witnessed_by) if self.witnessed_by else None,
        )

    def _digest(self) -> bytes | None:
        given = bytes.fromhex(self.document_sha256) if self.document_sha256 else None
        if self.document is None:
            return given
        digest = document_digest(self.document)
        # A mismatch means that the client hashed another text, or in another encoding.
        if given not in (None, digest):
            raise _invalid("/body/document_sha256", "Does not match the SHA-256 of `document`.")
        return digest


class RevokeRequest(_Request):
    """A revocation of a consent."""

    observed: OriginIn = OriginIn()
    attested: OriginIn = OriginIn()
    reason: Text | None = None
    method: Method = Method.ELECTRONIC

    def to_circumstances(self) -> Circumstances:
        """Return the domain object."""
        return Circumstances(
            self.observed.to_origin(), self.attested.to_origin(), reason=self.reason, method=self.method
        )


class HoldRequest(_Request):
    """Asks whether consent to all of these purposes is in force. Without a therapist: with any of the patient's."""

    patient_id: UUID
    therapist_id: UUID | None = None
    purposes: list[Purpose] = Field(min_length=1, max_length=len(Purpose))


def add_consents(router: APIRouter, consents: Consents) -> None:
    """Add the routes."""
    _add_decisions(router, consents)
    _add_reads(router, consents)


def _add_decisions(router: APIRouter, consents: Consents) -> None:
    @router.post("/consents", status_code=201)
    async def grant(request: GrantRequest) -> Response:
        """Record a grant (201), or return the one in force for the same text (200)."""
        granted = await consents.grant(request.to_grant())
        return JSONResponse(consent_json(granted.consent), status_code=201 if granted.is_new else 200)

    @router.post("/consents/{consent_id}/revoke")
    async def revoke(consent_id: UUID, request: RevokeRequest) -> dict[str, Any]:
        """Revoke a consent; the receipt is that of the revocation."""
        consent, entry = await consents.revoke(ConsentId(consent_id), request.to_circumstances())
        return consent_json(consent) | {"receipt": receipt_json(entry)}

    @router.get("/consents/{consent_id}/revocation")
    async def revocation(consent_id: UUID) -> dict[str, Any]:
        """Return the response of the revocation again, for a repeated request."""
        consent, entry = await consents.revocation(ConsentId(consent_id))
        return consent_json(consent) | {"receipt": receipt_json(entry)}

    @router.post("/holds")
    async def hold(request: HoldRequest) -> dict[str, Any]:
        """Return the consents in force for all purposes, or refuse and list the missing ones."""
        therapist_id = TherapistId(request.therapist_id) if request.therapist_id else None
        held = await consents.hold(PatientId(request.patient_id), therapist_id, request.purposes)
        return {"consents": {purpose.value: str(consent_id) for purpose, consent_id in held.items()}}


def _add_reads(router: APIRouter, consents: Consents) -> None:
    @router.get("/consents")
    async def page(request: Request, filters: Annotated[_Filter, Query()]) -> Response:
        """List consent records, newest first."""
        found = await consents.page(filters.to_filter(), Window.of(filters.limit, filters.cursor))
        return many(request, found.to_json(consent_json), found.rows)

    @router.get("/consents/{consent_id}")
    async def find(request: Request, consent_id: UUID) -> Response:
        """Return one consent record."""
        return one(request, await consents.find(ConsentId(consent_id)))

    @router.get("/patients/{patient_id}/consents")
    async def current(request: Request, patient_id: UUID, as_of: Instant | None = None) -> Response:
        """Return the patient's consents as of a time; the default is now."""
        rows = await consents.current(PatientId(patient_id), as_of)
        return many(request, {"data": [consent_json(row, as_of) for row in rows]}, rows)

    @router.get("/patients/{patient_id}/consents/history")
    async def history(patient_id: UUID, limit: Limit = PAGE_DEFAULT, cursor: str | None = None) -> dict[str, Any]:
        """Return the patient's ledger entries, newest first."""
        found = await consents.history(PatientId(patient_id), Window.of(limit, cursor))
        return found.to_json(entry_json)


class _Filter(_Request):
    patient_id: UUID | None = None
    therapist_id: UUID | None = None
    consent_type: Purpose | None = None
    status: Status | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None

    def to_filter(self) -> ConsentFilter:
        """Return the domain object."""
        return ConsentFilter(
            PatientId(self.patient_id) if self.patient_id else None,
            TherapistId(self.therapist_id) if self.therapist_id else None,
            self.consent_type,
            self.status,
        )


def _metadata_text(metadata: dict[str, Any]) -> str:
    # One spelling for one object: this text is what the ledger's digest covers.
    text = json.dumps(metadata, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    if len(text) > METADATA_CHARS_MAX:
        raise _invalid("/body/metadata", f"Must be at most {METADATA_CHARS_MAX} characters as JSON.")
    return text


def _invalid(pointer: str, detail: str) -> AppError:
    return AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[FieldError(pointer, detail)])
