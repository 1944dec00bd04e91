"""The problems of this product (RFC 9457); the generic ones are in libs.common.errors."""

from libs.common.errors import GENERIC, MODEL_MISSING, ProblemType

CONSENT_REQUIRED = ProblemType(
    "consent-required",
    403,
    "Consent is required",
    "No consent for this purpose is in force for this patient and therapist. "
    "Record the patient's consent (POST /api/v1/consents) and send the request again.",
    is_refusal=True,
)
CHAT_OFF = ProblemType(
    "chat-off",
    403,
    "The chat is off",
    "This organization has switched its chat off (`chat_mode`), so the message was neither stored nor answered. "
    "A message in a crisis is answered all the same. An administrator changes it (PATCH /api/v1/organization).",
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
    "Nothing in the recording could be decoded. Check that it plays, and upload it again, "
    "or save it as MP3 or M4A first.",
)
RECORDING_DAMAGED = ProblemType(
    "recording-damaged",
    422,
    "A part of the recording cannot be decoded",
    "More than 5 % of the recording could not be decoded, so words would be missing unnoticed. "
    "Copy it from the device again, or cut the damaged part out, and upload it again.",
)
NO_SOUND = ProblemType(
    "no-sound",
    422,
    "The recording has no sound",
    "The file has no sound track, or it ends before any sound begins. Check that the microphone was on, "
    "and that the whole file was copied.",
)
NO_SPEECH = ProblemType(
    "no-speech",
    422,
    "No speech in the recording",
    "The recording is silent, or less than a second of speech was found in it. "
    "Check that it is the right file and that the microphone was not muted.",
)

ALREADY_REVOKED = ProblemType(
    "already-revoked",
    409,
    "Already revoked",
    "This consent is not in force any more, so there is nothing to take back. Nothing was changed.",
)
EMAIL_TAKEN = ProblemType(
    "email-taken",
    409,
    "The email is taken",
    "Another user of this organization has this email. Look that user up (GET /api/v1/users) or use another email.",
)
LAST_ADMIN_KEY = ProblemType(
    "last-admin-key",
    409,
    "The last key with the scope admin",
    "Without this key nobody could make another. Create a second key with the scope `admin` first.",
)
KEY_REPLACED = ProblemType(
    "key-replaced",
    409,
    "The key has been replaced already",
    "This key was rotated before and ends when its overlap does. Rotate or use its successor, named in `replaced_by`.",
)
REPLAY_RUNNING = ProblemType(
    "idempotency-running",
    409,
    "The first request is still running",
    "A request with this Idempotency-Key has not been answered yet. Wait as long as `Retry-After` says and repeat.",
    retryable=True,
)
REPLAY_CHANGED = ProblemType(
    "idempotency-changed",
    422,
    "The key was used for another request",
    "A request with this Idempotency-Key had another body or If-Match. Use a new key for a new request.",
)
SECRET_SHOWN = ProblemType(
    "idempotency-secret-shown",
    409,
    "The secret was shown once",
    "The request with this Idempotency-Key made something whose secret was in the first answer and is not kept. "
    "What it made is named in `id`: revoke that, and make another with a new Idempotency-Key.",
)
FIELDS_AFTER_FILE = ProblemType(
    "fields-after-file",
    422,
    "Fields came after the file",
    "Consent is asked before the file is read, so every field must come first. Send the part `file` last.",
)
DIGEST_MISMATCH = ProblemType(
    "digest-mismatch",
    422,
    "The content is not what its digest says",
    "The SHA-256 of what arrived differs from `Repr-Digest`, so nothing was kept. Send the file again.",
)
RECORDING_TOO_LONG = ProblemType(
    "recording-too-long", 422, "The recording is too long", "A recording may last four hours. Split it and send each."
)
NOT_FAILED = ProblemType(
    "not-failed",
    409,
    "The session has not failed",
    "Only a session whose processing failed or was withheld can be retried. Read its status.",
)
NOT_READY = ProblemType(
    "not-ready",
    409,
    "The session is not ready",
    "Only a session that is ready can be released to the chat. Wait until its status is `ready`, and read it first.",
)
NOT_RELEASED = ProblemType(
    "not-released",
    409,
    "The session is not released",
    "A session that the answer was to quote was taken back from the chat while it was written, so it was not given. "
    "Send the message again.",
    retryable=True,
)
# 410 and not 404: whoever could see it before is told that it went, and where the receipt is.
ERASED = ProblemType(
    "erased",
    410,
    "It was erased",
    "This session or patient was erased for good, so nothing of it is kept, shown or taken in again. "
    "The receipt of the erasure (GET /api/v1/erasures/{id}) says what went when.",
    is_refusal=True,
)
LEGAL_HOLD = ProblemType(
    "legal-hold",
    409,
    "A legal hold is in force",
    "What is kept about this patient must not be erased for now. An administrator lifts the hold "
    "(DELETE /api/v1/patients/{id}/legal-hold); send the request again after that.",
)

PRODUCT: tuple[ProblemType, ...] = (
    FIELDS_AFTER_FILE,
    DIGEST_MISMATCH,
    RECORDING_TOO_LONG,
    NOT_FAILED,
    MODEL_MISSING,
    RECORDING_UNREADABLE,
    RECORDING_DAMAGED,
    NO_SOUND,
    NO_SPEECH,
    CONSENT_REQUIRED,
    CHAT_OFF,
    PATIENT_QUOTA,
    ALREADY_REVOKED,
    EMAIL_TAKEN,
    LAST_ADMIN_KEY,
    KEY_REPLACED,
    REPLAY_RUNNING,
    REPLAY_CHANGED,
    SECRET_SHOWN,
    NOT_READY,
    NOT_RELEASED,
    ERASED,
    LEGAL_HOLD,
)

# By it the gateway turns a service's answer back into the problem that it was.
BY_SLUG: dict[str, ProblemType] = {problem.slug: problem for problem in (*GENERIC, *PRODUCT)}

# SQLSTATEs that our database functions raise for a business "no".
REFUSALS: dict[str, ProblemType] = {"TR403": CONSENT_REQUIRED, "TR409": NOT_RELEASED, "TR410": ERASED}
