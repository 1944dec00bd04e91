"""Every time that a caller sends goes through one type, libs/common/client_time.py; every one that is kept is held."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Answers of services of ours and of a cloud, not of callers; and the type itself.
READS_ANSWERS = {"libs/common/keys/aws_credentials.py", "libs/common/client_time.py", "services/chat/clients.py"}
HELD = {
    "ingestion.session": "session_date",
    "transcriber.transcript": "session_date",
    "embedder.chunk": "session_date",
    "embedder.passage": "session_date",
    "chat.message_source": "session_date",
    "gateway.api_key": "expires_at",
}


def _sources() -> dict[str, str]:
    files = [file for top in ("libs", "services") for file in (ROOT / top).rglob("*.py") if "tests" not in file.parts]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def test_no_route_has_a_type_of_its_own_for_times() -> None:
    assert {name for name, text in _sources().items() if "AwareDatetime" in text} == READS_ANSWERS


def test_a_time_without_a_zone_is_given_one_nowhere() -> None:
    given = re.compile(r"replace\(tzinfo=")
    # An HTTP date is in GMT, whether it says so or not.
    allowed = {"libs/common/local_time.py", "libs/devstack/vendors/aws_kms.py", "libs/common/http/retry_after.py"}

    assert {name for name, text in _sources().items() if given.search(text)} == allowed


def test_every_column_of_a_callers_time_is_held_to_readable_ones() -> None:
    migrations = "".join(text for name, text in _sources().items() if "/migrations/" in name)

    missing = [table for table, column in HELD.items() if f'keep_readable(op, "{table}", "{column}")' not in migrations]

    assert missing == []
