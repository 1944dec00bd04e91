"""The catalogue proof, and that each of its rules notices what breaks it."""

import psycopg
import pytest

from libs.devstack.infra import Infra
from proofs.isolation import catalogue

# A statement that breaks each rule; it is rolled back.
BREAKING = {
    "every table forces row-level security": "create table chat.evil (organization_id uuid)",
    "every table with row-level security has a policy and an organization": "create table chat.evil (x uuid); "
    "alter table chat.evil enable row level security",
    "every policy of a service asks for a capability": "create policy evil on chat.sent to svc_chat using (true)",
    "every table of an organization has an index that it leads": "create table chat.evil (organization_id uuid)",
    "every foreign key between tables of organizations carries the organization": "alter table consent.evidence "
    "add foreign key (event_id) references consent.event (id) not valid",
    "no foreign key crosses schemas": "alter table chat.sent add foreign key (organization_id) "
    "references gateway.organization (organization_id) not valid",
    "every view asks as its reader": "create view chat.evil as select 1",
    "every function pins its search path": "create function chat.evil() returns int language sql as 'select 1'",
    "no function is open to everybody": "create function chat.evil() returns int language sql as 'select 1'",
    "no role of ours is a member of another": "grant owner_chat to svc_chat",
    "no login role owns, inherits or has powers": "alter role svc_chat bypassrls",
    "no owner can log in": "alter role owner_chat login",
    "no login role makes temporary objects, schemas, or tables in public": "grant create on schema public to svc_chat",
    "no login role may lock a table against others": "grant update on chat.sent to svc_chat",
    "no comparison runs before a policy": "alter function uuid_eq(uuid, uuid) leakproof",
    "no policy runs before those that say whose a row is": "create policy evil on chat.sent as restrictive "
    "for select to svc_chat using (true)",
    "no login role empties a table or refers to one": "grant truncate on chat.sent to svc_chat",
    "a service reaches notes and claims of events by functions only": "grant update on chat.claim to svc_chat",
    "no login role makes or sees what events carry": "grant execute on function ctx.carry(jsonb) to svc_chat",
    "every outbox has its events stamped": "alter table chat.outbox enable replica trigger stamped",
    "no login role uses what everybody may use elsewhere": "grant execute on function lo_create(oid) to public",
}


def test_no_object_of_the_database_breaks_a_rule(infra: Infra, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code = catalogue.prove(infra)

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out


def test_every_rule_has_something_that_breaks_it() -> None:
    assert set(BREAKING) == set(catalogue.RULES)


@pytest.mark.parametrize("rule", BREAKING)
def test_a_rule_notices_what_breaks_it(infra: Infra, rule: str) -> None:
    query = catalogue.RULES[rule].encode()
    with psycopg.connect(infra.admin_url) as admin:
        before = admin.execute(query, catalogue.PARAMETERS).fetchall()
        admin.execute(BREAKING[rule].encode())
        after = admin.execute(query, catalogue.PARAMETERS).fetchall()
        admin.rollback()

    assert len(after) > len(before)
