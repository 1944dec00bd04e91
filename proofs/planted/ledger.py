"""Defects of the consent ledger (docs/security/consent-ledger.md)."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_FIRST = "services/consent/migrations/versions/0001_ledger.py"
_VOUCHED = "services/consent/migrations/versions/0003_vouched.py"
_CHECK, _SIGNATURES = "libs/ledger/check.py", "libs/ledger/signatures.py"
_UNDETECTED = ByProof("consent.tamper", "undetected")
_REWRITTEN = ByTest(
    "services/consent/tests/test_store.py", "test_not_even_a_superuser_playing_replica_rewrites_the_ledger"
)

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "head-not-locked",
        "updating the head is the lock under which the chain grows",
        ByProof("consent.ledger", "forks"),
        Edit(
            _VOUCHED,
            """\
            update consent.head
               set seq = seq + 1, last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')
             where organization_id = new.organization_id returning * into h;""",
            """\
            select organization_id, seq + 1, hash, clock_timestamp() into h from consent.head
             where organization_id = new.organization_id;""",
        ),
        Edit(
            _VOUCHED,
            "update consent.head set hash = new.hash where",
            "update consent.head set hash = new.hash, seq = new.seq, last_at = new.at where",
        ),
    ),
    planted(
        "entries-can-be-updated",
        "triggers refuse UPDATE",
        _REWRITTEN,
        Edit(
            _FIRST,
            "create trigger append_only before update or delete or truncate on consent.event ",
            "create trigger append_only before delete or truncate on consent.event ",
        ),
    ),
    planted(
        "guards-sleep-in-replica-role",
        "the guards are ENABLE ALWAYS",
        _REWRITTEN,
        Edit(_FIRST, 'op.execute("alter table consent.event enable always trigger append_only")', "pass"),
    ),
    planted(
        "actor-not-hashed",
        "the leaf covers every field of an entry",
        _UNDETECTED,
        Edit(_VOUCHED, "|| consent.led(convert_to(e.actor, 'UTF8'))", ""),
        Edit("libs/contracts/ledger.py", '            + led(line["actor"].encode())\n', ""),
    ),
    planted(
        "signatures-not-verified",
        "receipts are signed",
        _UNDETECTED,
        Edit(
            _SIGNATURES,
            "        except InvalidSignature:\n            return False",
            "        except InvalidSignature:\n            return True",
        ),
    ),
    planted(
        "checkpoints-not-compared",
        "a checkpoint vouches for the hash it names",
        _UNDETECTED,
        Edit(_CHECK, 'if promised is not None and promised != line["hash"]:', "if False:"),
    ),
    planted(
        "cut-off-end-not-missed",
        "a rewound tail is found by what was signed",
        _UNDETECTED,
        Edit(_CHECK, "if self._vouchers.last > self.seq:", "if False:"),
    ),
    planted(
        "circumstances-not-compared",
        "the chain covers the digest of the circumstances",
        _UNDETECTED,
        Edit(_CHECK, 'if line.get("evidence") == "altered":', "if False:"),
    ),
    planted(
        "what-is-acted-on-not-compared",
        "what is acted on follows from the entries",
        _UNDETECTED,
        Edit(_CHECK, "return self._first_unsigned() or self._standing.end()", "return self._first_unsigned()"),
    ),
)
