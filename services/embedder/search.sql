-- Exact over all passages of one patient, so the scores can be normalised over all of them:
--   lex   each word of the question weighted by how rare it is in this patient's sessions (as BM25 does)
--   sem   cosine similarity; a passage without a vector of this model takes part by its words
--   near  a passage gains from its neighbours: an answer often stands beside the words of its question
-- Row security adds the capability, the patient and the consent in force to `passage` and `embedding`.
with term as materialized (
  select ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as query
  from unnest(tsvector_to_array(to_tsvector('english', :question))) as lexeme limit :terms_max
), allowed as materialized (
  select p.id, p.chunk_id, p.session_id, p.session_date, p.transcript_id, p.position, p.turns, p.tokens,
         p.words, p.content_hash
  from passage p
  where p.patient_id = :patient_id
    and (cast(:date_from as timestamptz) is null or p.session_date >= :date_from)
    and (cast(:date_to as timestamptz) is null or p.session_date < :date_to)
    and (cast(:session_ids as uuid[]) is null or p.session_id = any (:session_ids))
), matched as (
  select a.id, ts_rank(a.words, t.query) as rank, count(*) over (partition by t.query) as holders
  from allowed a join term t on a.words @@ t.query
), lex as (
  select id, sum(rank * ln(1 + ((select count(*) from allowed) - holders + 0.5) / (holders + 0.5))) as rank
  from matched group by id
), sem as (
  select a.id, 1 - (e.embedding <=> (select cast(:vector as halfvec))) as similarity
  from allowed a
  join embedding e on e.session_id = a.session_id and e.content_hash = a.content_hash
  where e.patient_id = :patient_id
    and e.model_id = (select m.id from model m where m.name = :model and m.state = 'active')
    and cast(:vector as halfvec) is not null
), scored as (
  select a.id, s.similarity, coalesce(l.rank, 0) as rank
  from allowed a left join sem s on s.id = a.id left join lex l on l.id = a.id
), mixed as (
  select id, similarity,
    :dense * coalesce((similarity - avg(similarity) over ()) / nullif(stddev_pop(similarity) over (), 0), 0)
    + (1 - :dense) * coalesce((rank - avg(rank) over ()) / nullif(stddev_pop(rank) over (), 0), 0) as fused
  from scored
), near as (
  select a.id, m.similarity,
    m.fused + :neighbour * (coalesce(lag(m.fused) over beside, 0) + coalesce(lead(m.fused) over beside, 0)) as score
  from allowed a join mixed m on m.id = a.id
  window beside as (partition by a.session_id order by a.position)
)
select a.id, a.chunk_id, a.session_id, a.session_date, a.transcript_id, a.turns, a.tokens,
       n.similarity as relevance, n.score
from near n join allowed a on a.id = n.id
order by n.score desc, a.id limit :limit
