"""What a patient gets when the gateway cannot let them in: the crisis answer if they need one, else where to call.

A key that has asked too often, a database that is down or a service that broke must never be why nobody answers.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from libs.common.errors import AppError
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.safety import HelpLines
from services.gateway.domain import Principal

_NOT_NOW = (429, 502, 503)
_MEMBER = "crisis_resources"

# Returns whom the patients of the principal's organization are to call. Never raises: what cannot be read is not set.
CrisisLookup = Callable[[Principal | None], Awaitable[CrisisSettings]]
# Returns the crisis answer, or None when the message asks for none; the principal is None when nobody could be asked
# who it is. Raises AppError when the chat service cannot be asked either.
CrisisAnswer = Callable[[Request, Principal | None, CrisisSettings], Awaitable[Response | None]]


@dataclass(frozen=True)
class CrisisFallback:
    """How a patient whose request is rejected is answered; `lines` are those of the deployment's country."""

    answer: CrisisAnswer
    settings_of: CrisisLookup
    lines: HelpLines


def needs_crisis_answer(error: AppError) -> bool:
    """Return whether the error stopped the request before the crisis check."""
    return error.problem.status in _NOT_NOW and _MEMBER not in error.extra


def with_crisis_resources(error: AppError, lines: HelpLines) -> AppError:
    """Put the crisis resources beside "not now"."""
    return AppError(
        error.problem,
        error.detail,
        retry_after_s=error.retry_after_s,
        errors=error.errors,
        extra={**error.extra, _MEMBER: lines.to_json()},
        **error.facts,
    )
