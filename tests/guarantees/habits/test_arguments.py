"""The clock, the source of ids and randomness are arguments: wiring hands them to whoever needs them."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKERS = {"new_id", "utc_now", "os.urandom", "uuid4", "datetime.now", "time.time"}
RANDOM = ("secrets.", "random.")
# Still makes an id, a time or randomness of its own; may only become less.
MAKES_ITS_OWN = {
    "services/gateway/access/authentication.py": 1,
    "services/gateway/api/access.py": 1,
    "services/gateway/api/chat.py": 1,
    "services/gateway/api/export.py": 1,
    "services/gateway/idempotency/handlers.py": 1,
    "services/transcriber/audit_store.py": 1,
}


def _made(text: str) -> int:
    calls = (ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return sum(call in MAKERS or call.startswith(RANDOM) for call in calls)


def test_no_more_modules_make_their_own_ids_times_or_randomness_than_did() -> None:
    made = Counter[str]()
    for path in (ROOT / "services").rglob("*.py"):
        if not {"tests", "migrations", "vendors"} & set(path.parts) and path.name not in ("wiring.py", "__main__.py"):
            made[str(path.relative_to(ROOT))] = _made(path.read_text())

    assert {name: count for name, count in made.items() if count} == MAKES_ITS_OWN


@pytest.mark.parametrize("call", ["new_id()", "UserId(new_id())", "secrets.token_bytes(16)", "random.uniform(0, 1)"])
def test_what_is_made_on_the_spot_is_found(call: str) -> None:
    assert _made(f"x = {call}") == 1
