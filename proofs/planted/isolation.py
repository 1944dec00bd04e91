"""Defects of who may touch what (SECURITY.md section 1)."""

from proofs.planting import ByProof, Edit, Mutant, planted

_CTX = "deploy/postgres/ctx.sql"

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "signature-not-compared",
        "the database verifies the MAC of a capability",
        ByProof("capability", "accepted"),
        Edit(
            _CTX,
            "if sha256(sha256(k.opad || sha256(k.ipad || convert_to(message, 'UTF8')))) <> sha256(decode(p[11], 'hex')) then",
            "if false then",
        ),
    ),
)
