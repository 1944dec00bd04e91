"""JSON rendering of consents, entries, receipts and consent texts."""

import base64
import json
from datetime import datetime
from typing import Any

from libs.common.clock import to_json_time
from services.consent.domain import Consent, Document, Entry, EvidenceState, InForceRow, Origin, line_of, micros


def consent_json(consent: Consent, as_of: datetime | None = None) -> dict[str, Any]:
    """Return a consent record with the receipt of its grant."""
    entry, evidence = consent.granted, consent.evidence
    observed = evidence.observed if evidence else Origin()
    attested = evidence.attested if evidence else Origin()
    return {
        "id": str(entry.consent_id),
        "organization_id": str(entry.organization_id),
        "patient_id": str(entry.parties.patient_id),
        "therapist_id": str(entry.parties.therapist_id),
        "consent_type": entry.parties.purpose.value,
        "status": consent.status.value,
        "granted_at": to_json_time(entry.at),
        "revoked_at": to_json_time(consent.revoked_at) if consent.revoked_at else None,
        "actor": entry.actor,
        "method": entry.method.value if entry.method else None,
        "document_sha256": entry.document_sha256.hex() if entry.document_sha256 else None,
        # What the integrator reports is the patient's; what the gateway sees may be the integrator's own server.
        "ip_address": attested.ip or observed.ip,
        "user_agent": attested.user_agent or observed.user_agent,
        "observed": {"ip": observed.ip, "user_agent": observed.user_agent},
        "attested": {"ip": attested.ip, "user_agent": attested.user_agent},
        "witnessed_by": str(entry.witness_id) if entry.witness_id else None,
        "metadata": json.loads(evidence.metadata_json) if evidence else {},
        "receipt": receipt_json(entry),
    } | ({"as_of": to_json_time(as_of)} if as_of else {})


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry of the ledger."""
    return {
        "id": str(entry.id),
        "consent_id": str(entry.consent_id),
        "patient_id": str(entry.parties.patient_id),
        "therapist_id": str(entry.parties.therapist_id),
        "consent_type": entry.parties.purpose.value,
        "status": entry.status.value,
        "at": to_json_time(entry.at),
        "actor": entry.actor,
        "method": entry.method.value if entry.method else None,
        "witnessed_by": str(entry.witness_id) if entry.witness_id else None,
        "document_sha256": entry.document_sha256.hex() if entry.document_sha256 else None,
        "evidence_sha256": entry.evidence_sha256.hex(),
        "receipt": receipt_json(entry),
    }


def receipt_json(entry: Entry) -> dict[str, Any]:
    """Return the receipt of an entry: its position in the chain, signed when the entry was written."""
    position = entry.position
    return {
        "organization_id": str(entry.organization_id),
        "seq": position.seq,
        "leaf": position.leaf.hex(),
        "prev_hash": position.prev_hash.hex(),
        "hash": position.hash.hex(),
    } | _signature(entry)


def line_json(entry: Entry, state: EvidenceState) -> dict[str, Any]:
    """Return an entry with every field needed to recompute its hashes."""
    return line_of(entry) | {"receipt": _signature(entry), "evidence": state.value}


def in_force_json(row: InForceRow) -> dict[str, Any]:
    """Return a row of the consents in force."""
    return {
        "kind": "in_force",
        "patient_id": str(row.parties.patient_id),
        "therapist_id": str(row.parties.therapist_id),
        "consent_type": row.parties.purpose.value,
        "consent_id": str(row.consent_id),
        "status": row.status.value,
        "at_us": micros(row.at),
        "at_seq": row.at_seq,
    }


def document_json(document: Document) -> dict[str, Any]:
    """Return a version of a consent text."""
    return {
        "id": str(document.id),
        "consent_type": document.purpose.value,
        "language": document.language,
        "version": document.version,
        "text": document.text,
        "sha256": document.sha256.hex(),
        "published_at": to_json_time(document.published_at),
        "published_by": document.actor,
    }


def _signature(entry: Entry) -> dict[str, str | None]:
    signature = entry.signature
    return {
        "key_id": signature.key_id if signature else None,
        "signature": base64.b64encode(signature.value).decode() if signature else None,
    }
