"""What a superuser who took every guard away can do to a ledger, kind by kind; each returns where a check must stop.

They know the format and recompute every hash they like. They have no signing key, nor what others kept outside.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.contracts.ledger import genesis, leaf_of, link
from libs.ledger.signatures import SigningKey, receipt_message
from services.consent.domain import Entry, line_of

TABLES = ("event", "receipt", "evidence", "head", "current")
_COLUMNS = (
    "id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, at, actor, method, witness_id, "
    "document_sha256, evidence_sha256, seq, prev_hash, leaf, hash"
)


@dataclass
class Attack:
    """One organization's ledger in the hands of a superuser; `place` is the seq of the entry they are after."""

    tx: Transaction
    entries: Sequence[Entry]
    place: int
    thief: SigningKey
    key_id: str
    lines: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = [line_of(entry) for entry in self.entries]

    @property
    def last(self) -> int:
        """The seq of the last entry."""
        return len(self.entries)

    async def run(self, sql: str, **values: Any) -> None:
        """Run SQL on this organization's rows."""
        own = {"org": self.entries[0].organization_id, "place": self.place} | values
        # The driver refuses a value that no placeholder asks for.
        wanted = {name: value for name, value in own.items() if f":{name}" in sql}
        await self.tx.execute(text(sql), wanted)

    async def rehash(self, first: int, last: int) -> None:
        """Recompute hashes from the fields in `lines`, and store them; with the last entry the head follows."""
        previous = (
            bytes.fromhex(self.lines[first - 2]["hash"]) if first > 1 else genesis(self.lines[0]["organization_id"])
        )
        for line in self.lines[first - 1 : last]:
            leaf = leaf_of(line)
            line |= {"prev_hash": previous.hex(), "leaf": leaf.hex(), "hash": link(previous, leaf).hex()}
            previous = bytes.fromhex(line["hash"])
            await self.run(
                "update consent.event set prev_hash = :prev_hash, leaf = :leaf, hash = :hash "
                "where organization_id = :org and seq = :seq",
                seq=line["seq"],
                **{name: bytes.fromhex(line[name]) for name in ("prev_hash", "leaf", "hash")},
            )
        # A head that does not follow the last entry would be found by itself, and the attack would prove nothing.
        if last == self.last:
            await self.head(last, previous)

    async def head(self, seq: int, hash_: bytes) -> None:
        """Set the head."""
        await self.run(
            "update consent.head set seq = :seq, hash = :hash where organization_id = :org", seq=seq, hash=hash_
        )

    async def resign(self, first: int) -> None:
        """Replace signatures by some of their own, under the name of the real key."""
        for line in self.lines[first - 1 :]:
            message = receipt_message(
                line["organization_id"], line["seq"], (line["leaf"], line["prev_hash"], line["hash"])
            )
            await self.run(
                "update consent.receipt r set signature = :made, key_id = :key from consent.event e "
                "where e.id = r.event_id and e.organization_id = :org and e.seq = :seq",
                made=self.thief.sign(message),
                key=self.key_id,
                seq=line["seq"],
            )

    async def remove(self, condition: str) -> None:
        """Delete entries with all that hangs on them."""
        chosen = f"select id from consent.event where organization_id = :org and {condition}"
        # What refers to an entry first: a thief leaves no dangling rows.
        await self.run(f"delete from consent.receipt where event_id in ({chosen})")
        await self.run(f"delete from consent.evidence where event_id in ({chosen})")
        await self.run(f"delete from consent.event where organization_id = :org and {condition}")

    async def reproject(self, lines: Sequence[dict[str, Any]]) -> None:
        """Make what is acted on follow from these entries."""
        await self.run("delete from consent.current where organization_id = :org")
        last: dict[tuple[str, str, str], dict[str, Any]] = {}
        for line in lines:
            parties = (line["patient_id"], line["therapist_id"], line["consent_type"])
            # A revocation keeps the grant that it ends: the projection shows both times.
            granted = line if line["status"] == "granted" else last.get(parties, line)
            last[parties] = granted | {
                "status": line["status"],
                "granted_us": granted["at_us"],
                "decided_us": line["at_us"],
            }
        for (patient, therapist, purpose), line in last.items():
            await self.run(
                "insert into consent.current (organization_id, patient_id, therapist_id, consent_type, consent_id, "
                "status, granted_at, revoked_at) values (:org, cast(:patient as uuid), cast(:therapist as uuid), "
                ":purpose, cast(:consent as uuid), :status, "
                "timestamptz 'epoch' + :granted_us * interval '1 microsecond', "
                "case when :status = 'revoked' then timestamptz 'epoch' + :decided_us * interval '1 microsecond' end)",
                patient=patient,
                therapist=therapist,
                purpose=purpose,
                consent=line["consent_id"],
                status=line["status"],
                granted_us=line["granted_us"],
                decided_us=line["decided_us"],
            )

    async def forge(self, seq: int, previous: str, **changed: Any) -> dict[str, Any]:
        """Insert a made-up entry with a right hash and a signature that was copied from a real one."""
        model = self.lines[self.place - 1]
        line = model | {
            "seq": seq,
            "id": str(uuid4()),
            "prev_hash": previous,
            # Times only grow along a chain, so a forger makes them grow.
            "at_us": self.lines[seq - 2]["at_us"] + 1,
        }
        line |= changed
        leaf = leaf_of(line)
        line |= {"leaf": leaf.hex(), "hash": link(bytes.fromhex(previous), leaf).hex()}
        await self.run(
            f"insert into consent.event ({_COLUMNS}) select cast(:id as uuid), organization_id, patient_id, "
            "therapist_id, cast(:consent as uuid), consent_type, :status, "
            "timestamptz 'epoch' + :at_us * interval '1 microsecond', :actor, method, witness_id, document_sha256, "
            "evidence_sha256, :seq, :prev_hash, :leaf, :hash "
            "from consent.event where organization_id = :org and seq = :model",
            model=model["seq"],
            id=line["id"],
            consent=line["consent_id"],
            status=line["status"],
            at_us=line["at_us"],
            actor=line["actor"],
            seq=seq,
            **{name: bytes.fromhex(line[name]) for name in ("prev_hash", "leaf", "hash")},
        )
        await self.run(
            "insert into consent.receipt (event_id, organization_id, patient_id, key_id, signature) "
            "select cast(:id as uuid), r.organization_id, r.patient_id, r.key_id, r.signature from consent.receipt r "
            "join consent.event e on e.id = r.event_id where e.organization_id = :org and e.seq = :model",
            id=line["id"],
            model=model["seq"],
        )
        return line


Kind = Callable[[Attack], Awaitable[int]]
_AT_PLACE = "where organization_id = :org and seq = :place"
_EVIDENCE_AT_PLACE = f"(select id from consent.event {_AT_PLACE})"


async def edit_the_actor(attack: Attack) -> int:
    """One field, nothing else."""
    await attack.run(f"update consent.event set actor = 'key:thief' {_AT_PLACE}")
    return attack.place


async def turn_no_into_yes_and_rehash_it(attack: Attack) -> int:
    """The status of one entry with its own hashes made right."""
    line = attack.lines[attack.place - 1]
    line["status"] = "revoked" if line["status"] == "granted" else "granted"
    await attack.run(f"update consent.event set status = :status {_AT_PLACE}", status=line["status"])
    await attack.rehash(attack.place, attack.place)
    return attack.place


async def backdate(attack: Attack) -> int:
    """An hour earlier."""
    await attack.run(f"update consent.event set at = at - interval '1 hour' {_AT_PLACE}")
    return attack.place


async def exchange_the_text(attack: Attack) -> int:
    """Another text than the one that was shown."""
    await attack.run(f"update consent.event set document_sha256 = sha256('more') {_AT_PLACE}")
    return attack.place


async def move_to_another_patient(attack: Attack) -> int:
    """Somebody else's consent."""
    await attack.run(f"update consent.event set patient_id = gen_random_uuid() {_AT_PLACE}")
    return attack.place


async def remove_one(attack: Attack) -> int:
    """One entry is gone."""
    await attack.remove("seq = :place")
    return attack.place


async def remove_one_and_close_the_gap(attack: Attack) -> int:
    """One entry is gone, the later ones take its number and are hashed again."""
    await attack.remove("seq = :place")
    # By way of negative numbers: a seq is unique at every moment.
    await attack.run("update consent.event set seq = -seq where organization_id = :org and seq > :place")
    await attack.run("update consent.event set seq = -seq - 1 where organization_id = :org and seq < 0")
    del attack.lines[attack.place - 1]
    for number, line in enumerate(attack.lines, 1):
        line["seq"] = number
    await attack.rehash(attack.place, attack.last - 1)
    await attack.head(attack.last - 1, bytes.fromhex(attack.lines[-1]["hash"]))
    return attack.place


async def swap_two(attack: Attack) -> int:
    """Two neighbours change places."""
    await attack.run(f"update consent.event set seq = -1 {_AT_PLACE}")
    await attack.run(
        "update consent.event set seq = :place where organization_id = :org and seq = :next", next=attack.place + 1
    )
    await attack.run(
        "update consent.event set seq = :next where organization_id = :org and seq = -1", next=attack.place + 1
    )
    return attack.place


async def slip_one_in(attack: Attack) -> int:
    """A made-up entry in the middle, all later ones moved by one and hashed again."""
    await attack.run("update consent.event set seq = -seq where organization_id = :org and seq >= :place")
    await attack.run("update consent.event set seq = -seq + 1 where organization_id = :org and seq < 0")
    previous = attack.lines[attack.place - 2]["hash"]
    made = await attack.forge(attack.place, previous, status="granted", consent_id=str(uuid4()))
    for line in attack.lines[attack.place - 1 :]:
        line["seq"] += 1
    attack.lines.insert(attack.place - 1, made)
    await attack.rehash(attack.place + 1, attack.last + 1)
    await attack.head(attack.last + 1, bytes.fromhex(attack.lines[-1]["hash"]))
    return attack.place


async def append_a_copy(attack: Attack) -> int:
    """The same decision once more at the end."""
    made = await attack.forge(attack.last + 1, attack.lines[-1]["hash"])
    await attack.head(attack.last + 1, bytes.fromhex(made["hash"]))
    await attack.reproject([*attack.lines, made])
    return attack.last + 1


async def rewind_the_tail(attack: Attack) -> int:
    """Everything after a place never happened."""
    await attack.remove("seq > :place")
    await attack.head(attack.place, bytes.fromhex(attack.lines[attack.place - 1]["hash"]))
    await attack.reproject(attack.lines[: attack.place])
    return attack.place + 1


async def rewind_and_write_anew(attack: Attack) -> int:
    """Everything after a place happened otherwise."""
    await attack.remove("seq > :place")
    for seq in range(attack.place + 1, attack.last + 1):
        made = await attack.forge(seq, attack.lines[seq - 2]["hash"], actor="key:thief", consent_id=str(uuid4()))
        attack.lines[seq - 1] = made
    await attack.head(attack.last, bytes.fromhex(attack.lines[-1]["hash"]))
    await attack.reproject(attack.lines)
    return attack.place + 1


async def rewrite_from_here(attack: Attack) -> int:
    """One field, and every hash from there to the head."""
    attack.lines[attack.place - 1]["actor"] = "key:thief"
    await attack.run(f"update consent.event set actor = 'key:thief' {_AT_PLACE}")
    await attack.rehash(attack.place, attack.last)
    return attack.place


async def rewrite_from_here_and_sign(attack: Attack) -> int:
    """The same, with signatures of the thief's own under the real key's name."""
    place = await rewrite_from_here(attack)
    await attack.resign(place)
    return place


async def rewrite_everything(attack: Attack) -> int:
    """Every entry from the first on, hashes and signatures too."""
    for line in attack.lines:
        line["actor"] = f"key:thief{attack.place}"
    await attack.run(
        "update consent.event set actor = :actor where organization_id = :org", actor=f"key:thief{attack.place}"
    )
    await attack.rehash(1, attack.last)
    await attack.resign(1)
    return 1


async def alter_the_circumstances(attack: Attack) -> int:
    """Another address than the one that was seen."""
    await attack.run(f"update consent.evidence set observed_ip = '203.0.113.9' where event_id = {_EVIDENCE_AT_PLACE}")
    return attack.place


async def act_on_another_state(attack: Attack) -> int:
    """The ledger stays, but what is acted on says the opposite."""
    entry = attack.entries[attack.place - 1]
    parties = entry.parties
    # The check names the entry that decides these parties' consent, which need not be the one at the place.
    decided = max(other.position.seq for other in attack.entries if other.parties == parties)
    await attack.run(
        "update consent.current set status = case status when 'granted' then 'revoked' else 'granted' end "
        "where organization_id = :org and patient_id = :patient and therapist_id = :therapist "
        "and consent_type = :purpose",
        patient=parties.patient_id,
        therapist=parties.therapist_id,
        purpose=parties.purpose.value,
    )
    return decided


KINDS: tuple[Kind, ...] = (
    edit_the_actor,
    turn_no_into_yes_and_rehash_it,
    backdate,
    exchange_the_text,
    move_to_another_patient,
    remove_one,
    remove_one_and_close_the_gap,
    swap_two,
    slip_one_in,
    append_a_copy,
    rewind_the_tail,
    rewind_and_write_anew,
    rewrite_from_here,
    rewrite_from_here_and_sign,
    rewrite_everything,
    alter_the_circumstances,
    act_on_another_state,
)
