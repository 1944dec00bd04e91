-- Full-text search over the newest transcripts of one patient: segments that hold what was asked for, newest session
-- first. Row-level security restricts `transcript` to the capability, the patient and the consents in force.
-- No index serves it: only what the policy itself compares may use one (docs/adr/0014-no-comparison-before-a-policy.md).
-- So a patient's transcripts are read, and their words are stored as lexemes, since making them of the text takes
-- many times as long; of transcripts without them (from before they were stored) they are made here.
-- Segments and the times of words are stored out of line and read last, for what is returned alone.
-- A segment's id grows with its place, and unlike that stays what it is when others are deleted between two pages.
with asked as materialized (
  select websearch_to_tsquery('english', :text) as query
), newest as materialized (
  select distinct on (t.session_id) t.* from transcript t where t.patient_id = :patient_id
  order by t.session_id, t.version desc
), shown as materialized (
  select count(*) as places from newest n, jsonb_array_elements(n.segments) with ordinality as s (value, place)
  where n.session_id = cast(:after_session as uuid)
    and coalesce((s.value ->> 'id')::bigint, s.place) <= cast(:after_number as bigint)
), page as materialized (
  select n.*, l.place
  from newest n cross join asked a cross join lateral unnest(coalesce(n.lexemes, array(
      select to_tsvector('english', left(s.value ->> 'text', 100000))
      from jsonb_array_elements(n.segments) with ordinality as s (value, place) order by s.place
    ))) with ordinality as l (line, place)
  where l.line @@ a.query
    and (cast(:after_session as uuid) is null
      or (n.session_date, n.session_id) < (cast(:after_date as timestamptz), cast(:after_session as uuid))
      or n.session_id = cast(:after_session as uuid) and l.place > (select places from shown))
  order by n.session_date desc, n.session_id desc, l.place
  limit :most
), numbered as (
  select p.*, p.segments -> (p.place - 1)::int as segment from page p
)
select f.organization_id, f.patient_id, f.therapist_id, f.session_id, f.session_date, f.id, f.version, f.segment,
  coalesce((f.segment ->> 'id')::bigint, f.place) as number,
  f.words -> coalesce(f.segment ->> 'id', f.place::text) as words
from numbered f order by f.session_date desc, f.session_id desc, f.place
