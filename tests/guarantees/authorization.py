"""Who may do what: every route times every kind of caller, as a page that a person reviews when it changes."""

from uuid import UUID

from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId
from services.gateway.domain import Access, Principal, Scope, may
from services.gateway.routes import ROUTES, Route

ORGANIZATION = OrganizationId(UUID(int=1))
KEY = ApiKeyId("abcdefABCDEF")
NOBODY, PATIENT, OPERATOR = "nobody", "a patient's token", "the operator"
CALLERS = (NOBODY, PATIENT, *(scope.value for scope in Scope), OPERATOR)
EVERYBODY, WITH_A_CREDENTIAL = "everybody", "any key or patient's token; everybody where `ENV` is dev"
# What the public side serves beside its table of routes: to whom, and why it needs no scope.
OUTSIDE_THE_TABLE = {
    "/health": (EVERYBODY, "a load balancer has no key; on the public side it says one word"),
    "/live": (EVERYBODY, "an orchestrator has no key; it says one word"),
    "/api/v1/health": (EVERYBODY, "an integrator asks whether the gateway works before there is a key; one word"),
    "/problems/{slug}": (EVERYBODY, "an error links to it; a text of ours about a kind of problem"),
    "/openapi.json": (WITH_A_CREDENTIAL, "the description of the API, without data of any organization"),
    "/docs": (WITH_A_CREDENTIAL, "the same description as a page"),
    "/docs/{name}": (WITH_A_CREDENTIAL, "the scripts and styles of that page"),
}


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
    return "\n".join([*lines, *_outside(), ""])


def _outside() -> list[str]:
    rows = [f"| `GET {path}` | {who} | {why} |" for path, (who, why) in sorted(OUTSIDE_THE_TABLE.items())]
    told = "What the public side serves beside the table of routes (`services/gateway/routes.py`), and nothing else."
    return [
        "",
        "## Outside the table",
        "",
        told,
        "",
        "| route | who is let in | why without a scope |",
        "|---|---|---|",
        *rows,
    ]
