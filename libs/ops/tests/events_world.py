"""An operator at a terminal with the real stores: facts in the archives, streams of its own, sessions and consents."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from redis import Redis
from typer.testing import CliRunner, Result

from libs.common.clock import utc_now
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId
from libs.devstack.infra import Infra
from libs.ops.main import app
from libs.ops.rest.connection import Connection

OWN_REDIS = 9
ALL_PURPOSES = ("recording", "transcription", "ai_analysis")
SECRET_WORD = "a sentence nobody may read"


@dataclass(frozen=True)
class Case:
    """One session's ids."""

    organization_id: UUID = field(default_factory=new_id)
    patient_id: UUID = field(default_factory=new_id)
    therapist_id: UUID = field(default_factory=new_id)
    session_id: UUID = field(default_factory=new_id)

    def payload(self, **more: Any) -> dict[str, Any]:
        """The ids as an event carries them."""
        names = ("organization_id", "patient_id", "therapist_id", "session_id")
        return {name: str(getattr(self, name)) for name in names} | more


class World:
    """Verbs of the tests. Redis is a database of its own, empty at first; the archive is shared with other tests."""

    def __init__(self, infra: Infra) -> None:
        self.infra = infra
        redis_url = urlunsplit(urlsplit(infra.redis_url)._replace(path=f"/{OWN_REDIS}"))
        self.redis = Redis.from_url(redis_url, decode_responses=True)
        self.redis.flushdb()
        self.connection = Connection("http://nowhere.invalid", database_url=infra.ops_database_url, redis_url=redis_url)
        self.admin = psycopg.connect(infra.admin_url, autocommit=True)

    def close(self) -> None:
        """Give everything back."""
        self.redis.flushdb()
        self.redis.close()
        self.admin.close()

    def types(self, *words: object) -> Result:
        """Run one command line."""
        return CliRunner().invoke(app, [str(word) for word in words], obj=self.connection)

    def json(self, *words: object) -> Any:
        """Run one command line that succeeds, and read what it prints for programs."""
        result = self.types(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def case(self, *purposes: str, status: str = "ready") -> Case:
        """A session with these purposes in force."""
        case = Case()
        with self.admin.transaction():
            # Its guards ask for a capability, which is not what is tested here.
            self.admin.execute("set local session_replication_role = replica")
            self.admin.execute(
                "insert into ingestion.session (organization_id, patient_id, session_id, therapist_id, consent_id, "
                "session_date, language, status, stage_times, metadata, created_at, updated_at) "
                "values (%s, %s, %s, %s, %s, now(), 'en', %s, '{}', '{}', now(), now())",
                (case.organization_id, case.patient_id, case.session_id, case.therapist_id, new_id(), status),
            )
        with self.admin.transaction():
            # What is in force follows from the ledger's entries; a test may say so without any.
            self.admin.execute("alter table consent.current disable trigger by_entries_only")
            for purpose in purposes:
                self.admin.execute(
                    "insert into consent.current (organization_id, patient_id, therapist_id, consent_type, consent_id, "
                    "status, granted_at) values (%s, %s, %s, %s, %s, 'granted', now())",
                    (case.organization_id, case.patient_id, case.therapist_id, purpose, new_id()),
                )
            self.admin.execute("alter table consent.current enable always trigger by_entries_only")
        return case

    def fact(self, schema: str, type_: str, case: Case, *, age_s: float = 0, **more: Any) -> Envelope:
        """Archive a fact, with a capability that lives for `lives_s` more seconds."""
        lives_s = more.pop("lives_s", 3600)
        subject = type_.partition(".")[0]
        topic = more.pop("topic", {"transcription": "transcript"}.get(subject, subject))
        xid = more.pop("xid", None)
        at = utc_now() - timedelta(seconds=age_s)
        headers = {"capability": self.capability(case, lives_s), "traceparent": "00-1-2-01"}
        envelope = Envelope(new_id(), type_, 1, topic, str(case.session_id), at, case.payload(**more), headers)
        self.admin.execute(
            f"insert into {schema}.outbox (id, topic, key, type, version, payload, headers, at, xid) "
            "values (%s, %s, %s, %s, 1, %s, %s, %s, coalesce(%s::text::xid8, pg_current_xact_id()))",
            (
                envelope.id,
                topic,
                envelope.key,
                type_,
                json.dumps(envelope.payload),
                json.dumps(envelope.headers),
                at,
                xid,
            ),
        )
        return envelope

    def uploaded(self, case: Case, **more: Any) -> Envelope:
        """A recording was uploaded; its language is said in words that nobody may see."""
        return self.fact("ingestion", "recording.uploaded", case, language=SECRET_WORD, size_bytes=7, **more)

    def capability(self, case: Case, lives_s: float) -> str:
        """A token for the case's organization."""
        expires_at = utc_now() + timedelta(seconds=lives_s)
        claims = Claims(OrganizationId(case.organization_id), "test", frozenset({"none"}), expires_at, new_id())
        return Minter(self.infra.capability_key_id, self.infra.capability_key).mint(claims)

    def applied(self, group: str, envelope: Envelope, epoch: int = 0, name: str | None = None) -> None:
        """Note that a group has applied an event."""
        self.admin.execute(
            f"insert into {group}.inbox (grp, event_id, epoch) values (%s, %s, %s)",
            (name or group, envelope.id, epoch),
        )

    def published(self, envelope: Envelope, *groups: str) -> str:
        """Put an event on its stream, with these groups on it; return the entry's id."""
        stream = f"{{{envelope.topic}}}:s"
        entry_id = str(self.redis.xadd(stream, {"d": envelope.to_json()}))
        for group in groups:
            self.redis.xgroup_create(stream, group, id="0", mkstream=True)
        return entry_id

    def relayed(self, envelope: Envelope) -> None:
        """Set the relay's cursor to an event."""
        (place,) = self.admin.execute(
            "select s.system_identifier::text || ':' || o.xid::text || ':' || o.seq from pg_control_system() s, "
            f"{'ingestion' if envelope.topic in ('recording', 'session') else 'transcriber'}.outbox o where id = %s",
            (envelope.id,),
        ).fetchone() or ("",)
        self.redis.set(f"{{{envelope.topic}}}:cur", place)

    def dead(self, envelope: Envelope, group: str, why: str = "internal", age_s: float = 0) -> str:
        """Dead-letter an event; return the entry's id."""
        at_ms = int((datetime.now(UTC) - timedelta(seconds=age_s)).timestamp() * 1000)
        fields = {"d": envelope.to_json(), "_why": why, "_place": "handlers.py:1", "_id": "1-0", "_attempts": "4"}
        kept: dict[Any, Any] = fields | {"_epoch": "0", "_consumer": "c", "_at_ms": str(at_ms)}
        return str(self.redis.xadd(f"{{{envelope.topic}}}:dlq:{group}", kept))

    def sent_to(self, topic: str, group: str) -> list[dict[str, Any]]:
        """What was given to a group by hand: id, attempt and epoch of each."""
        entries: Any = self.redis.xrange(f"{{{topic}}}:r:{group}")
        return [
            {"id": json.loads(fields["d"])["id"], "attempt": int(fields["n"]), "epoch": int(fields["e"])}
            for _, fields in entries
        ]

    def record(self, what: str) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """The record of one kind of action since this world began: state, who, arguments, counts."""
        found = self.admin.execute(
            "select state, who, arguments, counts from ops.action where what = %s and at >= %s order by id",
            (what, self.began_at),
        )
        return [(row[0], row[1], row[2], row[3]) for row in found]

    @property
    def began_at(self) -> datetime:
        """When this world's test began, by the database's clock."""
        if not hasattr(self, "_began_at"):
            (self._began_at,) = self.admin.execute("select clock_timestamp()").fetchone() or (utc_now(),)
        began_at: datetime = self._began_at
        return began_at

    def state(self) -> str:
        """Everything in Redis, to compare before and after."""
        keys: Any = sorted(self.redis.keys("*"))
        return json.dumps([(key, str(self.redis.dump(key))) for key in keys])


@contextmanager
def opened(infra: Infra) -> Iterator[World]:
    """Open a world for one test."""
    made = World(infra)
    assert made.began_at
    try:
        yield made
    finally:
        made.close()
