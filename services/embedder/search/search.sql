-- Exact search over all passages of one patient, so that scores can be normalised over all of them:
--   weighted    weight of each question term by its rarity in this patient's sessions (as in BM25)
--   similarity  cosine similarity; null for a passage whose vector is of another model than the question's
--   score       includes the neighbours of a passage, because an answer is often next to the terms of its question
-- Row-level security restricts `passage` to the capability, the patient and the consents in force.
-- `searched` is the only scan of a stored table: the passage carries its words and its vector, and its turns stay where
-- they are until the best are known (what is stored out of line is passed on as a pointer). Only what the policy itself
-- compares may use an index (docs/adr/0014-no-comparison-before-a-policy.md), so a second look-up by id would read the
-- whole patient again. It follows the index by session and position, in which order neighbours are.
-- No join of passages with passages: the planner estimates one row per patient and picks nested loops (30 s, not 10 ms).
-- `ranks` has a place for each term, as `term` was written; passages without any are told by one comparison with all.
-- Vectors count only if every passage has one of this model (`spread`): a mixture would rank by which one has.
-- `unknown_words` are those of the question that occur nowhere in what was searched.
with term as materialized (
  select ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as query, place
  from unnest(tsvector_to_array(to_tsvector('english', :question))) with ordinality as t (lexeme, place)
  where place <= :terms_max
), asked as materialized (
  select word, plainto_tsquery('english', word) as query from unnest(cast(:words as text[])) as word
), searched as materialized (
  select p.id, p.chunk_id, p.session_id, p.session_date, p.transcript_id, p.position, p.tokens, p.turns, p.turn_vectors,
    case when p.model_id = (select m.id from model m where m.name = :model)
      then 1 - (p.embedding <=> cast(:vector as halfvec)) end as similarity,
    case when p.words @@ (select string_agg(t.query::text, ' | ')::tsquery from term t)
      then array(select ts_rank(p.words, t.query) from term t)::vector end as ranks
  from passage p
  where p.patient_id = :patient_id
    and (cast(:date_from as timestamptz) is null or p.session_date >= :date_from)
    and (cast(:date_to as timestamptz) is null or p.session_date < :date_to)
    and (cast(:session_ids as uuid[]) is null or p.session_id = any (:session_ids))
  order by p.session_id, p.position
), occurring as (
  select r.place, count(*) as passages from searched s, unnest(s.ranks::real[]) with ordinality as r (rank, place)
  where s.ranks is not null and r.rank > 0 group by r.place
), weighted as materialized (
  select t.query, t.place, coalesce(o.passages, 0) as passages,
    ln(1 + ((select count(*) from searched) - coalesce(o.passages, 0) + 0.5) / (coalesce(o.passages, 0) + 0.5)) as weight
  from term t left join occurring o using (place)
), scored as not materialized (
  select s.*, coalesce(-(s.ranks <#> (select array_agg(w.weight order by w.place)::vector from weighted w)), 0) as rank
  from searched s
), spread as materialized (
  select avg(similarity) as similarity, nullif(stddev_pop(similarity), 0) as by_similarity,
    avg(rank) as rank, nullif(stddev_pop(rank), 0) as by_rank,
    bool_and(similarity is not null) as is_compared,
    case when bool_and(similarity is not null) then :dense else 0 end as dense
  from scored
), mixed as materialized (
  select s.*,
    (select dense from spread)
      * coalesce((s.similarity - (select p.similarity from spread p)) / (select by_similarity from spread), 0)
    + (select 1 - dense from spread)
      * coalesce((s.rank - (select p.rank from spread p)) / (select by_rank from spread), 0) as fused
  from scored s
), best as materialized (
  select mixed.*,
    fused + :neighbour * (coalesce(lag(fused) over beside, 0) + coalesce(lead(fused) over beside, 0)) as score
  from mixed
  window beside as (partition by session_id order by position)
  order by score desc, id
  limit :limit
)
select b.id, b.chunk_id, b.session_id, b.session_date, b.transcript_id, b.turns, b.tokens, b.score,
  case when p.is_compared then b.similarity end as relevance, p.is_compared,
  (select array_agg(q.word) from asked q where numnode(q.query) = 1
   and not exists (select from weighted w where w.query = q.query and w.passages > 0)) as unknown_words,
  (select array_agg(1 - (t.vector <=> cast(:turn_vector as halfvec)) order by t.number)
   from unnest(b.turn_vectors) with ordinality as t (vector, number)
   where cast(:turn_vector as halfvec) is not null) as turn_relevances
from best b cross join spread p
order by b.score desc, b.id
