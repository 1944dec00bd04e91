"""Consents as FHIR R4 (4.0.1) resources, read only: https://hl7.org/fhir/R4/consent.html."""

from collections.abc import Sequence
from typing import Any

from libs.common.clock import to_json_time
from libs.contracts.purposes import Purpose
from services.consent.domain import Consent, Entry, Status

MEDIA_TYPE = "application/fhir+json"
_CODES = "http://terminology.hl7.org/CodeSystem"
_OWN = "urn:therapyrag"
_SCOPE = {"coding": [{"system": f"{_CODES}/consentscope", "code": "patient-privacy", "display": "Privacy Consent"}]}
_CATEGORY = {"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]}
_OPT_IN = {"coding": [{"system": f"{_CODES}/v3-ActCode", "code": "OPTIN", "display": "opt-in"}]}
# The actions each purpose permits, as codes of the FHIR value set consent-action.
_ACTIONS = {
    Purpose.RECORDING: ("collect",),
    Purpose.TRANSCRIPTION: ("use",),
    Purpose.AI_ANALYSIS: ("access", "use"),
}


def resource_of(consent: Consent) -> dict[str, Any]:
    """Return a FHIR Consent: `active` if in force, `inactive` if revoked."""
    entry = consent.granted
    return {
        "resourceType": "Consent",
        "id": str(entry.consent_id),
        "meta": {"lastUpdated": to_json_time(consent.revoked_at or entry.at)},
        "identifier": [{"system": f"{_OWN}:ledger:{entry.organization_id}", "value": str(entry.position.seq)}],
        "status": "active" if consent.status is Status.GRANTED else "inactive",
        "scope": _SCOPE,
        "category": [_CATEGORY],
        "patient": {"reference": f"Patient/{entry.parties.patient_id}"},
        "dateTime": to_json_time(entry.at),
        "performer": [{"reference": f"Patient/{entry.parties.patient_id}"}],
        "organization": [{"reference": f"Organization/{entry.organization_id}"}],
        **_policy(entry),
        **_verification(entry),
        "provision": _provision(consent),
    }


def bundle_of(consents: Sequence[Consent], next_cursor: str | None) -> dict[str, Any]:
    """Return a searchset bundle of consents with a `next` link. FHIR forbids empty lists, so they are left out."""
    link = [{"relation": "next", "url": f"?cursor={next_cursor}"}] if next_cursor else []
    entries = [
        {
            "fullUrl": f"urn:uuid:{consent.granted.consent_id}",
            "resource": resource_of(consent),
            "search": {"mode": "match"},
        }
        for consent in consents
    ]
    filled = {name: rows for name, rows in (("link", link), ("entry", entries)) if rows}
    return {"resourceType": "Bundle", "type": "searchset", **filled}


def _policy(entry: Entry) -> dict[str, Any]:
    # Constraint ppc-1 requires a policy or a policyRule. The policy is the text that was shown, named by its digest.
    if entry.document_sha256 is None:
        return {"policyRule": _OPT_IN}
    return {
        "policy": [{"uri": f"{_OWN}:consent-document:sha-256:{entry.document_sha256.hex()}"}],
        "policyRule": _OPT_IN,
    }


def _verification(entry: Entry) -> dict[str, Any]:
    if entry.witness_id is None:
        return {}
    return {
        "verification": [
            {
                "verified": True,
                "verifiedWith": {"reference": f"Patient/{entry.parties.patient_id}"},
                "verificationDate": to_json_time(entry.at),
            }
        ]
    }


def _provision(consent: Consent) -> dict[str, Any]:
    entry = consent.granted
    purpose = entry.parties.purpose
    period = {"start": to_json_time(entry.at)}
    if consent.revoked_at:
        period["end"] = to_json_time(consent.revoked_at)
    actors = [("PRCP", entry.parties.therapist_id)] + ([("WIT", entry.witness_id)] if entry.witness_id else [])
    return {
        "type": "permit",
        "period": period,
        "actor": [
            {
                "role": {"coding": [{"system": f"{_CODES}/v3-ParticipationType", "code": role}]},
                "reference": {"reference": f"Practitioner/{who}"},
            }
            for role, who in actors
        ],
        "action": [{"coding": [{"system": f"{_CODES}/consentaction", "code": code}]} for code in _ACTIONS[purpose]],
        "purpose": [{"system": f"{_CODES}/v3-ActReason", "code": "TREAT", "display": "treatment"}],
        "code": [{"coding": [{"system": f"{_OWN}:purpose", "code": purpose.value}]}],
    }
