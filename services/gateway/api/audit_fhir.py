"""Audits as FHIR R4 (4.0.1) AuditEvents, read only: https://hl7.org/fhir/R4/auditevent.html."""

from typing import Any

MEDIA_TYPE = "application/fhir+json"
_TYPE = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "code": "rest",
    "display": "RESTful Operation",
}
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
_OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_OBJECT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OURS = "urn:therapyrag"
# (RESTful interaction, action: Create, Read, Update, Delete or Execute)
_ACTIONS = {
    "transcript.read": ("read", "R"),
    "transcript.corrected": ("update", "U"),
    "transcript.searched": ("search-type", "E"),
    "session.released": ("update", "U"),
    "session.held_back": ("update", "U"),
    "answer.given": ("operation", "E"),
    "conversation.read": ("read", "R"),
    "key.created": ("create", "C"),
    "key.replaced": ("update", "U"),
    "key.revoked": ("delete", "D"),
    "organization.changed": ("update", "U"),
    "user.created": ("create", "C"),
    "token.created": ("create", "C"),
    "token.revoked": ("delete", "D"),
}
_OBJECTS = {
    "session_id": "session",
    "transcript_id": "transcript",
    "message_id": "message",
    "conversation_id": "conversation",
    "key_id": "key",
    "organization_id": "organization",
    "user_id": "user",
    "token_id": "token",
}


def bundle_of(page: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a page of audits as a searchset."""
    links = []
    if page["next_cursor"]:
        links.append({"relation": "next", "url": f"{path}?cursor={page['next_cursor']}"})
    entries = [{"resource": resource_of(row), "search": {"mode": "match"}} for row in page["data"]]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def resource_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return one audit as an AuditEvent."""
    interaction, action = _ACTIONS[row["kind"]]
    return {
        "resourceType": "AuditEvent",
        "id": row["id"],
        "type": _TYPE,
        "subtype": [{"system": _RESTFUL, "code": interaction}],
        "action": action,
        "recorded": row["at"],
        # "0" is success in the standard: what was refused is no audit here but a line of the log.
        "outcome": "0",
        "agent": [_agent(row)],
        "source": {"observer": {"identifier": {"system": _OURS, "value": row["kind"].partition(".")[0]}}},
        "entity": [*_patient(row), *_objects(row)],
    }


def _agent(row: dict[str, Any]) -> dict[str, Any]:
    agent: dict[str, Any] = {
        "who": {"identifier": {"system": f"{_OURS}:actor", "value": row["actor"]}},
        "requestor": True,
    }
    # FHIR knows the acting person by `who`; the key that person used is only another id of the agent.
    if row["api_key_id"]:
        agent["altId"] = row["api_key_id"]
    return agent


def _patient(row: dict[str, Any]) -> list[dict[str, Any]]:
    if not row["patient_id"]:
        return []
    return [
        {
            "what": {"reference": f"Patient/{row['patient_id']}"},
            "type": {"system": _OBJECT_TYPE, "code": "1", "display": "Person"},
            "role": {"system": _OBJECT_ROLE, "code": "1", "display": "Patient"},
        }
    ]


def _objects(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "what": {"identifier": {"system": f"{_OURS}:{kind}", "value": row[name]}},
            "type": {"system": _OBJECT_TYPE, "code": "2", "display": "System Object"},
        }
        for name, kind in _OBJECTS.items()
        if row.get(name)
    ]
