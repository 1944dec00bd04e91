"""A passage carries its vector: a search reads one range of one table, and an organization has one model at a time.

`embedding` stays as the store of what was bought, under the hash of the words and for any number of models: nothing is
bought twice by a correction, a crash or a rebuild, and another model's vectors are collected there beside those in use.
Running code of the version before goes on as it was: it reads and writes `embedding`, and a trigger fills the passage.
"""

from alembic import op

from libs.tenancy.erased_subjects import owned
from libs.tenancy.isolation import isolate

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the vectors to the passages, say which model each organization has, and let operators change it."""
    _organization_model()
    _vector_of_passage()
    _fill()
    _place()
    _rebuild()
    _rebuild_sessions()
    _rebuild_change()
    functions = ("models()", "state(text)", "sessions(text, uuid, uuid, int)", "begin(text)", "switch(uuid, text)")
    for function in functions:
        op.execute(f"revoke all on function embedder.rebuild_{function} from public")


def _organization_model() -> None:
    op.execute("""
        create table embedder.organization_model (
          organization_id uuid primary key,
          model_id smallint not null,
          building_id smallint,
          changed_at timestamptz not null default clock_timestamp()
        )""")
    isolate(op, "embedder.organization_model", patient=False)
    # Only the functions below write: what is searched and what its rows carry change together or not at all.
    op.execute("revoke insert on embedder.organization_model from svc_embedder")
    owned(op, "embedder", "organization_model")
    op.execute("""
        insert into embedder.organization_model (organization_id, model_id)
        select distinct on (i.organization_id) i.organization_id, m.id
          from embedder.indexed i join embedder.model m on m.name = i.model
         order by i.organization_id, i.indexed_at desc""")


def _vector_of_passage() -> None:
    op.execute("alter table embedder.passage add column model_id smallint, add column embedding public.halfvec")
    # What every row is compared by stands in the row: one moved out is a look-up for each comparison (3 times the
    # time of a search). Words may be compressed, as a row that fits no page would be refused.
    op.execute("alter table embedder.passage alter column embedding set storage plain")
    op.execute("alter table embedder.passage alter column words set storage main")


def _fill() -> None:
    # `content = content` has the words made again, because words that were moved out before stay so otherwise. Looked
    # up row by row and not joined, so that rows keep their order: a session's are on a few pages next to each other.
    op.execute("""
        update embedder.passage p set content = p.content, (model_id, embedding) =
          (select e.model_id, e.embedding from embedder.organization_model o join embedder.embedding e
             on e.model_id = o.model_id and e.organization_id = p.organization_id and e.patient_id = p.patient_id
            and e.session_id = p.session_id and e.content_hash = p.content_hash
            where o.organization_id = p.organization_id)""")


def _place() -> None:
    # Named to fire after the guards of erasure and consent. The lock keeps a switch out until this session is in.
    op.execute("""
        create function embedder.place_vector() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        declare used smallint;
        begin
          select o.model_id into used from embedder.organization_model o
           where o.organization_id = new.organization_id for key share;
          if used is null then
            insert into embedder.organization_model (organization_id, model_id)
            select i.organization_id, m.id from embedder.indexed i join embedder.model m on m.name = i.model
             where i.organization_id = new.organization_id and i.session_id = new.session_id on conflict do nothing;
            select o.model_id into used from embedder.organization_model o
             where o.organization_id = new.organization_id for key share;
          end if;
          select e.model_id, e.embedding into new.model_id, new.embedding from embedder.embedding e
           where e.model_id = used and e.organization_id = new.organization_id and e.patient_id = new.patient_id
             and e.session_id = new.session_id and e.content_hash = new.content_hash;
          return new;
        end $$""")
    op.execute("revoke all on function embedder.place_vector() from public")
    op.execute("grant execute on function embedder.place_vector() to svc_embedder")
    op.execute(
        "create trigger place_vector before insert on embedder.passage"
        " for each row execute function embedder.place_vector()"
    )


# A passage that consent hides cannot be embedded, and holds no switch up.
_IN_FORCE = """(select count(*) from consent.current c where c.organization_id = p.organization_id
  and c.patient_id = p.patient_id and c.therapist_id = p.therapist_id
  and c.consent_type in ('transcription', 'ai_analysis') and c.status = 'granted') = 2"""
_BOUGHT = """exists (select from embedder.embedding e where e.model_id = m.id
  and e.organization_id = p.organization_id and e.patient_id = p.patient_id and e.session_id = p.session_id
  and e.content_hash = p.content_hash)"""


def _rebuild() -> None:
    # For operators (deploy/postgres/ops.sql): names of models, ids of organizations and numbers, never words.
    op.execute("""
        create function embedder.rebuild_models() returns setof text
        language sql stable security definer set search_path = pg_catalog as $$
          select m.name from embedder.model m where m.state <> 'retired' order by m.name
        $$""")
    op.execute(f"""
        create function embedder.rebuild_state(wanted text)
        returns table (organization_id uuid, model text, is_building boolean, passages bigint, filled bigint)
        language sql stable security definer set search_path = pg_catalog as $$
          select o.organization_id, a.name, o.building_id is not null and o.building_id = m.id,
                 count(p.id), count(p.id) filter (where {_BOUGHT})
            from embedder.organization_model o join embedder.model a on a.id = o.model_id
            join embedder.model m on m.name = wanted
            left join embedder.passage p on p.organization_id = o.organization_id and {_IN_FORCE}
           group by o.organization_id, a.name, o.building_id, m.id order by o.organization_id
        $$""")


def _rebuild_sessions() -> None:
    op.execute(f"""
        create function embedder.rebuild_sessions(wanted text, after_organization uuid, after_session uuid, most int)
        returns table (organization_id uuid, patient_id uuid, therapist_id uuid, session_id uuid,
                       session_date timestamptz, transcript_id uuid, transcript_version int)
        language sql stable security definer set search_path = pg_catalog as $$
          select i.organization_id, i.patient_id, first.therapist_id, i.session_id, first.session_date, i.transcript_id,
                 i.transcript_version
            from embedder.model m join embedder.organization_model o on o.model_id <> m.id
            join embedder.indexed i on i.organization_id = o.organization_id
            cross join lateral (
              select p.therapist_id, p.session_date from embedder.passage p
               where p.organization_id = i.organization_id and p.patient_id = i.patient_id
                 and p.session_id = i.session_id and {_IN_FORCE} and not {_BOUGHT} limit 1) first
           where m.name = wanted and (i.organization_id, i.session_id) > (after_organization, after_session)
           order by i.organization_id, i.session_id limit most
        $$""")


def _rebuild_change() -> None:
    op.execute("""
        create function embedder.rebuild_begin(wanted text) returns bigint
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare n bigint;
        begin
          update embedder.organization_model o
             set building_id = nullif(m.id, o.model_id), changed_at = clock_timestamp()
            from embedder.model m where m.name = wanted and m.state <> 'retired';
          get diagnostics n = row_count;
          return n;
        end $$""")
    op.execute(f"""
        create function embedder.rebuild_switch(organization uuid, wanted text) returns bigint
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare m embedder.model; missing bigint;
        begin
          select * into m from embedder.model a where a.name = wanted and a.state <> 'retired';
          -- Until the end nobody indexes in this organization, so that no session keeps the model of before.
          perform from embedder.organization_model o where o.organization_id = organization and m.id is not null
            for update;
          if not found then return null; end if;
          select count(*) into missing from embedder.passage p
           where p.organization_id = organization and {_IN_FORCE} and not {_BOUGHT};
          if missing = 0 then
            update embedder.passage p set (model_id, embedding) =
              (select e.model_id, e.embedding from embedder.embedding e where e.model_id = m.id
                  and e.organization_id = p.organization_id and e.patient_id = p.patient_id
                  and e.session_id = p.session_id and e.content_hash = p.content_hash)
             where p.organization_id = organization;
            update embedder.indexed i set model = m.name where i.organization_id = organization;
            update embedder.organization_model o set model_id = m.id, building_id = null,
              changed_at = clock_timestamp() where o.organization_id = organization;
          end if;
          return missing;
        end $$""")
