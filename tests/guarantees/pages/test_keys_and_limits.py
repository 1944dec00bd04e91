"""The page for integrators says what the code does, and the page of outages what its tests do."""

import re
from pathlib import Path

from libs.contracts.metadata import METADATA_DEPTH_MAX
from services.chat.domain.conversation import MESSAGES_PER_HOUR, QUOTA_POLICY, QUOTA_WINDOW_S
from services.gateway.domain import OVERLAP_DEFAULT, OVERLAP_MAX, OVERLAP_MIN, TOKEN_LIFETIME_MAX, Access, Scope
from services.gateway.key_format import CHECKSUM_CHARS, ID_CHARS, PATTERN, SECRET_CHARS
from services.gateway.pipeline.bodies import JSON_BYTES_MAX, JSON_WITHIN_S
from services.gateway.pipeline.limiter import POLICY, WINDOW_S
from services.gateway.routes import ROUTES, Trait
from services.gateway.settings import GatewaySettings
from services.ingestion.upload.accept import CONCURRENT_UPLOADS_MAX, SLOT_TIMEOUT_S

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "security" / "keys-and-limits.md").read_text()
TESTS = (DOCS.parent / "tests" / "e2e" / "test_outages.py").read_text()


def test_the_page_publishes_the_pattern_and_the_parts_of_a_key() -> None:
    assert f"\n{PATTERN}\n" in PAGE
    assert f"{{{ID_CHARS} id}}_{{{SECRET_CHARS} secret}}{{{CHECKSUM_CHARS} checksum}}" in PAGE


def test_the_page_names_every_scope_and_no_other() -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith("`scopes` are chosen")]

    assert re.findall(r"`([^`]+)`", line)[1:] == [scope.value for scope in Scope]


def test_the_page_says_how_long_keys_overlap_and_tokens_live() -> None:
    default, least, most = (int(span.total_seconds()) for span in (OVERLAP_DEFAULT, OVERLAP_MIN, OVERLAP_MAX))

    assert f"({default} unless you say otherwise, from {least} to {most})" in PAGE
    assert f"{int(TOKEN_LIFETIME_MAX.total_seconds()) // 60} minutes" in PAGE


def test_the_page_says_how_much_and_how_long_bodies_may_be_and_how_many_uploads_there_are_at_once() -> None:
    assert f"takes {CONCURRENT_UPLOADS_MAX} uploads at once; one more waits up to {SLOT_TIMEOUT_S:.0f} seconds" in PAGE
    assert f"has {JSON_BYTES_MAX // 1024} KiB and {JSON_WITHIN_S:.0f} seconds to arrive" in PAGE
    assert f"nested {METADATA_DEPTH_MAX} deep" in PAGE


def test_the_page_says_the_limits() -> None:
    of_key = GatewaySettings.model_fields["requests_per_hour"].default
    alone = GatewaySettings.model_fields["requests_per_hour_local"].default

    assert f"| `{POLICY}` | a key, and each patient with a token of their own | {of_key} requests" in PAGE
    assert f"a key has {alone} requests an hour" in PAGE
    assert f"| `{QUOTA_POLICY}` | a patient, by whichever key or token | {MESSAGES_PER_HOUR} messages" in PAGE
    assert f'"{QUOTA_POLICY}";q={MESSAGES_PER_HOUR};w={QUOTA_WINDOW_S}, "{POLICY}";q={of_key};w={WINDOW_S}' in PAGE


def test_what_ends_something_is_outside_the_limits() -> None:
    unlimited = {
        route.operation_id
        for route in ROUTES
        if Trait.UNLIMITED in route.traits and route.access is not Access.OPERATOR
    }

    assert unlimited == {"revokeConsent", "revokeApiKey", "revokePatientToken"}


def test_every_row_of_the_page_of_outages_is_a_test() -> None:
    rows = re.findall(r"^\| (?!Down|---)([^|]+?) \|", (DOCS / "operations" / "outages.md").read_text(), re.MULTILINE)
    tests = re.findall(r"async def test_without_(?:the_)?([a-z]+(?:_store)?)_", TESTS)

    assert [row.lower().replace(" ", "_") for row in rows] == tests
