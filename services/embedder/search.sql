-- Exact search over all passages of one patient, so that scores can be normalised over all of them:
--   weighted    weight of each question term by its rarity in this patient's sessions (as in BM25)
--   similarity  cosine similarity; a passage without a vector of this model is scored by its text
--   score       includes the neighbours of a passage, because an answer is often next to the terms of its question
-- Row-level security restricts `passage` and `embedding` to the capability, the patient and the consents in force.
-- No join of passages with passages: the planner estimates one row per patient and picks nested loops (30 s, not 10 ms).
-- Vectors are not looked up by hash, because only comparisons of ids may use an index below row-level security
-- (deploy/postgres/comparisons.sql). A full join cannot be executed as a nested loop.
-- `matching` compares each passage with each term once; a nested loop over `ranked` would compare them again.
-- `unknown_words` are those of the question that occur nowhere in what was searched.
-- Turns are read last, for the best passages only: otherwise they would spill to disk for a patient of many years.
-- `hit` is one more scan of the patient's passages: a join by id would be one for each of the best.
with term as materialized (
  select ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as query
  from unnest(tsvector_to_array(to_tsvector('english', :question))) as lexeme limit :terms_max
), asked as materialized (
  select word, plainto_tsquery('english', word) as query from unnest(cast(:words as text[])) as word
), allowed as materialized (
  select p.id, p.session_id, p.position, p.words, p.content_hash
  from passage p
  where p.patient_id = :patient_id
    and (cast(:date_from as timestamptz) is null or p.session_date >= :date_from)
    and (cast(:date_to as timestamptz) is null or p.session_date < :date_to)
    and (cast(:session_ids as uuid[]) is null or p.session_id = any (:session_ids))
), matching as materialized (
  select a.id, t.query, ts_rank(a.words, t.query) as rank from term t join allowed a on a.words @@ t.query
), weighted as materialized (
  select query, ln(1 + ((select count(*) from allowed) - count(*) + 0.5) / (count(*) + 0.5)) as weight
  from matching group by query
), ranked as materialized (
  select m.id, sum(m.rank * w.weight) as rank from matching m join weighted w using (query) group by m.id
), vectored as materialized (
  select e.session_id, e.content_hash, 1 - (e.embedding <=> cast(:vector as halfvec)) as similarity
  from embedding e
  where e.patient_id = :patient_id and e.session_id = any (array(select distinct session_id from allowed))
    and e.model_id = (select m.id from model m where m.name = :model and m.state = 'active')
), matched as materialized (
  select a.id, a.session_id, a.position, v.similarity
  from allowed a full join vectored v using (session_id, content_hash)
), scored as materialized (
  select m.id, m.session_id, m.position, m.similarity, coalesce(r.rank, 0) as rank
  from matched m full join ranked r using (id) where m.id is not null
), mixed as (
  select id, session_id, position, similarity,
    :dense * coalesce((similarity - avg(similarity) over ()) / nullif(stddev_pop(similarity) over (), 0), 0)
    + (1 - :dense) * coalesce((rank - avg(rank) over ()) / nullif(stddev_pop(rank) over (), 0), 0) as fused
  from scored
), best as materialized (
  select id, similarity,
    fused + :neighbour * (coalesce(lag(fused) over beside, 0) + coalesce(lead(fused) over beside, 0)) as score
  from mixed
  window beside as (partition by session_id order by position)
  order by score desc, id
  limit :limit
), hit as materialized (
  select p.id, p.chunk_id, p.session_id, p.session_date, p.transcript_id, p.turns, p.tokens, p.turn_vectors
  from passage p where p.patient_id = :patient_id and p.id = any (array(select id from best))
)
select h.id, h.chunk_id, h.session_id, h.session_date, h.transcript_id, h.turns, h.tokens,
  b.similarity as relevance, b.score,
  (select array_agg(q.word) from asked q
   where numnode(q.query) = 1 and not exists (select from weighted w where w.query = q.query)) as unknown_words,
  (select array_agg(1 - (t.vector <=> cast(:turn_vector as halfvec)) order by t.number)
   from unnest(h.turn_vectors) with ordinality as t (vector, number)
   where cast(:turn_vector as halfvec) is not null) as turn_relevances
from best b join hit h using (id)
order by b.score desc, b.id
