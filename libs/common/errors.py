"""One application error with two voices: a sentence for the caller, facts for the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Fact = str | int | float | bool | None


@dataclass(frozen=True)
class ProblemType:
    """A kind of error, documented at /problems/{slug} (RFC 9457).

    `doc` says what happened and what to do about it; `retryable` says whether the same request may succeed later;
    `is_refusal` marks a business "no": a step that meets it records a fact, and no dead letter is written.
    """

    slug: str
    status: int
    title: str
    doc: str
    retryable: bool = False
    is_refusal: bool = False


@dataclass(frozen=True)
class FieldError:
    """One fault in the input: a JSON pointer (RFC 6901) and a sentence that never repeats the value."""

    pointer: str
    detail: str


class AppError(Exception):
    """The only error that crosses a layer.

    `detail` is read by the caller and must hold only what the caller may know.
    `facts` are allow-listed log keys; they never reach the caller.
    `extra` are further members of the problem document (RFC 9457 section 3.2).
    """

    def __init__(
        self,
        problem: ProblemType,
        detail: str,
        *,
        retry_after_s: float | None = None,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        **facts: Fact,
    ) -> None:
        # The slug alone: a traceback or a log that prints the exception must not repeat the sentence or the facts.
        super().__init__(problem.slug)
        self.problem = problem
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.errors = tuple(errors)
        self.extra: Mapping[str, Any] = extra or {}
        self.facts = facts


NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Not found",
    "The resource does not exist, or it belongs to somebody else. Check the id and which key you use.",
)
UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    401,
    "Authentication needed",
    "The request carries no credential that is in force. Send an active API key as a Bearer token.",
)
FORBIDDEN = ProblemType(
    "forbidden", 403, "Not allowed", "The credential lacks the scope this route needs. Use a key that has it."
)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "The request is not valid",
    "A field is missing, unknown or out of range. `errors` points at each one; correct them and send again.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "Method not allowed",
    "This path exists but not with this method. The `Allow` header lists those that are.",
)
CONFLICT = ProblemType(
    "conflict", 409, "Conflict", "The resource has changed or is in a state that forbids this. Read it again."
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed",
    412,
    "Changed in the meantime",
    "`If-Match` names another version than the current one. Read it again and repeat the change.",
)
PRECONDITION_REQUIRED = ProblemType(
    "precondition-required",
    428,
    "A version must be named",
    "The change is of one version, and the request names none. Read it and send its ETag as `If-Match`.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    406,
    "Not in this form",
    "The resource has none of the media types in `Accept`. `detail` lists those that it has; leave the header out "
    "for JSON.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    408,
    "The request came too slowly",
    "The body had not arrived within the time named in `detail`. Nothing was changed; send it again.",
    retryable=True,
)
PAYLOAD_TOO_LARGE = ProblemType(
    "payload-too-large", 413, "Too large", "The body is larger than the limit named in `detail`. Send less."
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "Unsupported media type",
    "The content is not of a kind that is accepted, or is not what its name and type say. `detail` lists what is.",
)
RATE_LIMITED = ProblemType(
    "rate-limited",
    429,
    "Too many requests",
    "A limit was reached; `detail` names it. Wait as long as `Retry-After` says.",
    retryable=True,
)
INTERNAL = ProblemType(
    "internal",
    500,
    "Something failed on our side",
    "The request may be repeated. Quote `request_id` when you report it.",
    retryable=True,
)
UPSTREAM_FAILED = ProblemType(
    "upstream-failed",
    502,
    "An upstream service failed",
    "A vendor or another service failed. Queued work is retried automatically; repeat any other request later.",
    retryable=True,
)
UPSTREAM_REFUSED = ProblemType(
    "upstream-refused",
    502,
    "An upstream service refused",
    "A vendor refused the request for good (a wrong key, an unreadable file). The operator must check its settings.",
)
UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Not available right now",
    "A service or store that this request needs is down or busy. Wait as long as `Retry-After` says, then repeat it.",
    retryable=True,
)

GENERIC: tuple[ProblemType, ...] = (
    NOT_FOUND,
    UNAUTHENTICATED,
    FORBIDDEN,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
    NOT_ACCEPTABLE,
    REQUEST_TIMEOUT,
    PAYLOAD_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    RATE_LIMITED,
    INTERNAL,
    UPSTREAM_FAILED,
    UPSTREAM_REFUSED,
    UNAVAILABLE,
)


class BrokerUnavailableError(Exception):
    """The message broker does not answer now; the caller waits a little and asks again."""


MODEL_MISSING = ProblemType(
    "model-missing",
    503,
    "A local model is not installed",
    "This machine lacks a model file that the local provider needs. "
    "Install it with the command in `detail`, or point MODELS_DIR at a folder that has it.",
)
