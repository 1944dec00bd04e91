"""Defects of API keys, tokens and limits (SECURITY.md section 5)."""

from proofs.planting import ByTest, Edit, Mutant, planted

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "last-admin-key-revocable",
        "revoking the last active admin key is refused",
        ByTest("services/gateway/tests/test_access.py", "test_the_last_admin_key_cannot_be_revoked_and_a_successor_frees_it"),
        Edit("services/gateway/handlers.py", "if is_last_admin(key, keys):", "if False:"),
    ),
    planted(
        "pepper-ignored",
        "a digest is made under a pepper that the database does not hold",
        ByTest("services/gateway/tests/test_domain.py", "test_a_digest_needs_the_pepper"),
        Edit("services/gateway/key_format.py", "hmac.new(pepper, self", "hmac.new(b'', self"),
    ),
)
