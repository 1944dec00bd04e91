"""The problems of this product (RFC 9457); the generic ones are in libs.common.errors."""

from libs.common.errors import GENERIC, ProblemType
from libs.common.model_files import MODEL_MISSING

CONSENT_REQUIRED = ProblemType(
    "consent-required",
    403,
    "Consent is required",
    "No consent for this purpose is in force for this patient and therapist. "
    "Record the patient's consent (POST /api/v1/consents) and send the request again.",
    is_refusal=True,
)
PATIENT_QUOTA = ProblemType(
    "patient-quota",
    429,
    "Too many messages from this patient",
    "A patient may send 20 messages an hour. Wait as long as `Retry-After` says; "
    "the crisis resources in this answer are always there.",
    retryable=True,
)
RECORDING_UNREADABLE = ProblemType(
    "recording-unreadable",
    422,
    "The recording cannot be read",
    "The recording could not be decoded, or holds no sound. Check that it plays, and upload it again.",
)

PRODUCT: tuple[ProblemType, ...] = (
    MODEL_MISSING,
    RECORDING_UNREADABLE,
    CONSENT_REQUIRED,
    PATIENT_QUOTA,
)

BY_SLUG: dict[str, ProblemType] = {problem.slug: problem for problem in (*GENERIC, *PRODUCT)}

# SQLSTATEs that our database functions raise for a business "no".
REFUSALS: dict[str, ProblemType] = {"TR403": CONSENT_REQUIRED}
