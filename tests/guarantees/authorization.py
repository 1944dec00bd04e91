"""Who may do what: every route times every kind of caller, as a page that a person reviews when it changes."""

from uuid import UUID

from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId
from services.gateway.domain import Access, Principal, Scope, may
from services.gateway.routes import ROUTES, Route

ORGANIZATION = OrganizationId(UUID(int=1))
KEY = ApiKeyId("abcdefABCDEF")
NOBODY, PATIENT, OPERATOR = "nobody", "a patient's token", "the operator"
CALLERS = (NOBODY, PATIENT, *(scope.value for scope in Scope), OPERATOR)


def admits(route: Route, caller: str) -> bool:
    """Tell whether the table lets such a caller in."""
    if route.access is Access.OPERATOR or caller == OPERATOR:
        return route.access is Access.OPERATOR and caller == OPERATOR
    principal = _principal(caller)
    return route.access is Access.OPEN or (principal is not None and may(principal, route.access, route.scopes))


def _principal(caller: str) -> Principal | None:
    if caller == NOBODY:
        return None
    if caller == PATIENT:
        return Principal(ORGANIZATION, KEY, "patient", frozenset(), PatientId(UUID(int=2)))
    return Principal(ORGANIZATION, KEY, "key", frozenset({Scope(caller)}))


def matrix(note: str) -> str:
    """Render the page: a route a row, a kind of caller a column, and what the services behind may then be asked."""
    lines = [
        "# Authorization",
        "",
        note,
        "",
        "Who is let in where, each key with one scope only.",
        "`tests/guarantees/test_authz_matrix.py` calls every route over HTTP as every one of them.",
        "`behind` is what the capability allows that the services behind the gateway are asked with.",
        "",
        f"| route | {' | '.join(CALLERS)} | behind |",
        "|---" * (len(CALLERS) + 2) + "|",
    ]
    for route in sorted(ROUTES, key=lambda route: (route.path, route.method)):
        cells = ("yes" if admits(route, caller) else "-" for caller in CALLERS)
        behind = ", ".join(sorted(route.capability)) or "the gateway answers"
        lines.append(f"| `{route.method} {route.path}` | {' | '.join(cells)} | {behind} |")
    return "\n".join([*lines, ""])
