"""Defects of who may touch what (docs/security/isolation.md)."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted, sql

_CTX, _ISOLATE, _DATABASE = (
    "deploy/postgres/ctx.sql",
    "libs/tenancy/isolation.py",
    "libs/common/database/transaction.py",
)
_VOUCHED = "services/consent/migrations/versions/0003_vouched.py"
_RULES = ByProof("isolation.catalogue", "broken")

CAPABILITIES: tuple[Mutant, ...] = (
    planted(
        "signature-not-compared",
        "a capability is signed, and the database verifies it",
        ByProof("isolation.capability", "accepted"),
        Edit(
            _CTX,
            "if sha256(sha256(k.opad || sha256(k.ipad || convert_to(message, 'UTF8'))))"
            " <> sha256(decode(p[11], 'hex')) then",
            "if false then",
        ),
    ),
    planted(
        "capability-lives-for-ever",
        "a capability has a time after which it is refused",
        ByProof("isolation.capability", "accepted"),
        Edit(_CTX, "if p[3]::bigint <= extract(epoch from clock_timestamp()) then return null; end if;", ""),
    ),
    planted(
        "revoked-keys-capability-believed",
        "the database refuses a revoked key's capability",
        ByProof("isolation.capability", "accepted"),
        Edit(_CTX, "if p[9] <> '-' and exists (", "if false and exists ("),
    ),
    planted(
        "scopes-not-checked",
        "policies call ctx.scope, which asks for the service's own scope",
        ByProof("isolation.capability", "rows"),
        Edit(_CTX, "if c.org is null or not (name = any (c.scopes)", "if c.org is null or not (true"),
    ),
    planted(
        "organization-not-compared",
        "rows are those of the capability's organization",
        ByProof("isolation.capability", "rows"),
        Edit(
            _ISOLATE,
            """parts = [f"organization_id = (select (ctx.scope('{scope}')).org)"]""",
            """parts = [f"(select (ctx.scope('{scope}')).org) is not null"]""",
        ),
    ),
    planted(
        "patient-not-compared",
        "a capability for one patient reaches that patient only",
        ByProof("isolation.capability", "rows"),
        Edit(_ISOLATE, "    if patient:\n", "    if patient and listed is None:\n"),
    ),
)
SESSIONS: tuple[Mutant, ...] = (
    planted(
        "set-without-local",
        "the context is local to its transaction",
        ByProof("isolation.pool", "left_over"),
        Edit(_CTX, "perform set_config('ctx.token', token, true);", "perform set_config('ctx.token', token, false);"),
    ),
    planted(
        "session-not-swept",
        "what SQL left in a pooled session ends before the next request",
        ByProof("isolation.arbitrary_sql", "left_in_session"),
        Edit(_CTX, "  reset all;\n", ""),
    ),
    planted(
        "transaction-without-capability",
        "without a capability no transaction opens",
        ByTest("libs/common/database/tests/test_transaction.py", "test_without_a_capability_no_transaction_opens"),
        Edit(
            _DATABASE,
            '    connection.exec_driver_sql("select ctx.enter(%s)", (capability.current(),))',
            "    if capability.held():\n"
            '        connection.exec_driver_sql("select ctx.enter(%s)", (capability.current(),))',
        ),
    ),
    planted(
        "statements-prepared-by-name",
        "no request's SQL waits for the next one's capability",
        ByTest("tests/proofs/test_pool.py", "test_sql_of_an_earlier_request_cannot_take_the_next_ones_capability"),
        Edit(_DATABASE, ', "prepare_threshold": None}', "}"),
    ),
)
CATALOGUE: tuple[Mutant, ...] = (
    planted(
        "row-security-off",
        "tables with a person's data have row-level security",
        ByProof("isolation.arbitrary_sql", "foreign_rows"),
        sql("alter table chat.message disable row level security;"),
    ),
    planted(
        "service-drops-its-policies",
        "a service changes no schema",
        ByProof("isolation.arbitrary_sql", "effects"),
        Edit(_CTX, "if current_user like 'svc\\_%' then", "if false then"),
    ),
    planted(
        "row-security-not-forced",
        "row-level security holds for owners too (FORCE)",
        _RULES,
        Edit(_ISOLATE, 'op.execute(f"alter table {table} force row level security")', "pass"),
    ),
    planted(
        "notes-open-to-sql",
        "notes of what was applied are reached by an event's id only",
        _RULES,
        sql("grant select, insert on chat.inbox to svc_chat;"),
    ),
    planted(
        "events-not-stamped",
        "the database writes what an event carries",
        _RULES,
        sql("alter table chat.outbox disable trigger stamped;"),
    ),
    planted(
        "readers-open-recordings",
        "a recording and its key are for the work on it",
        ByTest("services/ingestion/tests/test_sessions.py", "test_what_may_only_read_sessions_opens_no_recording"),
        sql(
            "alter policy tenant_read on ingestion.recording"
            " using (organization_id = (select (ctx.scope('ingestion:read')).org));"
        ),
    ),
    planted(
        "comparisons-overtake-policies",
        "no comparison runs before a policy",
        ByProof("isolation.oracle", "told"),
        Edit("deploy/postgres/comparisons.sql", "execute format('alter function %s not leakproof', f);", "null;"),
    ),
    planted(
        "ids-overtake-policies",
        "not even the equality of ids runs before a policy",
        ByProof("isolation.oracle", "told"),
        Edit(
            "deploy/postgres/comparisons.sql",
            "where p.proleakproof",
            "where p.proleakproof and p.oid <> 'uuid_eq(uuid, uuid)'::regprocedure",
        ),
    ),
    planted(
        "narrowing-looks-everywhere",
        "whose row has an id is looked up in the capability's organization alone",
        ByProof("isolation.oracle", "told"),
        Edit(_ISOLATE, "where t.organization_id = c.org and t.{column} = wanted", "where t.{column} = wanted"),
    ),
    planted(
        "logins-lock-tables",
        "no login locks a table against others",
        ByProof("isolation.arbitrary_sql", "locks_taken"),
        sql("grant update on chat.message to svc_chat;"),
    ),
    planted("grant-too-wide", "grants are as reviewed", _RULES, sql("grant truncate on chat.sent to svc_chat;")),
    planted(
        "function-open-to-all",
        "functions are not executable by PUBLIC",
        _RULES,
        Edit(_VOUCHED, 'op.execute(f"revoke all on function consent.{function} from public")', "pass"),
    ),
    planted(
        "search-path-not-pinned",
        "functions pin their search_path",
        _RULES,
        Edit(
            _CTX,
            "language plpgsql stable security definer set search_path = pg_catalog as $$\ndeclare\n  p text[];",
            "language plpgsql stable security definer as $$\ndeclare\n  p text[];",
        ),
    ),
    planted(
        "view-asks-as-its-owner",
        "views only with security_invoker",
        _RULES,
        sql("create view chat.everything as select * from chat.message; grant select on chat.everything to svc_chat;"),
    ),
    planted(
        "foreign-key-without-organization",
        "foreign keys carry the organization",
        _RULES,
        Edit(
            _VOUCHED,
            "foreign key (organization_id, event_id) references consent.event (organization_id, id)",
            "foreign key (event_id) references consent.event (id)",
        ),
    ),
    planted(
        "service-reads-anothers-table",
        "a service's role touches only its own schema",
        ByTest("tests/guarantees/test_catalogue.py", "test_a_service_role_touches_only_the_tables_of_its_own_schema"),
        sql("grant usage on schema gateway to svc_chat; grant select on gateway.users to svc_chat;"),
    ),
)
GATEWAY: tuple[Mutant, ...] = (
    planted(
        "users-of-all-organizations",
        "nobody gets a byte of another organization's",
        ByProof("isolation.tenancy", "leaks"),
        sql("alter policy tenant_read on gateway.users using ((select (ctx.scope('gateway:read')).org) is not null);"),
    ),
    planted(
        "foreign-is-forbidden",
        "foreign objects answer 404 with the body of unknown",
        ByTest("services/gateway/tests/test_access.py", "test_another_organizations_user_is_not_found"),
        Edit("services/gateway/handlers.py", "import CONFLICT, NOT_FOUND,", "import CONFLICT, FORBIDDEN, NOT_FOUND,"),
        Edit(
            "services/gateway/handlers.py",
            'raise AppError(NOT_FOUND, "There is no such user.")',
            'raise AppError(FORBIDDEN, "There is no such user.")',
        ),
    ),
)
MUTANTS = (*CAPABILITIES, *SESSIONS, *CATALOGUE, *GATEWAY)
