"""Every route times every kind of caller, as a text that a person reviews when it changes.

Rewrite it with `python -m tests.guarantees.test_authz_matrix`; the difference is what the review is about.
"""

from pathlib import Path
from uuid import UUID

from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId
from services.gateway.domain import Access, Principal, Scope, may
from services.gateway.routes import ROUTES, Route

MATRIX = Path(__file__).parent / "authz_matrix.txt"
ORGANIZATION = OrganizationId(UUID(int=1))
KEY = ApiKeyId("abcdefABCDEF")


def _callers() -> dict[str, Principal | None]:
    keys = {scope.value: Principal(ORGANIZATION, KEY, "key", frozenset({scope})) for scope in Scope}
    bare = Principal(ORGANIZATION, KEY, "key")
    patient = Principal(ORGANIZATION, KEY, "patient", frozenset(), PatientId(UUID(int=2)))
    return {"nobody": None, "key without scopes": bare, "patient token": patient, **keys}


def _admitted(route: Route) -> list[str]:
    if route.access is Access.OPERATOR:
        return ["operator"]
    return [
        name
        for name, caller in _callers().items()
        if route.access is Access.OPEN or (caller is not None and may(caller, route.access, route.scopes))
    ]


def rendered() -> str:
    """Return the matrix: a route, who is let in, and what the services behind may then be asked."""
    blocks = []
    for route in sorted(ROUTES, key=lambda route: (route.path, route.method)):
        behind = ", ".join(sorted(route.capability)) or "answered by the gateway"
        blocks.append(f"{route.method} {route.path}\n  let in: {', '.join(_admitted(route))}\n  behind: {behind}\n")
    return "\n".join(blocks)


def test_who_may_do_what_is_what_was_reviewed() -> None:
    assert rendered() == MATRIX.read_text()


def test_nobody_is_let_in_anywhere() -> None:
    assert [route.path for route in ROUTES if "nobody" in _admitted(route)] == []


def test_a_patients_token_reaches_the_chat_and_only_the_chat() -> None:
    assert {route.tag for route in ROUTES if "patient token" in _admitted(route)} == {"chat"}


def test_reading_is_never_forwarded_with_more_than_reading_but_for_the_chat() -> None:
    reads = [route for route in ROUTES if route.method == "GET" and route.tag != "chat"]

    assert all(scope.endswith(":read") for route in reads for scope in route.capability)


if __name__ == "__main__":
    MATRIX.write_text(rendered())
