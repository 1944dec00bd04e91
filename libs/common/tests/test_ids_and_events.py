"""Ids sort by time or derive from their cause; an envelope survives the wire."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import pytest

from libs.common.derived_ids import derived_id
from libs.common.events import Catalogue, Envelope, Event
from libs.common.ids import new_id


class Measured(Event):
    """Something was measured."""

    type: ClassVar[str] = "thing.measured"
    topic: ClassVar[str] = "thing"
    key_field: ClassVar[str] = "tenant_id"

    tenant_id: UUID
    count: int


def test_new_ids_are_version_7_and_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(1000)]

    assert {made.version for made in ids} == {7}
    assert [made.int >> 80 for made in ids] == sorted(made.int >> 80 for made in ids)
    assert len(set(ids)) == len(ids)


def test_a_derived_id_is_the_same_for_the_same_cause_and_another_for_another_name() -> None:
    cause = new_id()

    assert derived_id(cause, "a", "b") == derived_id(cause, "a", "b")
    assert derived_id(cause, "a", "b") != derived_id(cause, "ab")


def test_an_envelope_is_read_as_it_was_written() -> None:
    at = datetime(2026, 3, 3, 15, 0, 0, 123000, UTC)
    sent = Envelope(new_id(), "thing.measured", 1, "thing", "k", at, {"count": 1}, {"traceparent": "x"})

    assert Envelope.from_json(sent.to_json()) == sent


def test_the_catalogue_reads_an_event_and_refuses_what_it_does_not_know() -> None:
    catalogue = Catalogue([Measured])
    fact = Measured(tenant_id=new_id(), count=2)
    sent = Envelope(new_id(), fact.type, 1, fact.topic, fact.key, datetime.now(UTC), fact.payload())

    read = catalogue.read(sent)

    assert (read.payload(), read.published_at) == (fact.payload(), sent.at)
    with pytest.raises(KeyError):
        catalogue.read(Envelope(new_id(), "thing.lost", 1, "thing", "k", datetime.now(UTC), {}))
