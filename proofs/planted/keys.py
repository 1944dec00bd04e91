"""Defects of API keys, tokens and limits (docs/security/keys-and-limits.md)."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_DOMAIN, _ACCESS = "services/gateway/domain.py", "services/gateway/tests/test_access.py"
_RULES = "services/gateway/tests/test_domain.py"
_IN_FORCE = ByTest(_RULES, "test_a_key_opens_nothing_from_the_moment_it_expires")

KEYS: tuple[Mutant, ...] = (
    planted(
        "revoked-key-accepted",
        "a revoked key opens nothing",
        _IN_FORCE,
        Edit(
            _DOMAIN,
            "return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)",
            "return self.expires_at is None or self.expires_at > now",
        ),
    ),
    planted(
        "key-remembered",
        "0 requests are accepted after the revoke call has returned",
        ByProof("limits.revoke", "accepted_after_return"),
        Edit(
            "services/gateway/access/authentication.py",
            "            stored = await self._keys.find(tx, ApiKeyId(presented.id))\n",
            "            kept = self.__dict__.setdefault('kept', {})\n"
            "            stored = kept.get(presented.id) or await self._keys.find(tx, ApiKeyId(presented.id))\n"
            "            kept[presented.id] = stored\n",
        ),
    ),
    planted(
        "expired-key-accepted",
        "a key that has expired opens nothing",
        _IN_FORCE,
        Edit(_DOMAIN, "and (self.expires_at is None or self.expires_at > now)", ""),
    ),
    planted(
        "pepper-ignored",
        "a digest is made under a pepper that the database does not hold",
        ByTest(_RULES, "test_a_digest_needs_the_pepper"),
        Edit("services/gateway/key_format.py", "hmac.new(pepper, self", "hmac.new(b'', self"),
    ),
    planted(
        "last-admin-key-revocable",
        "revoking the last active admin key is refused",
        ByTest(_ACCESS, "test_the_last_admin_key_cannot_be_revoked_and_a_successor_frees_it"),
        Edit("services/gateway/handlers.py", "if is_last_admin(key, keys):", "if False:"),
    ),
    planted(
        "scopes-of-a-key-ignored",
        "a key may do what its scopes say",
        ByTest("tests/guarantees/test_authz_matrix.py", "test_who_may_do_what_is_what_was_reviewed"),
        Edit(_DOMAIN, "return not scopes or bool(scopes & principal.scopes)", "return True"),
    ),
)
TOKENS: tuple[Mutant, ...] = (
    planted(
        "token-for-another-patient",
        "a body naming another patient than the token's gets 404",
        ByTest(_ACCESS, "test_a_patients_token_reaches_that_patients_chat_and_nothing_else"),
        Edit("services/gateway/api/chat.py", "if named not in (None, caller.patient_id):", "if False:"),
    ),
    planted(
        "token-signature-ignored",
        "a patient's token is signed",
        ByTest(_RULES, "test_another_gateways_token_is_nobodys"),
        Edit(
            "services/gateway/access/patient_tokens.py",
            '"verify_exp": False,',
            '"verify_exp": False, "verify_signature": False,',
        ),
    ),
)
LIMITS: tuple[Mutant, ...] = (
    planted(
        "messages-counted-without-lock",
        "messages are counted in the transaction that stores them, one after the other",
        ByProof("limits.limit20", "worst_hour"),
        Edit("services/chat/store.py", "    await tx.execute(_LOCK, _ours(patient_id))\n", ""),
    ),
    planted(
        "hours-of-the-clock",
        "20 messages in any hour, not in each hour of the clock",
        ByProof("limits.limit20", "worst_hour"),
        Edit(
            "services/chat/store.py",
            'and at <= clock_timestamp() - make_interval(secs => :window_s)"',
            "and at < date_trunc('hour', clock_timestamp()) + 0 * make_interval(secs => :window_s)\"",
        ),
    ),
    planted(
        "window-half-as-long",
        "1000 requests within any hour",
        ByTest(
            "libs/common/redis/tests/test_rate_window.py",
            "test_a_refusal_says_when_the_next_one_passes_and_it_does_then_and_not_before",
        ),
        Edit("libs/common/redis/admit.lua", "<= now - length do", "<= now - length / 2 do"),
    ),
    planted(
        "no-limit-without-redis",
        "Redis gone: a local share, never unlimited",
        ByTest(
            "services/gateway/tests/test_limits_and_idempotency.py",
            "test_without_redis_there_is_a_smaller_share_and_never_no_limit",
        ),
        Edit("libs/common/redis/rate_window.py", "passed = len(entries) < window.quota", "passed = True"),
    ),
)
MUTANTS = (*KEYS, *TOKENS, *LIMITS)
