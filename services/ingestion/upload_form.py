"""The fields of an upload, checked before anything else of it is read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.problem_response import field_errors
from libs.contracts.ids import PatientId, TherapistId
from libs.contracts.language import TAG

METADATA_KEYS_MAX = 64


@dataclass(frozen=True)
class Upload:
    """What the sender says about a recording."""

    patient_id: PatientId
    therapist_id: TherapistId
    session_date: datetime
    language: str
    metadata: Mapping[str, Any]


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _date(raw: object) -> object:
    # Else "20261005" would be read as seconds since 1970.
    if isinstance(raw, str) and not _DATE.match(raw):
        raise ValueError("not an ISO 8601 date")
    return raw


def _metadata(raw: object) -> object:
    """Read JSON that PostgreSQL can keep: no NUL, no half of a surrogate pair, no NaN."""
    if not isinstance(raw, str):
        return raw
    try:
        found = json.loads(raw)
        kept = json.dumps(found, ensure_ascii=False, allow_nan=False)
        kept.encode()
    except RecursionError as error:
        raise ValueError("too deep") from error
    if "\\u0000" in kept:
        raise ValueError("holds a NUL")
    return found


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID
    therapist_id: UUID
    session_date: Annotated[datetime, BeforeValidator(_date)]
    language: str = Field("en", pattern=TAG)
    metadata: Annotated[dict[str, Any], BeforeValidator(_metadata), Field(max_length=METADATA_KEYS_MAX)] = Field(
        default_factory=dict
    )


def read_form(fields: Mapping[str, str]) -> Upload:
    """Return the upload the fields describe; raise AppError(INVALID_REQUEST) that points at each fault."""
    try:
        form = _Form.model_validate(dict(fields))
    except ValidationError as error:
        faults = [FieldError(f"/body{fault.pointer}", fault.detail) for fault in field_errors(error.errors())]
        raise AppError(INVALID_REQUEST, "The form has fields that are not valid.", errors=faults) from error
    at = form.session_date
    return Upload(
        PatientId(form.patient_id),
        TherapistId(form.therapist_id),
        at if at.tzinfo else at.replace(tzinfo=UTC),
        form.language.lower(),
        form.metadata,
    )
