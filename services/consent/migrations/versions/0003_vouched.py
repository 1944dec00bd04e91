"""What strangers need to trust the ledger: receipts, the method of each decision, published texts, and guards."""

from alembic import op

from libs.tenancy.isolation import isolate

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _method()
    _chain()
    _receipts()
    _documents()
    _guards()
    _notary()


def _method() -> None:
    op.execute("""
        alter table consent.event add column method text check (method in ('electronic', 'written', 'verbal'))""")
    # `not valid`: entries from before there was a method stay as they were hashed.
    op.execute("alter table consent.event add constraint method_is_told check (method is not null) not valid")
    op.execute(
        "alter table consent.event add constraint spoken_before_a_witness "
        "check (method <> 'verbal' or status = 'revoked' or witness_id is not null) not valid"
    )
    # The encoding before is prefix-free, so no entry with a method reads like one without.
    op.execute("""
        create or replace function consent.leaf_of(e consent.event) returns bytea
        language sql immutable set search_path = pg_catalog as $$
          select sha256('\\x00'::bytea
            || uuid_send(e.organization_id) || int8send(e.seq) || uuid_send(e.id) || uuid_send(e.consent_id)
            || uuid_send(e.patient_id) || uuid_send(e.therapist_id)
            || int8send((extract(epoch from e.at) * 1000000)::bigint) || e.evidence_sha256
            || consent.led(convert_to(e.consent_type, 'UTF8')) || consent.led(convert_to(e.status, 'UTF8'))
            || consent.led(convert_to(e.actor, 'UTF8'))
            || coalesce('\\x01'::bytea || uuid_send(e.witness_id), '\\x00'::bytea)
            || coalesce('\\x01'::bytea || e.document_sha256, '\\x00'::bytea)
            || coalesce(consent.led(convert_to(e.method, 'UTF8')), ''::bytea)) $$""")


def _chain() -> None:
    # As before, but the head is looked for before it is made: every entry but the first finds it.
    op.execute("""
        create or replace function consent.chain() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        declare h consent.head;
        begin
          for attempt in 1..2 loop
            update consent.head
               set seq = seq + 1, last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')
             where organization_id = new.organization_id returning * into h;
            exit when found;
            insert into consent.head (organization_id, seq, hash, last_at)
            values (new.organization_id, 0,
                    sha256(convert_to('genesis:' || new.organization_id::text, 'UTF8')), '-infinity')
            on conflict do nothing;
          end loop;
          if h.seq is null then
            raise exception 'the chain has no head' using errcode = '40001';
          end if;
          new.seq := h.seq;
          new.at := h.last_at;
          new.prev_hash := h.hash;
          new.leaf := consent.leaf_of(new);
          new.hash := sha256('\\x01'::bytea || new.prev_hash || new.leaf);
          update consent.head set hash = new.hash where organization_id = new.organization_id;
          return new;
        end $$""")


def _receipts() -> None:
    # Signed by the service in the transaction of the entry: the database cannot make one up.
    op.execute("""
        create table consent.receipt (
          event_id uuid primary key,
          organization_id uuid not null,
          patient_id uuid not null,
          key_id text not null check (key_id ~ '^[0-9a-f]{8}$'),
          signature bytea not null check (length(signature) = 64),
          foreign key (organization_id, event_id) references consent.event (organization_id, id)
        )""")
    isolate(op, "consent.receipt")


def _documents() -> None:
    op.execute("""
        create table consent.document (
          id uuid primary key,
          organization_id uuid not null,
          consent_type text not null check (consent_type in ('recording', 'transcription', 'ai_analysis')),
          language text not null check (length(language) between 2 and 35),
          version int not null check (version >= 1),
          text text not null,
          sha256 bytea not null check (sha256 = pg_catalog.sha256(convert_to(text, 'UTF8'))),
          published_at timestamptz not null default clock_timestamp(),
          actor text not null,
          unique (organization_id, consent_type, language, version),
          unique (organization_id, consent_type, language, sha256)
        )""")
    isolate(op, "consent.document", patient=False)


def _guards() -> None:
    for table in ("receipt", "document"):
        op.execute(
            f"create trigger append_only before update or delete or truncate on consent.{table} "
            "for each statement execute function consent.refuse_change()"
        )
        op.execute(f"alter table consent.{table} enable always trigger append_only")
    # Circumstances may be erased (their digest stays in the chain), but not altered.
    op.execute(
        "create trigger erased_or_kept before update or truncate on consent.evidence "
        "for each statement execute function consent.refuse_change()"
    )
    op.execute("alter table consent.evidence enable always trigger erased_or_kept")
    # The head and what is in force follow from entries, and move only inside the triggers of one.
    op.execute("""
        create function consent.refuse_by_hand() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          if pg_trigger_depth() < 2 then
            raise exception 'the consent ledger is append-only: this follows from its entries'
              using errcode = 'TR405';
          end if;
          return new;
        end $$""")
    op.execute("revoke all on function consent.refuse_by_hand() from public")
    for table in ("head", "current"):
        op.execute(
            f"create trigger by_entries_only before insert or update on consent.{table} "
            "for each row execute function consent.refuse_by_hand()"
        )
        op.execute(
            f"create trigger append_only before delete or truncate on consent.{table} "
            "for each statement execute function consent.refuse_change()"
        )
        for trigger in ("by_entries_only", "append_only"):
            op.execute(f"alter table consent.{table} enable always trigger {trigger}")


def _notary() -> None:
    # Whoever signs checkpoints works for no organization: it sees hashes, signatures and counts of all.
    op.execute("create policy of_notary on consent.head for select to owner_consent using (true)")
    op.execute("create policy of_notary on consent.event for select to owner_consent using (true)")
    op.execute("create policy of_notary on consent.receipt for select to owner_consent using (true)")
    op.execute("""
        create function consent.heads(after timestamptz)
        returns table (organization_id uuid, seq bigint, hash bytea, last_at timestamptz)
        language sql stable security definer set search_path = pg_catalog as $$
          select h.organization_id, h.seq, h.hash, h.last_at from consent.head h
           where h.last_at > heads.after and isfinite(h.last_at)
        $$""")
    op.execute("""
        create function consent.links(organization_id uuid, after bigint, most int)
        returns table (seq bigint, at timestamptz, prev_hash bytea, leaf bytea, hash bytea, leaf_of_fields bytea,
                       key_id text, signature bytea)
        language sql stable security definer set search_path = pg_catalog as $$
          select e.seq, e.at, e.prev_hash, e.leaf, e.hash, consent.leaf_of(e), r.key_id, r.signature
            from consent.event e left join consent.receipt r on r.event_id = e.id
           where e.organization_id = links.organization_id and e.seq > links.after
           order by e.seq limit links.most
        $$""")
    for function in ("heads(timestamptz)", "links(uuid, bigint, int)"):
        op.execute(f"revoke all on function consent.{function} from public")
        op.execute(f"grant execute on function consent.{function} to svc_consent")
    op.execute("create index heads_by_time on consent.head (last_at)")
