"""What is true when all is quiet again, read as a superuser and from Redis itself: every violation by its name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row
from redis import Redis

from libs.contracts.services import SERVICES
from tests.chaos.poison import REASONS
from tests.chaos.workload import Patient, Upload

FINAL = frozenset({"ready", "failed", "withheld"})
# Which group answers which fact of whose outbox: each fact must be in that group's inbox, as done or as failed.
ANSWERED = (
    ("ingestion", "recording.uploaded", "transcriber"),
    ("transcriber", "transcription.started", "ingestion"),
    ("transcriber", "transcription.failed", "ingestion"),
    ("transcriber", "transcript.ready", "ingestion"),
    ("transcriber", "transcript.ready", "embedder"),
    ("transcriber", "transcript.withheld", "ingestion"),
    ("embedder", "index.ready", "ingestion"),
    ("embedder", "index.failed", "ingestion"),
    ("embedder", "index.withheld", "ingestion"),
    ("consent", "consent.revoked", "ingestion"),
    ("consent", "consent.revoked", "embedder"),
    ("consent", "consent.revoked", "chat"),
)
# The moment at which a bought answer is safe: what is bought again after it was bought twice.
KEEPING = """
create schema chaos;
create table chaos.kept (session_id uuid, at timestamptz default clock_timestamp());
create function chaos.note_kept() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if to_jsonb(new) ->> 'speech' is not null then insert into chaos.kept (session_id) values (new.session_id); end if;
  return null;
end $$;
create trigger note_kept after insert or update on transcriber.heard for each row execute function chaos.note_kept();
"""
# What may not be made once a consent has ended.
MADE_UNDER: Mapping[str, Sequence[str]] = {
    "recording": ("created_at", "words_at"),
    "transcription": ("words_at",),
    "ai_analysis": ("index_at",),
}
_SESSIONS = """
select s.session_id::text as id, s.patient_id::text as patient, s.status, s.reason, s.metadata ->> 'upload' as upload,
  extract(epoch from s.created_at)::float8 as created_at,
  (select count(*) from transcriber.transcript t where t.session_id = s.session_id) as transcripts,
  (select count(*) from transcriber.transcript t where t.session_id = s.session_id and t.version = 1) as first_versions,
  (select extract(epoch from max(t.created_at))::float8 from transcriber.transcript t
    where t.session_id = s.session_id) as words_at,
  (select count(*) from embedder.chunk c where c.session_id = s.session_id) as chunks,
  (select count(distinct (c.transcript_id, c.transcript_version)) from embedder.chunk c
    where c.session_id = s.session_id) as chunk_sources,
  (select extract(epoch from max(c.created_at))::float8 from embedder.chunk c
    where c.session_id = s.session_id) as index_at,
  (select max(i.chunk_count) from embedder.indexed i where i.session_id = s.session_id) as indexed_chunks,
  (select count(*) from embedder.indexed i join transcriber.transcript t
    on t.session_id = i.session_id and t.id = i.transcript_id and t.version = i.transcript_version
    where i.session_id = s.session_id) as indexes,
  (select count(*) from ingestion.outbox o where o.type = 'session.ready'
    and o.payload ->> 'session_id' = s.session_id::text) as ready_said,
  (select json_agg(json_build_object('status', j.status, 'attempts', j.attempts, 'error', j.last_error))
    from transcriber.job j where j.session_id = s.session_id) as jobs
from ingestion.session s
"""


@dataclass
class Violations:
    """What must not be, by name, each with whom it concerns."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        """Return every violation as one line."""
        return [f"{name}: {what}" for name, found in vars(self).items() for what in found]


def watch_keeping(admin_url: str) -> None:
    """Make the database note when a vendor's answer was kept. Only for a throwaway one."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(KEEPING)


def kept_at(admin_url: str) -> Mapping[str, float]:
    """Return when each session's words were kept first."""
    with psycopg.connect(admin_url) as connection:
        rows = connection.execute(
            "select session_id::text, extract(epoch from min(at))::float8 from chaos.kept group by 1"
        )
        return {session: float(at) for session, at in rows}


def unsettled(admin_url: str, redis_url: str) -> list[str]:
    """Return what is still on its way: sessions, unpublished or unanswered facts, entries in Redis."""
    with psycopg.connect(admin_url) as connection:
        sessions = connection.execute(
            "select session_id::text || ' is ' || status from ingestion.session where status <> all (%s)", ([*FINAL],)
        ).fetchall()
        unanswered = [line for line in ANSWERED if _unanswered(connection, line)]
    found = [str(row[0]) for row in sessions] + [f"{group} owes {fact}" for _, fact, group in unanswered]
    return found + _in_redis(redis_url)


def judge(admin_url: str, redis_url: str, uploads: Sequence[Upload], excused: set[str]) -> Violations:
    """Compare what was promised with what is there. `excused`: sessions that a vendor's refusal ended."""
    found = Violations()
    with psycopg.connect(admin_url, row_factory=dict_row) as connection:
        rows = connection.execute(_SESSIONS).fetchall()
        _judge_uploads(found, uploads, rows)
        for row in rows:
            _judge_session(found, row, excused)
        _judge_events(found, connection)
    with psycopg.connect(admin_url) as connection:
        for line in ANSWERED:
            found.lost += [f"{line[2]} never answered {line[1]} {event}" for event in _unanswered(connection, line)]
    _judge_patients(found, {upload.patient.id: upload.patient for upload in uploads}, rows)
    found.stuck += _in_redis(redis_url)
    found.lost += _dead_letters(redis_url, excused)
    return found


def _judge_uploads(found: Violations, uploads: Sequence[Upload], rows: Sequence[Mapping[str, Any]]) -> None:
    by_upload: dict[str, list[str]] = {}
    for row in rows:
        by_upload.setdefault(str(row["upload"]), []).append(row["id"])
    for upload in uploads:
        sessions = by_upload.get(str(upload.number), [])
        if upload.session_id is not None and upload.session_id not in sessions:
            found.lost.append(f"upload {upload.number} was accepted as {upload.session_id} and is not there")
        if len(sessions) > 1:
            found.duplicated.append(f"upload {upload.number} is {len(sessions)} sessions after {upload.tries} tries")
        if upload.session_id is None and upload.refused is None:
            found.stuck.append(
                f"upload {upload.number} of patient {upload.patient.id} was never answered in {upload.tries} tries"
                f" (sessions {sessions}): {dict(upload.reasons)}"
            )
        if upload.refused is not None and upload.patient.revoking_since is None:
            found.lost.append(f"upload {upload.number} was refused without a reason: {upload.ended}")


def _judge_session(found: Violations, row: Mapping[str, Any], excused: set[str]) -> None:
    name = f"session {row['id']} ({row['status']}, {row['reason']}, jobs {json.dumps(row['jobs'])})"
    if row["status"] not in FINAL:
        found.stuck.append(name)
    if row["status"] == "failed" and row["id"] not in excused:
        found.lost.append(f"{name} failed without an ordered refusal")
    if row["transcripts"] > 1 or row["ready_said"] > 1 or row["indexes"] > 1 or row["chunk_sources"] > 1:
        found.duplicated.append(f"{name}: {_counts(row)}")
    if row["chunks"] > (row["indexed_chunks"] or 0):
        found.duplicated.append(f"{name} has chunks twice: {_counts(row)}")
    if row["status"] == "ready":
        whole = row["first_versions"] and row["indexes"] and row["ready_said"] and row["chunks"]
        if not whole or row["chunks"] != row["indexed_chunks"]:
            found.lost.append(f"{name} is ready without all of it: {_counts(row)}")


def _counts(row: Mapping[str, Any]) -> str:
    names = ("transcripts", "indexes", "chunks", "indexed_chunks", "chunk_sources", "ready_said")
    return ", ".join(f"{name} {row[name]}" for name in names)


def _judge_events(found: Violations, connection: psycopg.Connection[dict[str, Any]]) -> None:
    for schema in SERVICES:
        twice = connection.execute(
            f"select id::text, min(type) as type, count(*) as n from {schema}.outbox group by id having count(*) > 1"
        )
        found.duplicated += [f"{schema} said {row['type']} {row['id']} {row['n']} times" for row in twice]
        both = connection.execute(
            f"select grp, event_id::text, epoch, count(*) as n from {schema}.inbox group by 1, 2, 3 having count(*) > 1"
        )
        found.duplicated += [f"{row['grp']} applied {row['event_id']} {row['n']} times" for row in both]


def _judge_patients(found: Violations, patients: Mapping[str, Patient], rows: Sequence[Mapping[str, Any]]) -> None:
    """Nothing is made after a revocation was answered."""
    for row in rows:
        patient = patients.get(row["patient"])
        if patient is None:
            continue
        if row["status"] == "withheld" and patient.revoking_since is None:
            found.lost.append(f"session {row['id']} was withheld ({row['reason']}) though nothing was taken back")
        if patient.revoked_at is None:
            continue
        late = [what for what in MADE_UNDER[str(patient.revokes)] if (row[what] or 0.0) > patient.revoked_at]
        found.forbidden += [f"session {row['id']}: {what} is after the revocation" for what in late]


def _unanswered(connection: psycopg.Connection[Any], line: tuple[str, str, str]) -> list[str]:
    schema, fact, group = line
    rows = connection.execute(
        f"select o.id::text as id from {schema}.outbox o where o.type = %s and not exists"
        f" (select from {group}.inbox i where i.event_id = o.id and split_part(i.grp, ':', 1) = %s)",
        (fact, group),
    )
    return [str(row[0]) for row in rows]


def _in_redis(redis_url: str) -> list[str]:
    """Return every group that has something pending, parked or behind."""
    found = []
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        for key in redis.scan_iter(count=1000):
            kind = key.partition("}:")[2]
            if kind == "s" or kind.startswith("r:"):
                for info in redis.xinfo_groups(key):
                    if info["pending"] or info.get("lag"):
                        found.append(f"{key} {info['name']}: {info['pending']} pending, lag {info.get('lag')}")
            elif kind.startswith("z:") and (parked := redis.zcard(key)):
                found.append(f"{key}: {parked} parked")
    return found


def _dead_letters(redis_url: str, excused: set[str]) -> list[str]:
    """Return the dead letters that no vendor's refusal explains."""
    found = []
    with Redis.from_url(redis_url, decode_responses=True, encoding_errors="surrogateescape") as redis:
        for key in redis.scan_iter(match="*}:dlq:*", count=1000):
            for _, dead_letter in redis.xrange(key):
                if dead_letter.get("_why") in REASONS:
                    continue  # what was no event from the first; a real one that ended so is one never answered
                session = json.loads(dead_letter["d"])["payload"].get("session_id", "-")
                if session not in excused:
                    found.append(f"dead letter in {key} of session {session}: {dead_letter.get('_why')}")
    return found
