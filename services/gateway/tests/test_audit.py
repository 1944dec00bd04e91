"""The audits of several services as one list, newest first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.audit import AuditEntry
from services.gateway.api.audit import merged
from services.gateway.api.audit_fhir import bundle_of

START = datetime(2026, 11, 24, 15, tzinfo=UTC)


def _row(minute: int, kind: str = "transcript.read") -> dict[str, Any]:
    about = {"session_id": str(UUID(int=9))} if kind.startswith("transcript") else {"message_id": str(UUID(int=8))}
    at = START + timedelta(minutes=minute)
    return AuditEntry(UUID(int=minute), at, kind, "key:4fGh7Jk2MnPq", "4fGh7Jk2MnPq", UUID(int=7), about).to_json()  # type: ignore[arg-type]  # a test's own kinds


def _page(*minutes: int, has_more: bool = False, kind: str = "transcript.read") -> dict[str, Any]:
    return {"data": [_row(minute, kind) for minute in minutes], "has_more": has_more, "next_cursor": None}


def test_rows_of_all_sources_come_in_the_order_of_time() -> None:
    page = merged([_page(9, 5, 1), _page(8, 2, kind="answer.given")], limit=10)

    assert [row["id"] for row in page["data"]] == [str(UUID(int=minute)) for minute in (9, 8, 5, 2, 1)]
    assert (page["has_more"], page["next_cursor"]) == (False, None)


def test_the_cursor_stands_at_the_last_row_that_was_given_whoever_it_is_of() -> None:
    page = merged([_page(9, 5, has_more=True), _page(8, 2)], limit=3)

    assert len(page["data"]) == 3
    assert page["next_cursor"] == _row(5)["cursor"]
    assert "cursor" not in page["data"][0]


def test_more_in_a_source_is_more_in_the_list() -> None:
    assert merged([_page(9, has_more=True), _page()], limit=3)["has_more"]


@pytest.mark.parametrize(
    ("kind", "action"),
    [("transcript.read", "R"), ("transcript.searched", "E"), ("answer.given", "E"), ("conversation.read", "R")],
)
def test_a_row_is_a_fhir_audit_event_with_all_that_the_standard_requires(kind: str, action: str) -> None:
    bundle = bundle_of(merged([_page(1, kind=kind)], limit=1), "/api/v1/audit-events")

    [entry] = bundle["entry"]
    event = entry["resource"]

    assert event["resourceType"] == "AuditEvent"
    assert {"type", "recorded", "agent", "source"} <= set(event)
    assert event["agent"][0]["requestor"] is True
    assert event["source"]["observer"]["identifier"]["value"]
    assert (event["action"], event["outcome"]) == (action, "0")
    assert event["entity"][0]["what"]["reference"] == f"Patient/{UUID(int=7)}"
